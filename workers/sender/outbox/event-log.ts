import { isFinished, type PeriodTable, PeriodTables } from "../../../shared/durable/period-tables.ts";
import type { Sql } from "../../../shared/durable/sql.ts";
import type { LoggedEvent } from "../model/event.ts";
import { RecentEvents } from "./recent-events.ts";

const DEFINITION = `(seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, id TEXT NOT NULL,
  type TEXT NOT NULL, body TEXT NOT NULL, target TEXT)`;

/** The log's own tables: one row an event, appended at the head, dropped a period at a time. */
export class EventLog {
  readonly #sql: Sql;
  readonly #tables: PeriodTables;
  #head = 0;
  #lastAt = 0;
  /** Of the newest table: its size, and the time of its first event, null while it is empty. */
  #newestBytes = 0;
  #newestBegan: number | null = null;
  readonly recent = new RecentEvents();

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#tables = new PeriodTables(sql, "ev", DEFINITION);
    this.#read();
  }

  /** Reads what memory holds again from the tables, as after a transaction that was rolled back. */
  reload(): void {
    this.#tables.reload();
    this.recent.clear();
    this.#read();
  }

  #read(): void {
    this.#head = 0;
    this.#lastAt = 0;
    for (const table of this.#tables.all) {
      const last = this.#sql.run<{ seq: number; at: number }>(
        `SELECT seq, at FROM ${table.name} ORDER BY seq DESC LIMIT 1`,
      )[0];
      this.#head = last?.seq ?? table.first - 1;
      this.#lastAt = last?.at ?? this.#lastAt;
    }
    const { newest } = this.#tables;
    this.#newestBytes = this.#estimateBytes();
    this.#newestBegan = newest === undefined ? null : this.#firstAt(newest);
  }

  /** The last seq given; 0 in an empty log. */
  get head(): number {
    return this.#head;
  }

  /** The time of the last event: `at` never goes back, whatever the clock does. */
  get lastAt(): number {
    return this.#lastAt;
  }

  /** The first seq still in the log; head + 1 when it is empty. */
  get oldest(): number {
    return this.#tables.all[0]?.first ?? this.#head + 1;
  }

  /** Appends at head + 1; the caller commits before it answers. */
  append(event: LoggedEvent, target: string | null): void {
    const table = this.#tables.newest?.name;
    this.#sql.run(
      `INSERT INTO ${table} (seq, at, id, type, body, target) VALUES (?, ?, ?, ?, ?, ?)`,
      ...[event.seq, event.at, event.id, event.type, event.body, target],
    );
    this.#head = event.seq;
    this.#lastAt = event.at;
    this.recent.push({ seq: event.seq, type: event.type, target });
    this.#newestBytes += event.body.length + event.id.length;
    this.#newestBegan ??= event.at;
  }

  event(seq: number): LoggedEvent | null {
    const table = this.tableOf(seq);
    if (table === undefined) return null;
    return (
      this.#sql.run<LoggedEvent>(`SELECT seq, at, id, type, body FROM ${table.name} WHERE seq = ?`, seq)[0] ?? null
    );
  }

  tableOf(seq: number): PeriodTable | undefined {
    return this.#tables.holding(seq);
  }

  /** The last seq of the table that holds `seq`. */
  lastOf(seq: number): number {
    const next = this.#tables.all.find((table) => table.first > seq);
    return next === undefined ? this.#head : next.first - 1;
  }

  /** A new table when the newest is a period old or full, so that retention can drop the old ones whole. */
  rollOver(now: number, retentionMs: number): void {
    if (this.#tables.newest !== undefined) {
      const [began, bytes] = [this.#newestBegan, this.#newestBytes];
      if (began === null || !isFinished({ began, bytes }, { now, retentionMs })) return;
    }
    this.#tables.add(this.#head + 1);
    this.#newestBytes = 0;
    this.#newestBegan = null;
  }

  /** The tables that lie wholly before `cutoff` (unix ms), or that must make room; never the newest. */
  expired(cutoff: number, needRoom: boolean): PeriodTable[] {
    const { all } = this.#tables;
    const [oldest] = all;
    const gone = all.slice(0, -1).filter((_table, index) => {
      const next = all[index + 1];
      const ended = next === undefined ? null : this.#firstAt(next);
      return ended !== null && ended < cutoff;
    });
    return gone.length === 0 && needRoom && oldest !== undefined && all.length > 1 ? [oldest] : gone;
  }

  drop(table: PeriodTable): void {
    this.#tables.drop(table);
  }

  #firstAt(table: PeriodTable): number | null {
    return this.#sql.run<{ at: number }>(`SELECT at FROM ${table.name} ORDER BY seq LIMIT 1`)[0]?.at ?? null;
  }

  /** From the last hundred rows: an exact sum would read the whole table at every start. */
  #estimateBytes(): number {
    const { newest } = this.#tables;
    if (newest === undefined) return 0;
    const mean = this.#sql.run<{ mean: number | null }>(
      `SELECT avg(octet_length(body) + length(id)) AS mean FROM (SELECT id, body FROM ${newest.name} ORDER BY seq DESC LIMIT 100)`,
    )[0]?.mean;
    return (mean ?? 0) * (this.#head + 1 - newest.first);
  }
}
