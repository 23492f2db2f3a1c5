import {
  CLOCK_STEP_MS,
  isFinished,
  type PeriodTable,
  PeriodTables,
  type TableBounds,
} from "../../../shared/durable/period-tables.ts";
import type { Sql } from "../../../shared/durable/sql.ts";
import { typeChosen } from "../../../shared/event-type.ts";
import type { LoggedEvent } from "../model/event.ts";
import {
  type Condition,
  conditionOf,
  hasFilter,
  type RoutedEvent,
  type Subscription,
  wantsContent,
} from "../model/subscription.ts";
import type { EventQuery, FoundEvent, Scan } from "../protocol.ts";
import { RecentEvents, type ScanLimits } from "./recent-events.ts";

/** The log's own tables: one row an event, appended at the head, read within bounds, dropped a period at a time. */

const EVENT_TABLE = `(seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, id TEXT NOT NULL,
  type TEXT NOT NULL, body TEXT NOT NULL, target TEXT)`;
const EVENT_COLUMNS = "seq, at, id, type, body";

/** A page is copied to a Worker, which may be given 32 MiB at once: it ends with the step that passes this. */
const PAGE_BYTES = 1024 * 1024;
/** Rows read at a time for a page, each of 256 KiB at most. */
const PAGE_STEP = 50;

export class EventLog {
  readonly #sql: Sql;
  readonly #tables: PeriodTables;
  #head = 0;
  #lastAt = 0;
  /** Of the newest table: its size, and the time of its first event, null while it is empty. */
  #newestBytes = 0;
  #newestBegan: number | null = null;
  /** The last seq in each table that is not written to any more, by the table's name. */
  readonly #lasts = new Map<string, number>();
  readonly recent = new RecentEvents();

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#tables = new PeriodTables(sql, "ev", EVENT_TABLE);
    this.#read();
  }

  /** Reads again what memory holds of the tables, as after a transaction that was rolled back. */
  reload(): void {
    this.#tables.reload();
    this.#lasts.clear();
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

  /**
   * Returns the `at` of an event that is logged at `now` (unix ms). It never goes back inside a table, whatever the clock
   * does. A clock that steps back by more than minutes was wrong before, and is believed.
   */
  atFor(now: number): number {
    return this.#steppedBack(now) ? now : Math.max(now, this.#lastAt);
  }

  #steppedBack(now: number): boolean {
    return this.#lastAt - now > CLOCK_STEP_MS;
  }

  /** The first seq still in the log; head + 1 when the log is empty. */
  get oldest(): number {
    return this.#tables.all[0]?.first ?? this.#head + 1;
  }

  /** The tables, the oldest first. The newest is written to and never dropped. */
  get tables(): readonly PeriodTable[] {
    return this.#tables.all;
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
    this.recent.push(event, target);
    this.#newestBytes += event.body.length + event.id.length;
    this.#newestBegan ??= event.at;
  }

  /** Returns the parts of an event that decide who gets it. */
  routed(seq: number): RoutedEvent | null {
    const table = this.#tables.holding(seq);
    if (table === undefined) return null;
    return (
      this.#sql.run<RoutedEvent>(`SELECT seq, type, target, body FROM ${table.name} WHERE seq = ?`, seq)[0] ?? null
    );
  }

  event(seq: number): LoggedEvent | null {
    const table = this.#tables.holding(seq);
    if (table === undefined) return null;
    return this.#sql.run<LoggedEvent>(`SELECT ${EVENT_COLUMNS} FROM ${table.name} WHERE seq = ?`, seq)[0] ?? null;
  }

  /** Returns the first of these events, as many as a page holds; null for each that is gone. */
  events(seqs: readonly number[]): (LoggedEvent | null)[] {
    const events: (LoggedEvent | null)[] = [];
    for (let bytes = 0; events.length < seqs.length && bytes < PAGE_BYTES; ) {
      const event = this.event(seqs[events.length] ?? 0);
      bytes += event?.body.length ?? 0;
      events.push(event);
    }
    return events;
  }

  /** Goes on after `seq`, which is far beyond the head: the seqs between are never given. */
  beginAfter(seq: number): void {
    const { newest } = this.#tables;
    if (newest !== undefined && this.#newestBegan === null) this.#tables.drop(newest);
    this.#head = seq;
    this.recent.clear();
    this.#addTable();
  }

  /**
   * Returns the first seq logged at `time` (unix ms) or later. Inside a table `at` never goes back, so a bisection finds
   * it.
   */
  firstSince(time: number): number {
    const table = this.#tables.all.find(({ first }) => (this.event(this.lastOf(first))?.at ?? 0) >= time);
    if (table === undefined) return this.#head + 1;
    let [low, high] = [table.first, this.lastOf(table.first)];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((this.event(middle)?.at ?? 0) >= time) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Returns the last seq logged before `time` (unix ms), found as in `firstSince`; below the oldest when there is none. */
  lastBefore(time: number): number {
    const table = this.#tables.all.findLast((each) => (this.#firstAt(each) ?? time) < time);
    if (table === undefined) return this.oldest - 1;
    let [low, high] = [table.first, this.lastOf(table.first)];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.event(middle)?.at ?? time) < time) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /**
   * Returns events after `after` that `subscription` wants, at most `limit` and `maxBytes` of them (but at least one)
   * out of at most `scanned` rows. Where a filter judges the data, `maxBytes` counts all bodies that it looks at.
   */
  scan(after: number, subscription: Subscription, limits: ScanLimits): Scan {
    const start = Math.max(after, this.oldest - 1);
    return this.recent.scan(start, subscription, limits) ?? this.#scanTables(start, subscription, limits);
  }

  #scanTables(after: number, subscription: Subscription, { scanned, limit, maxBytes }: ScanLimits): Scan {
    const condition = conditionOf(subscription);
    const judged = hasFilter(subscription);
    const events: LoggedEvent[] = [];
    let upTo = this.#pastGap(after);
    let left = scanned;
    let bytes = 0;
    for (; upTo < this.#head && left > 0; upTo = this.#pastGap(upTo)) {
      const end = Math.min(upTo + left, this.lastOf(upTo + 1));
      const found = this.#range(upTo, end, condition, {
        limit: limit - events.length,
        maxBytes: maxBytes - bytes,
        atLeastOne: bytes === 0,
      });
      const wanted = judged ? found.events.filter((event) => wantsContent(subscription, event)) : found.events;
      events.push(...wanted.map(({ target: _target, ...event }) => event));
      bytes += found.bytes;
      const reached = found.complete ? end : (found.events.at(-1)?.seq ?? upTo);
      left -= reached - upTo;
      const isFull = events.length >= limit || reached === upTo;
      upTo = reached;
      if (!found.complete && (isFull || !judged)) break;
    }
    return { upTo, events };
  }

  /** Reads a part of one table: sizes first, so that no more bodies are read than are taken. */
  #range(
    after: number,
    end: number,
    condition: Condition,
    { limit, maxBytes, atLeastOne }: { limit: number; maxBytes: number; atLeastOne: boolean },
  ): { events: FoundEvent[]; bytes: number; complete: boolean } {
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
        : this.#sql.run<FoundEvent>(
            `SELECT ${EVENT_COLUMNS}, target FROM ${table} AS ev WHERE seq > ? AND seq <= ? AND ${condition.sql} ORDER BY seq`,
            ...[after, last, ...condition.params],
          );
    return { events, bytes, complete: taken === sizes.length };
  }

  /**
   * Returns one page of the log: below `before` newest first, or above `after` oldest first. `last` is the last seq
   * looked at, so that a page from which everything was filtered moves on. A large page ends early. `type`: a pattern of
   * types.
   */
  page({ after, before, type, limit, scanned }: EventQuery): { events: FoundEvent[]; last: number } {
    const [head, oldest] = [this.#head, this.oldest];
    const up = after !== null;
    const events: FoundEvent[] = [];
    const past = (seq: number) => (up ? this.#pastGap(seq) : this.#beforeGap(seq));
    let last = past(up ? Math.max(after, oldest - 1) : Math.min(before ?? head + 1, head + 1));
    let left = scanned;
    let bytes = 0;
    for (
      ;
      left > 0 && bytes < PAGE_BYTES && events.length < limit && (up ? last < head : last > oldest);
      last = past(last)
    ) {
      const next = up ? last + 1 : last - 1;
      const table = this.#tables.holding(next);
      if (table === undefined) break;
      const end = up ? Math.min(this.lastOf(next), last + left) : Math.max(table.first, last - left);
      const step = Math.min(limit - events.length, PAGE_STEP);
      const found = this.#sql.run<FoundEvent>(
        `SELECT ${EVENT_COLUMNS}, target FROM ${table.name} AS ev
         WHERE seq BETWEEN ? AND ? AND (?3 IS NULL OR ${typeChosen("ev.type", "?3")})
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

  /** Returns the last seq in the table that holds `seq`: the log may leave out many before the next table. */
  lastOf(seq: number): number {
    const table = this.#tables.holding(seq);
    if (table === undefined || table === this.#tables.newest) return this.#head;
    const known = this.#lasts.get(table.name);
    if (known !== undefined) return known;
    const last = this.#sql.run<{ seq: number | null }>(`SELECT max(seq) AS seq FROM ${table.name}`)[0]?.seq;
    this.#lasts.set(table.name, last ?? table.first - 1);
    return last ?? table.first - 1;
  }

  /** Returns the seq to read on after, above `after`: nothing lies between the two. */
  #pastGap(after: number): number {
    if (after < this.lastOf(after + 1) || after >= this.#head) return after;
    return (this.#tables.all.find(({ first }) => first > after)?.first ?? after + 1) - 1;
  }

  /** Returns the seq to read on before, below `before`: nothing lies between the two. */
  #beforeGap(before: number): number {
    return Math.min(before, this.lastOf(before - 1) + 1);
  }

  /** Makes a new table when the newest is a period old or full, so that retention can drop the old ones whole. */
  rollOver(now: number, bounds: TableBounds): void {
    if (this.#tables.newest !== undefined) {
      const [began, bytes] = [this.#newestBegan, this.#newestBytes];
      if (began === null) return;
      if (!this.#steppedBack(now) && !isFinished({ began, bytes }, { ...bounds, now })) return;
    }
    this.#addTable();
  }

  #addTable(): void {
    this.#tables.add(this.#head + 1);
    this.#newestBytes = 0;
    this.#newestBegan = null;
  }

  /**
   * Returns the tables that lie wholly before `cutoff` (unix ms), the oldest first. The newest is among them when all of
   * its events are that old: an empty table has followed it then.
   */
  expired(cutoff: number): PeriodTable[] {
    if (this.#newestBegan !== null && this.#lastAt < cutoff) this.#addTable();
    // A table ended when any later one began: a wrong clock may have stamped one of them with a time to come.
    const begins = this.#tables.all.map((table) => this.#firstAt(table) ?? this.#lastAt);
    const ends = begins.slice(1).map((_began, index) => Math.min(...begins.slice(index + 1)));
    const kept = ends.findIndex((ended) => ended >= cutoff);
    return this.#tables.all.slice(0, kept < 0 ? ends.length : kept);
  }

  drop(table: PeriodTable): void {
    this.#lasts.delete(table.name);
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
