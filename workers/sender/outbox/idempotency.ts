import { PeriodTables } from "../../../shared/durable/period-tables.ts";
import type { Sql } from "../../../shared/durable/sql.ts";

export type IdempotencyKind = "id" | "request";
export type KnownAnswer = { digest: string; seq: number | null; answer: string | null };

const DEFINITION = `(kind TEXT, key TEXT, digest TEXT NOT NULL, seq INTEGER, answer TEXT,
  PRIMARY KEY (kind, key)) WITHOUT ROWID`;

/** What was answered to a caller's id or Idempotency-Key; and the seq of a scheduled event, once it has one. */
export class IdempotencyKeys {
  readonly #sql: Sql;
  readonly #tables: PeriodTables;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#tables = new PeriodTables(sql, "keys", DEFINITION);
  }

  reload(): void {
    this.#tables.reload();
  }

  /** The newest table first, as a rewrite goes there. */
  get(kind: IdempotencyKind, key: string): KnownAnswer | null {
    for (const table of this.#tables.all.toReversed()) {
      const row = this.#sql.run<KnownAnswer>(
        `SELECT digest, seq, answer FROM ${table.name} WHERE kind = ? AND key = ?`,
        kind,
        key,
      )[0];
      if (row !== undefined) return row;
    }
    return null;
  }

  set(kind: IdempotencyKind, key: string, row: KnownAnswer, period: number): void {
    const { name } = this.#tables.all.find(({ first }) => first === period) ?? this.#tables.add(period);
    this.#sql.run(
      `INSERT OR REPLACE INTO ${name} (kind, key, digest, seq, answer) VALUES (?, ?, ?, ?, ?)`,
      ...[kind, key, row.digest, row.seq, row.answer],
    );
  }

  /** Drops the tables whose period ended before `period`. */
  dropBefore(period: number): void {
    for (const table of this.#tables.all) if (table.first < period) this.#tables.drop(table);
  }
}
