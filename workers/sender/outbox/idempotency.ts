import { listTables, type PeriodTable } from "../../../shared/durable/period-tables.ts";
import type { Sql } from "../../../shared/durable/sql.ts";

export type KeyKind = "id" | "request";
export type KeyRow = { digest: string; seq: number | null; answer: string | null };

/** What was answered to a caller's id or Idempotency-Key; and the seq of a scheduled event, once it has one. */
export class Keys {
  readonly #sql: Sql;
  #tables: readonly PeriodTable[] = [];

  constructor(sql: Sql) {
    this.#sql = sql;
    this.reload();
  }

  reload(): void {
    this.#tables = listTables(this.#sql, "keys");
  }

  /** The newest table first, as a rewrite goes there. */
  get(kind: KeyKind, key: string): KeyRow | null {
    for (const table of this.#tables.toReversed()) {
      const row = this.#sql.run<KeyRow>(
        `SELECT digest, seq, answer FROM ${table.name} WHERE kind = ? AND key = ?`,
        kind,
        key,
      )[0];
      if (row !== undefined) return row;
    }
    return null;
  }

  set(kind: KeyKind, key: string, row: KeyRow, period: number): void {
    const name = `keys_${period}`;
    if (!this.#tables.some((table) => table.name === name)) {
      this.#sql.run(
        `CREATE TABLE ${name} (kind TEXT, key TEXT, digest TEXT NOT NULL, seq INTEGER, answer TEXT, PRIMARY KEY (kind, key)) WITHOUT ROWID`,
      );
      this.#tables = [...this.#tables, { name, first: period }];
    }
    this.#sql.run(
      `INSERT OR REPLACE INTO ${name} (kind, key, digest, seq, answer) VALUES (?, ?, ?, ?, ?)`,
      ...[kind, key, row.digest, row.seq, row.answer],
    );
  }

  /** Drops the tables whose period ended before `period`. */
  dropBefore(period: number): void {
    for (const table of this.#tables.filter(({ first }) => first < period)) {
      this.#sql.run(`DROP TABLE ${table.name}`);
      this.#tables = this.#tables.filter(({ name }) => name !== table.name);
    }
  }
}
