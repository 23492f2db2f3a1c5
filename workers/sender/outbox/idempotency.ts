import { PeriodTables } from "../../../shared/durable/period-tables.ts";
import type { Sql } from "../../../shared/durable/sql.ts";

/** `id`: of an event. `request`: an Idempotency-Key. */
type KeyKind = "id" | "request";

/** The first use of a key: a digest of its content, the event's seq once there is one, the answer to give again. */
type FirstUse = { digest: string; seq: number | null; answer: string | null };

const KEY_TABLE = `(kind TEXT, key TEXT, digest TEXT NOT NULL, seq INTEGER, answer TEXT,
  PRIMARY KEY (kind, key)) WITHOUT ROWID`;

/** The ids and Idempotency-Keys that were answered before: a repetition gets the first answer again. */
export class IdempotencyKeys {
  readonly #sql: Sql;
  readonly #tables: PeriodTables;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#tables = new PeriodTables(sql, "keys", KEY_TABLE);
  }

  reload(): void {
    this.#tables.reload();
  }

  /** Looks in the newest table first, as a rewritten key stands there. */
  get(kind: KeyKind, key: string): FirstUse | null {
    for (const table of this.#tables.all.toReversed()) {
      const row = this.#sql.run<FirstUse>(
        `SELECT digest, seq, answer FROM ${table.name} WHERE kind = ? AND key = ?`,
        kind,
        key,
      )[0];
      if (row !== undefined) return row;
    }
    return null;
  }

  /** Writes into the table of `period`, or into a later one that a wrong clock has made: keys are found there first. */
  set(kind: KeyKind, key: string, row: FirstUse, period: number): void {
    const { newest } = this.#tables;
    const { name } = newest !== undefined && newest.first >= period ? newest : this.#tables.add(period);
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
