import type { Sql } from "./sql.ts";

/** The table `meta` of an object: single values by key, as JSON. A change is one row. */
export class Meta {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  create(): void {
    this.#sql.run("CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID");
  }

  get<Value>(key: string): Value | null {
    const row = this.#sql.run<{ value: string }>("SELECT value FROM meta WHERE key = ?", key)[0];
    return row === undefined ? null : (JSON.parse(row.value) as Value);
  }

  /** Returns all values by key, in one statement: an object that wakes for one event reads them all. */
  all(): Record<string, unknown> {
    const rows = this.#sql.run<{ key: string; value: string }>("SELECT key, value FROM meta");
    return Object.fromEntries(rows.map(({ key, value }) => [key, JSON.parse(value)]));
  }

  set(key: string, value: unknown): void {
    this.#sql.run("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", key, JSON.stringify(value));
  }
}
