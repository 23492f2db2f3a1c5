/** Tables of the configuration, and the mistakes in them. */

export type SourceTable = Record<string, unknown>;

/** Mistake in a source's table, in the words "<key> <problem>". */
export class TableFault extends Error {}

export function isTable(value: unknown): value is SourceTable {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
