import { isFinished, type PeriodTable, PeriodTables } from "../../../shared/durable/period-tables.ts";
import type { Sql } from "../../../shared/durable/sql.ts";
import type { LoggedEvent } from "../model/event.ts";
import { type Condition, conditionOf, type Subscription } from "../model/subscription.ts";
import type { EventQuery, Scan } from "../protocol.ts";
import { RecentEvents } from "./recent-events.ts";

/** The log's own tables: one row an event, appended at the head, read within bounds, dropped a period at a time. */

const EVENT_TABLE = `(seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, id TEXT NOT NULL,
  type TEXT NOT NULL, body TEXT NOT NULL, target TEXT)`;
const EVENT_COLUMNS = "seq, at, id, type, body";

/** A page is copied to a Worker, which may be given 32 MiB at once: it ends with the step that passes this. */
const PAGE_BYTES = 1024 * 1024;
/** Rows read at a time for a page, each of 256 KiB at most. */
const PAGE_STEP = 50;

/** Bounds of a scan: rows looked at, events returned, bytes of their bodies. */
export type ScanLimits = { scanned: number; limit: number; maxBytes: number };

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
    this.#tables = new PeriodTables(sql, "ev", EVENT_TABLE);
    this.#read();
  }

  /** Reads again what memory holds of the tables, as after a transaction that was rolled back. */
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

  /** The first seq still in the log; head + 1 when the log is empty. */
  get oldest(): number {
    return this.#tables.all[0]?.first ?? this.#head + 1;
  }

  /** Appends an event, which must have the seq head + 1; the caller commits before it answers. */
  append(event: LoggedEvent, target: string | null): void {
    const table = this.#tables.newest?.name;
    this.#sql.run(
      `INSERT INTO ${table} (${EVENT_COLUMNS}, target) VALUES (?, ?, ?, ?, ?, ?)`,
      ...[event.seq, event.at, event.id, event.type, event.body, target],
    );
    this.#head = event.seq;
    this.#lastAt = event.at;
    this.recent.push({ seq: event.seq, type: event.type, target });
    this.#newestBytes += event.body.length + event.id.length;
    this.#newestBegan ??= event.at;
  }

  event(seq: number): LoggedEvent | null {
    const table = this.#tables.holding(seq);
    if (table === undefined) return null;
    return this.#sql.run<LoggedEvent>(`SELECT ${EVENT_COLUMNS} FROM ${table.name} WHERE seq = ?`, seq)[0] ?? null;
  }

  /** Returns the first seq logged at `time` (unix ms) or later. As `at` never goes back, a bisection finds it. */
  firstSince(time: number): number {
    let [low, high] = [this.oldest, this.#head + 1];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((this.event(middle)?.at ?? 0) >= time) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /**
   * Returns events after `after` that `subscription` wants, at most `limit` and `maxBytes` of them (but at least one)
   * out of at most `scanned` rows.
   */
  scan(after: number, subscription: Subscription, { scanned, limit, maxBytes }: ScanLimits): Scan {
    const condition = conditionOf(subscription);
    const events: LoggedEvent[] = [];
    let upTo = Math.max(after, this.oldest - 1);
    let left = scanned;
    let bytes = 0;
    while (upTo < this.#head && left > 0) {
      const end = Math.min(upTo + left, this.lastOf(upTo + 1));
      const found = this.#range(upTo, end, condition, {
        limit: limit - events.length,
        maxBytes: maxBytes - bytes,
        atLeastOne: events.length === 0,
      });
      events.push(...found.events);
      bytes += found.bytes;
      left -= end - upTo;
      upTo = found.complete ? end : (events.at(-1)?.seq ?? upTo);
      if (!found.complete) break;
    }
    return { upTo, events };
  }

  /** Reads a part of one table: sizes first, so that no more bodies are read than are taken. */
  #range(
    after: number,
    end: number,
    condition: Condition,
    { limit, maxBytes, atLeastOne }: { limit: number; maxBytes: number; atLeastOne: boolean },
  ): { events: LoggedEvent[]; bytes: number; complete: boolean } {
    const table = this.#tables.holding(after + 1)?.name;
    const sizes = this.#sql.run<{ seq: number; size: number }>(
      `SELECT seq, octet_length(body) AS size FROM ${table} AS ev WHERE seq > ? AND seq <= ? AND ${condition.sql} ORDER BY seq LIMIT ?`,
      ...[after, end, ...condition.params, limit + 1],
    );
    let bytes = 0;
    let taken = 0;
    for (const { size } of sizes.slice(0, limit)) {
      if (bytes + size > maxBytes && !(atLeastOne && taken === 0)) break;
      bytes += size;
      taken++;
    }
    const last = sizes[taken - 1]?.seq;
    const events =
      last === undefined
        ? []
        : this.#sql.run<LoggedEvent>(
            `SELECT ${EVENT_COLUMNS} FROM ${table} AS ev WHERE seq > ? AND seq <= ? AND ${condition.sql} ORDER BY seq`,
            ...[after, last, ...condition.params],
          );
    return { events, bytes, complete: taken === sizes.length };
  }

  /**
   * Returns one page of the log: below `before` newest first, or above `after` oldest first. `last` is the last seq
   * looked at, so that a page from which everything was filtered moves on. A large page ends early.
   */
  page({ after, before, type, limit, scanned }: EventQuery): { events: LoggedEvent[]; last: number } {
    const [head, oldest] = [this.#head, this.oldest];
    const up = after !== null;
    const events: LoggedEvent[] = [];
    let last = up ? Math.max(after, oldest - 1) : Math.min(before ?? head + 1, head + 1);
    let left = scanned;
    let bytes = 0;
    while (left > 0 && bytes < PAGE_BYTES && events.length < limit && (up ? last < head : last > oldest)) {
      const next = up ? last + 1 : last - 1;
      const table = this.#tables.holding(next);
      if (table === undefined) break;
      const end = up ? Math.min(this.lastOf(table.first), last + left) : Math.max(table.first, last - left);
      const step = Math.min(limit - events.length, PAGE_STEP);
      const found = this.#sql.run<LoggedEvent>(
        `SELECT ${EVENT_COLUMNS} FROM ${table.name} WHERE seq BETWEEN ? AND ? AND (?3 IS NULL OR type = ?3)
         ORDER BY seq ${up ? "ASC" : "DESC"} LIMIT ?4`,
        ...[Math.min(next, end), Math.max(next, end), type, step],
      );
      events.push(...found);
      bytes += found.reduce((sum, { body }) => sum + body.length, 0);
      const looked = found.length === step ? (found.at(-1)?.seq ?? end) : end;
      left -= Math.abs(looked - last);
      last = looked;
    }
    return { events, last };
  }

  /** Returns the last seq of the table that holds `seq`. */
  lastOf(seq: number): number {
    const next = this.#tables.all.find((table) => table.first > seq);
    return next === undefined ? this.#head : next.first - 1;
  }

  /** Makes a new table when the newest is a period old or full, so that retention can drop the old ones whole. */
  rollOver(now: number, retentionMs: number): void {
    if (this.#tables.newest !== undefined) {
      const [began, bytes] = [this.#newestBegan, this.#newestBytes];
      if (began === null || !isFinished({ began, bytes }, { now, retentionMs })) return;
    }
    this.#tables.add(this.#head + 1);
    this.#newestBytes = 0;
    this.#newestBegan = null;
  }

  /**
   * Returns the tables that lie wholly before `cutoff` (unix ms), or the oldest when `short` of storage; never the
   * newest.
   */
  expired(cutoff: number, short: boolean): PeriodTable[] {
    const { all } = this.#tables;
    const [oldest] = all;
    const gone = all.slice(0, -1).filter((_table, index) => {
      const next = all[index + 1];
      const ended = next === undefined ? null : this.#firstAt(next);
      return ended !== null && ended < cutoff;
    });
    return gone.length === 0 && short && oldest !== undefined && all.length > 1 ? [oldest] : gone;
  }

  drop(table: PeriodTable): void {
    this.#tables.drop(table);
  }

  #firstAt(table: PeriodTable): number | null {
    return this.#sql.run<{ at: number }>(`SELECT at FROM ${table.name} ORDER BY seq LIMIT 1`)[0]?.at ?? null;
  }

  /** Estimates by the last hundred rows: an exact sum would read the whole table at every start. */
  #estimateBytes(): number {
    const { newest } = this.#tables;
    if (newest === undefined) return 0;
    const mean = this.#sql.run<{ mean: number | null }>(
      `SELECT avg(octet_length(body) + length(id)) AS mean FROM (SELECT id, body FROM ${newest.name} ORDER BY seq DESC LIMIT 100)`,
    )[0]?.mean;
    return (mean ?? 0) * (this.#head + 1 - newest.first);
  }
}
