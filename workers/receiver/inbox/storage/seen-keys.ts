import type { Sql } from "../../../../shared/durable/sql.ts";
import type { Dedup } from "../../event/arrival.ts";
import type { SeenTable } from "../state/state.ts";
import { createSeen } from "./schema.ts";

/** What is remembered of a key: the seq it was logged as, when, and since when an earlier entry would count. */
export type SeenEntry = { seq: number; at: number; since: number };

/**
 * What is done to the tables of seen keys; nothing here decides. Tables of the layout `text`, which only an earlier
 * schema made, are filled to the end of their period and looked up until they go: a log forgets nothing by an upgrade.
 */
export class SeenKeys {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** The tables, the oldest first. */
  list(): SeenTable[] {
    const tables = this.#sql.run<{ name: string; sql: string }>(
      "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name GLOB 'seen_*'",
    );
    return tables
      .map(({ name, sql }): SeenTable => {
        return { begun: Number(name.slice("seen_".length)), layout: sql.includes("key TEXT") ? "text" : "digest" };
      })
      .sort((a, b) => a.begun - b.begun);
  }

  create(begun: number): SeenTable {
    this.#sql.run(createSeen(begun));
    return { begun, layout: "digest" };
  }

  /** The seq that the key was logged as after `since`, or null. */
  find(table: SeenTable, dedup: Dedup, since: number): number | null {
    const query = `SELECT seq FROM seen_${table.begun} WHERE key = ? AND at > ?`;
    const [row] = this.#sql.run<{ seq: number }>(query, keyIn(table, dedup), timeIn(table, since));
    return row?.seq ?? null;
  }

  /** False, and nothing written, when the table has the key since `since`; an older entry is overwritten. */
  remember(table: SeenTable, dedup: Dedup, { seq, at, since }: SeenEntry): boolean {
    const written = this.#sql.rowsWritten;
    this.#sql.run(
      `INSERT INTO seen_${table.begun} VALUES (?, ?, ?)
         ON CONFLICT (key) DO UPDATE SET seq = excluded.seq, at = excluded.at WHERE at <= ?`,
      ...[keyIn(table, dedup), seq, timeIn(table, at), timeIn(table, since)],
    );
    return this.#sql.rowsWritten > written;
  }

  drop({ begun }: SeenTable): void {
    this.#sql.run(`DROP TABLE seen_${begun}`);
  }
}

function keyIn({ layout }: SeenTable, { key, name }: Dedup): Uint8Array | string {
  return layout === "text" ? name : key;
}

/** Whole seconds since the table was begun take half the bytes of a time; no limit of deduplication is finer. */
function timeIn({ layout, begun }: SeenTable, ms: number): number {
  return layout === "text" ? ms : Math.floor((ms - begun) / 1000);
}
