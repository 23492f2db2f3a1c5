import { DAY_MS } from "../time.ts";
import type { Sql } from "./sql.ts";

/**
 * Tables that hold one stretch of a log or of time each and are dropped whole: a DROP TABLE writes no rows, a DELETE
 * writes as many as it takes away.
 */

/** One table: `name` is `<prefix>_<first>`, `first` the first number it may hold, `sql` the statement that made it. */
export type PeriodTable = { name: string; first: number; sql: string };

/** A table is finished early at this size, or at this share of a small storage: dropping one frees no more than that. */
const MAX_TABLE_BYTES = 64 * 1024 * 1024;
const MAX_TABLE_SHARE = 1 / 16;
/** A clock is set by less than this without a word. A longer step back means that the time before it was wrong. */
export const CLOCK_STEP_MS = 5 * 60_000;

/** Returns how long one table is written to: a sixth of the retention, at least a day. */
export function periodMs(retentionMs: number): number {
  return Math.max(DAY_MS, retentionMs / 6);
}

/** The bounds of a table: how long rows are kept, and the bytes that its object may store. */
export type TableBounds = { retentionMs: number; storageLimit: number };

/**
 * Returns whether a table that was begun at `began` (unix ms) and holds `bytes` has had its period, or is full. A table
 * that was begun in the future is finished: its clock was wrong, and no table mixes two clocks.
 */
export function isFinished(
  { began, bytes }: { began: number; bytes: number },
  { now, retentionMs, storageLimit }: TableBounds & { now: number },
): boolean {
  if (began - now > CLOCK_STEP_MS || now - began >= periodMs(retentionMs)) return true;
  return bytes > Math.min(MAX_TABLE_BYTES, storageLimit * MAX_TABLE_SHARE);
}

/** Returns the existing tables of one prefix, the oldest first. */
export function listTables(sql: Sql, prefix: string): PeriodTable[] {
  return sql
    .run<{ name: string; sql: string }>(
      "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name GLOB ?",
      `${prefix}_*`,
    )
    .map((table) => ({ ...table, first: Number(table.name.slice(prefix.length + 1)) }))
    .sort((a, b) => a.first - b.first);
}

/** The tables of one prefix, with their list in memory: `reload` it after a transaction that was rolled back. */
export class PeriodTables {
  readonly #sql: Sql;
  readonly #prefix: string;
  readonly #definition: string;
  #all: readonly PeriodTable[];

  /** `definition`: the columns in parentheses and the options, as they follow a table's name. */
  constructor(sql: Sql, prefix: string, definition: string) {
    this.#sql = sql;
    this.#prefix = prefix;
    this.#definition = definition;
    this.#all = listTables(sql, prefix);
  }

  reload(): void {
    this.#all = listTables(this.#sql, this.#prefix);
  }

  /** All tables, the oldest first. */
  get all(): readonly PeriodTable[] {
    return this.#all;
  }

  get newest(): PeriodTable | undefined {
    return this.#all.at(-1);
  }

  /** Returns the table that a number belongs to: the last that begins at or before it, else the oldest. */
  holding(number: number): PeriodTable | undefined {
    return this.#all.findLast(({ first }) => first <= number) ?? this.#all[0];
  }

  /** Creates the table that begins at `first`. */
  add(first: number): PeriodTable {
    const name = `${this.#prefix}_${first}`;
    const table = { name, first, sql: `CREATE TABLE ${name} ${this.#definition}` };
    this.#sql.run(table.sql);
    this.#all = [...this.#all, table];
    return table;
  }

  /** Gives a table another first number; its rows stay as they are. */
  rename({ name }: PeriodTable, first: number): void {
    this.#sql.run(`ALTER TABLE ${name} RENAME TO ${this.#prefix}_${first}`);
    this.reload();
  }

  drop({ name }: PeriodTable): void {
    this.#sql.run(`DROP TABLE ${name}`);
    this.#all = this.#all.filter((table) => table.name !== name);
  }
}
