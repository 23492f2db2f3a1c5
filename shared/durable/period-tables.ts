import type { Sql } from "./sql.ts";

/**
 * Tables that hold one period each and are dropped whole: a DROP TABLE writes no rows, a DELETE writes as
 * many as it takes away. Names are `<prefix>_<first>`, `first` being the first number the table may hold.
 */
export type PeriodTable = { name: string; first: number };

/** A period table is cut early at this size, so that dropping one frees a bounded share of the storage. */
export const MAX_TABLE_BYTES = 64 * 1024 * 1024;
const DAY_MS = 86_400_000;

/** How long one table is written to: a sixth of the retention, at least a day. */
export function periodMs(retentionMs: number): number {
  return Math.max(DAY_MS, retentionMs / 6);
}

/** The existing tables of one prefix, oldest first. */
export function listTables(sql: Sql, prefix: string): PeriodTable[] {
  return sql
    .run<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB ?", `${prefix}_*`)
    .map(({ name }) => ({ name, first: Number(name.slice(prefix.length + 1)) }))
    .sort((a, b) => a.first - b.first);
}

/** The table a number belongs to: the last that begins at or before it; older numbers go to the oldest. */
export function tableFor(tables: readonly PeriodTable[], number: number): PeriodTable | undefined {
  return tables.findLast((table) => table.first <= number) ?? tables[0];
}
