import type { Sql } from "../../../shared/durable/sql.ts";

/** An event that waits for its time. `data` is JSON text: the body gets its timestamp when the event enters the log. */
export type ScheduledEvent = { due: number; n: number; id: string; type: string; data: string };

/** The events with a `deliverAt` (`due`, unix ms), which have no seq yet. */
export class ScheduledEvents {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  create(): void {
    this.#sql.run(
      "CREATE TABLE IF NOT EXISTS later (due INTEGER, n INTEGER, id TEXT NOT NULL, type TEXT NOT NULL, data TEXT NOT NULL, PRIMARY KEY (due, n)) WITHOUT ROWID",
    );
  }

  /** Adds an event; those that are due at the same time keep the order in which they came. */
  add({ due, id, type, data }: Omit<ScheduledEvent, "n">): void {
    this.#sql.run(
      "INSERT INTO later (due, n, id, type, data) SELECT ?1, coalesce(max(n), 0) + 1, ?2, ?3, ?4 FROM later WHERE due = ?1",
      ...[due, id, type, data],
    );
  }

  due(now: number, limit: number): ScheduledEvent[] {
    return this.#sql.run<ScheduledEvent>(
      "SELECT due, n, id, type, data FROM later WHERE due <= ? ORDER BY due, n LIMIT ?",
      now,
      limit,
    );
  }

  drop({ due, n }: ScheduledEvent): void {
    this.#sql.run("DELETE FROM later WHERE due = ? AND n = ?", due, n);
  }

  get nextDue(): number | null {
    return this.#sql.run<{ due: number }>("SELECT due FROM later ORDER BY due LIMIT 1")[0]?.due ?? null;
  }
}
