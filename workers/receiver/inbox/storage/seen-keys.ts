import type { Bytes } from "../../../../shared/bytes.ts";
import { type PeriodTable, PeriodTables } from "../../../../shared/durable/period-tables.ts";
import type { Sql } from "../../../../shared/durable/sql.ts";

/** Tables of the keys of events that were logged, each named by when it was begun. Nothing here decides. */

/** Columns of seen keys: 16 bytes of a digest, and whole seconds since the table was begun. Each byte counts once an event. */
const SEEN = "(key BLOB PRIMARY KEY, seq INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID";

/** An entry for a key: the seq and time it was logged with. An earlier entry counts if it is not older than `since`. */
export type SeenEntry = { seq: number; at: number; since: number };

export class SeenKeys {
  readonly #sql: Sql;
  readonly #tables: PeriodTables;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#tables = new PeriodTables(sql, "seen", SEEN);
  }

  /** All tables, the oldest first; `first` is when a table was begun, in unix milliseconds. */
  get tables(): readonly PeriodTable[] {
    return this.#tables.all;
  }

  reload(): void {
    this.#tables.reload();
  }

  begin(now: number): void {
    this.#tables.add(now);
  }

  /**
   * Lets tables that begin after `now` begin at it, in their order. Their keys go back with them: a key's time counts
   * from its table's beginning.
   */
  moveBack(now: number): void {
    const later = this.tables.filter(({ first }) => first > now);
    const last = this.tables.findLast(({ first }) => first <= now)?.first ?? 0;
    const begin = Math.max(now, last + later.length) - later.length + 1;
    for (const [index, table] of later.entries()) this.#tables.rename(table, begin + index);
  }

  drop(table: PeriodTable): void {
    this.#tables.drop(table);
  }

  /** Returns the seq that the key was logged as after `since`, or null. */
  find(table: PeriodTable, key: Bytes, since: number): number | null {
    const query = `SELECT seq FROM ${table.name} WHERE key = ? AND at > ?`;
    const [row] = this.#sql.run<{ seq: number }>(query, key, secondsIn(table, since));
    return row?.seq ?? null;
  }

  /** Writes the key, over an older entry; false, and nothing written, when the table has it since `since`. */
  remember(table: PeriodTable, key: Bytes, { seq, at, since }: SeenEntry): boolean {
    const written = this.#sql.rowsWritten;
    this.#sql.run(
      `INSERT INTO ${table.name} VALUES (?, ?, ?)
         ON CONFLICT (key) DO UPDATE SET seq = excluded.seq, at = excluded.at WHERE at <= ?`,
      ...[key, seq, secondsIn(table, at), secondsIn(table, since)],
    );
    return this.#sql.rowsWritten > written;
  }
}

/** Converts unix milliseconds to whole seconds since the table was begun; no limit of deduplication is finer. */
function secondsIn({ first }: PeriodTable, ms: number): number {
  return Math.floor((ms - first) / 1000);
}
