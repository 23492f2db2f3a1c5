import { PeriodTables } from "../../../../shared/durable/period-tables.ts";
import type { Sql } from "../../../../shared/durable/sql.ts";
import type { Arrival } from "../../event/arrival.ts";
import type { EventRow } from "../../event/record.ts";

/** Tables of the newest events, each named by its first seq. Nothing here decides. */

/** Columns of a tail. The body stands last, so that lists never read its pages. */
const TAIL = `(
  seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, source TEXT NOT NULL, type TEXT, bytes INTEGER NOT NULL, id TEXT,
  verification TEXT NOT NULL, method TEXT, path TEXT, query TEXT, headers TEXT NOT NULL, body BLOB NOT NULL)`;

/** Columns that tails of schema 3 lack. */
const SINCE_SCHEMA_4 = ["method", "path", "query"];

/** A row whose time was damaged must not count: it would make every time of its tail none. */
const WITH_TIME = "FILTER (WHERE typeof(at) = 'integer')";

/** The events of one source in a tail: how many, and when the first and the last were received. */
type SourceRun = { source: string; n: number; from: number | null; to: number | null };

/** A tail as `measure` finds it; `from` and `lastAt` are null while it is empty. */
type Measured = { next: number; count: number; bytes: number; from: number | null; lastAt: number | null };

export class Tails {
  readonly #sql: Sql;
  readonly #tables: PeriodTables;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#tables = new PeriodTables(sql, "tail", TAIL);
  }

  /** The first seqs of all tails, the oldest first; the last tail is the open one. */
  get firstSeqs(): number[] {
    return this.#tables.all.map(({ first }) => first);
  }

  reload(): void {
    this.#tables.reload();
  }

  begin(firstSeq: number): void {
    this.#tables.add(firstSeq);
  }

  /** Adds the columns that tails of schema 3 lack. Writes no row: in the rows that are there, they are null. */
  addColumns(): void {
    for (const { name } of this.#tables.all) {
      for (const column of SINCE_SCHEMA_4) this.#sql.run(`ALTER TABLE ${name} ADD COLUMN ${column} TEXT`);
    }
  }

  append(tail: number, seq: number, at: number, arrival: Arrival): void {
    const { source, type, body, id, verification, method, path, query, headers } = arrival;
    // By name, as a tail that was begun with schema 3 has another order.
    this.#sql.run(
      `INSERT INTO tail_${tail} (seq, at, source, type, bytes, id, verification, method, path, query, headers, body)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[seq, at, source, type, body.byteLength, id, verification, method, path, query, headers, body],
    );
  }

  /** Reads how full a tail is, without its bodies. `bytes` counts bodies, headers and URLs. */
  measure(tail: number): Measured {
    const [measured] = this.#sql.run<Measured>(
      `SELECT coalesce(max(seq) + 1, ?) AS next, count(*) AS count, min(at) ${WITH_TIME} AS "from", max(at) ${WITH_TIME} AS lastAt,
         coalesce(sum(bytes + length(headers) + coalesce(length(path), 0) + coalesce(length(query), 0)), 0) AS bytes
         FROM tail_${tail}`,
      tail,
    );
    if (measured === undefined) throw new Error("an aggregate always has a row");
    return measured;
  }

  /** Reads whose events a tail holds. */
  bySource(tail: number): SourceRun[] {
    return this.#sql.run<SourceRun>(
      `SELECT source, count(*) AS n, min(at) ${WITH_TIME} AS "from", max(at) ${WITH_TIME} AS "to"
         FROM tail_${tail} GROUP BY source`,
    );
  }

  /** Returns when a source's newest event in any tail was received; null when there is none. */
  lastAt(source: string): number | null {
    for (const { name } of this.#tables.all.toReversed()) {
      const [row] = this.#sql.run<{ at: number | null }>(
        `SELECT max(at) ${WITH_TIME} AS at FROM ${name} WHERE source = ?`,
        source,
      );
      if (row !== undefined && row.at !== null) return row.at;
    }
    return null;
  }

  holds(tail: number, source: string): boolean {
    const [row] = this.#sql.run<{ n: number }>(`SELECT count(*) AS n FROM tail_${tail} WHERE source = ?`, source);
    return (row?.n ?? 0) > 0;
  }

  /** Returns the rows of a sealed tail, in order. */
  rows(tail: number): EventRow[] {
    return this.#sql.run<EventRow>(`SELECT * FROM tail_${tail} ORDER BY seq`);
  }

  drop(firstSeq: number): void {
    const table = this.#tables.all.find(({ first }) => first === firstSeq);
    if (table === undefined) throw new Error(`there is no tail ${firstSeq}`);
    this.#tables.drop(table);
  }
}
