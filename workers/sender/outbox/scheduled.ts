import type { Sql } from "../../../shared/durable/sql.ts";
import type { ScheduledEvent, ScheduledPage, ScheduledQuery } from "../protocol.ts";

/** A page is copied to a Worker, and ends with the step that passes this. */
const LISTED_BYTES = 1024 * 1024;
/** Rows read at a time for a page, each of 256 KiB at most. */
const LISTED_STEP = 20;

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

  /** Returns events after a place, in the order they are due: fewer than asked for where they are large. */
  list({ after, limit }: ScheduledQuery): ScheduledPage {
    const events: ScheduledEvent[] = [];
    let place = after ?? { due: Number.MIN_SAFE_INTEGER, n: 0 };
    for (let bytes = 0; events.length <= limit && bytes < LISTED_BYTES; ) {
      const step = Math.min(limit + 1 - events.length, LISTED_STEP);
      const found = this.#sql.run<ScheduledEvent>(
        "SELECT due, n, id, type, data FROM later WHERE (due, n) > (?, ?) ORDER BY due, n LIMIT ?",
        ...[place.due, place.n, step],
      );
      events.push(...found);
      bytes += found.reduce((sum, { data }) => sum + data.length, 0);
      place = events.at(-1) ?? place;
      if (found.length < step) return { events: events.slice(0, limit), more: events.length > limit };
    }
    return { events: events.slice(0, limit), more: true };
  }

  /** Returns the event of an id. Looks at all of them: a table by id would cost each event a row. */
  find(id: string): ScheduledEvent | null {
    return this.#sql.run<ScheduledEvent>("SELECT due, n, id, type, data FROM later WHERE id = ?", id)[0] ?? null;
  }

  get count(): number {
    return this.#sql.run<{ n: number }>("SELECT count(*) AS n FROM later")[0]?.n ?? 0;
  }

  get nextDue(): number | null {
    return this.#sql.run<{ due: number }>("SELECT due FROM later ORDER BY due LIMIT 1")[0]?.due ?? null;
  }
}
