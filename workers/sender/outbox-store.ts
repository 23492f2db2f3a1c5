import { type Condition, conditionOf, type Filter, wants } from "./filter.ts";
import { listTables, MAX_TABLE_BYTES, type PeriodTable, tableFor } from "./periods.ts";

/**
 * The Outbox's storage: every SQL statement on the event log, as typed verbs.
 *
 * | table             | columns                               | example                              | rows written            | goes                       |
 * |-------------------|---------------------------------------|--------------------------------------|-------------------------|----------------------------|
 * | `ev_<first>`      | seq PK, at, id, type, body, target    | 42, 1769…, msg_01K…, value.changed   | 1 an event              | whole, after RETENTION_DAYS|
 * | `keys_<period>`   | kind+key PK, digest, seq, answer      | id, order-17, 9f86…, 42, null        | 1 a caller's id or key  | whole, after RETENTION_DAYS|
 * | `later`           | due+n PK, id, type, data              | 1769…, 1, msg_01K…, value.changed    | 1, and 1 when released  | when due                   |
 * | `ep`              | id PK, config, revision, pushed, from, state | ep_default, {…}, 3, 3, null, live | 1 a change and 1 a push | with the endpoint     |
 * | `meta`            | key PK, value                         | handed, {"h":42,"lag":{}}            | 1 a LEASE               | never                      |
 *
 * `target` null: every endpoint; `+ep`: that one alone; `-ep`: every other. `later.data` is JSON text: the
 * body gets its timestamp when the event enters the log.
 */

export type LoggedEvent = { seq: number; at: number; id: string; type: string; body: string };
export type LaterEvent = { due: number; n: number; id: string; type: string; data: string };
/** What decides who gets an event. */
export type Routed = { seq: number; type: string; target: string | null };
const RECENT_EVENTS = 1000;
/** A page is copied to a Worker, which may be given 32 MiB at once: it ends with the step that passes this. */
const PAGE_BYTES = 1024 * 1024;
/** Rows read at a time, each of 256 KiB at most. */
const PAGE_STEP = 50;

export type EventQuery = {
  after: number | null;
  before: number | null;
  type: string | null;
  limit: number;
  scanned: number;
};
export type KeyKind = "id" | "request";
export type KeyRow = { digest: string; seq: number | null; answer: string | null };
/** Events after a position that match a filter; `upTo` is the last seq that was looked at. */
export type Scan = { upTo: number; events: LoggedEvent[] };

const SCHEMA = [
  "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
  "CREATE TABLE IF NOT EXISTS later (due INTEGER, n INTEGER, id TEXT NOT NULL, type TEXT NOT NULL, data TEXT NOT NULL, PRIMARY KEY (due, n)) WITHOUT ROWID",
  `CREATE TABLE IF NOT EXISTS ep (id TEXT PRIMARY KEY, config TEXT NOT NULL, revision INTEGER NOT NULL,
     pushed INTEGER NOT NULL, "from" INTEGER, state TEXT NOT NULL) WITHOUT ROWID`,
];

export class OutboxStore {
  readonly #sql: SqlStorage;
  #events: PeriodTable[] = [];
  #keys: PeriodTable[] = [];
  /** Rows written since the object started, as billed. */
  rowsWritten = 0;
  /** The last seq given; 0 in an empty log. */
  head = 0;
  /** The time of the last event: `at` never goes back, whatever the clock does. */
  lastAt = 0;
  /** Of the newest table: its size, and the time of its first event, null while it is empty. */
  #newestBytes = 0;
  #newestBegan: number | null = null;
  /** The last events appended, without their bodies: enough to see that nobody wants them. */
  #recent: Routed[] = [];

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    for (const statement of SCHEMA) this.run(statement);
    this.reload();
  }

  /** Reads what memory holds again from the tables, as after a transaction that was rolled back. */
  reload(): void {
    this.#events = listTables(this.#sql, "ev");
    this.#keys = listTables(this.#sql, "keys");
    this.head = 0;
    this.lastAt = 0;
    this.#recent = [];
    for (const table of this.#events) {
      const last = this.run<{ seq: number; at: number }>(
        `SELECT seq, at FROM ${table.name} ORDER BY seq DESC LIMIT 1`,
      )[0];
      this.head = last?.seq ?? table.first - 1;
      this.lastAt = last?.at ?? this.lastAt;
    }
    const newest = this.#events.at(-1);
    this.#newestBytes = this.#estimateBytes();
    this.#newestBegan = newest === undefined ? null : this.#firstAt(newest);
  }

  /** One statement, read to its end in this turn: an open cursor would make a DROP fail. */
  run<Row extends Record<string, SqlStorageValue>>(statement: string, ...params: SqlStorageValue[]): Row[] {
    const cursor = this.#sql.exec<Row>(statement, ...params);
    const rows = cursor.toArray();
    this.rowsWritten += cursor.rowsWritten;
    return rows;
  }

  meta<Value>(key: string): Value | null {
    const row = this.run<{ value: string }>("SELECT value FROM meta WHERE key = ?", key)[0];
    return row === undefined ? null : (JSON.parse(row.value) as Value);
  }

  setMeta(key: string, value: unknown): void {
    this.run("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", key, JSON.stringify(value));
  }

  get bytes(): number {
    return this.#sql.databaseSize;
  }

  /** Appends at head + 1; the caller commits before it answers. */
  append(event: LoggedEvent, target: string | null): void {
    const table = this.#events.at(-1)?.name;
    this.run(
      `INSERT INTO ${table} (seq, at, id, type, body, target) VALUES (?, ?, ?, ?, ?, ?)`,
      ...[event.seq, event.at, event.id, event.type, event.body, target],
    );
    this.head = event.seq;
    this.lastAt = event.at;
    this.#recent.push({ seq: event.seq, type: event.type, target });
    if (this.#recent.length > 2 * RECENT_EVENTS) this.#recent = this.#recent.slice(-RECENT_EVENTS);
    this.#newestBytes += event.body.length + event.id.length;
    this.#newestBegan ??= event.at;
  }

  /** A new table when the newest is `periodMs` old or full, so that retention can drop the old ones whole. */
  rollOver(now: number, periodMs: number): void {
    if (this.#events.length > 0) {
      const began = this.#newestBegan;
      if (began === null || (this.#newestBytes <= MAX_TABLE_BYTES && now - began < periodMs)) return;
    }
    const table = { name: `ev_${this.head + 1}`, first: this.head + 1 };
    this.run(
      `CREATE TABLE ${table.name} (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, id TEXT NOT NULL,
         type TEXT NOT NULL, body TEXT NOT NULL, target TEXT)`,
    );
    this.#events = [...this.#events, table];
    this.#newestBytes = 0;
    this.#newestBegan = null;
  }

  event(seq: number): LoggedEvent | null {
    const table = tableFor(this.#events, seq);
    if (table === undefined) return null;
    return this.run<LoggedEvent>(`SELECT seq, at, id, type, body FROM ${table.name} WHERE seq = ?`, seq)[0] ?? null;
  }

  /** The first seq still in the log; head + 1 when it is empty. */
  get oldest(): number {
    return this.#events[0]?.first ?? this.head + 1;
  }

  /**
   * Whether memory alone shows that `filter` wants nothing after `after`. A thousand endpoints with types of
   * their own would otherwise ask the tables a thousand times for each event.
   */
  wantsNothing(after: number, filter: Filter): boolean {
    const [first] = this.#recent;
    if (first === undefined || after < first.seq - 1) return false;
    // Without a copy: this runs for each endpoint at each publish.
    for (let index = after - first.seq + 1; index < this.#recent.length; index++) {
      const event = this.#recent[index];
      if (event !== undefined && wants(filter, event)) return false;
    }
    return true;
  }

  /**
   * Events after `after` that `filter` wants, at most `limit` and `maxBytes` of them (but at least one) out of
   * at most `scanned` rows.
   */
  scan(
    after: number,
    filter: Filter,
    { scanned, limit, maxBytes }: { scanned: number; limit: number; maxBytes: number },
  ): Scan {
    const condition = conditionOf(filter);
    const events: LoggedEvent[] = [];
    let upTo = Math.max(after, this.oldest - 1);
    let left = scanned;
    let bytes = 0;
    while (upTo < this.head && left > 0) {
      const end = Math.min(upTo + left, this.#lastOf(upTo + 1));
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

  /** The first event logged at `time` (unix ms) or later: `at` never goes back, so it can be found by halves. */
  firstSince(time: number): number {
    let [low, high] = [this.oldest, this.head + 1];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((this.event(middle)?.at ?? 0) >= time) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /**
   * One page of the log: below `before` newest first, or above `after` oldest first; `last` is the last seq
   * that was looked at, so that a page which filtered everything away moves on. It ends early when it is large.
   */
  page({ after, before, type, limit, scanned }: EventQuery): { events: LoggedEvent[]; last: number } {
    const up = after !== null;
    const events: LoggedEvent[] = [];
    let last = up ? Math.max(after, this.oldest - 1) : Math.min(before ?? this.head + 1, this.head + 1);
    let left = scanned;
    let bytes = 0;
    while (left > 0 && bytes < PAGE_BYTES && events.length < limit && (up ? last < this.head : last > this.oldest)) {
      const next = up ? last + 1 : last - 1;
      const table = tableFor(this.#events, next);
      if (table === undefined) break;
      const end = up ? Math.min(this.endOf(table), last + left) : Math.max(table.first, last - left);
      const step = Math.min(limit - events.length, PAGE_STEP);
      const found = this.run<LoggedEvent>(
        `SELECT seq, at, id, type, body FROM ${table.name} WHERE seq BETWEEN ? AND ? AND (?3 IS NULL OR type = ?3)
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

  /** The last seq of a table. */
  endOf({ first }: PeriodTable): number {
    return this.#lastOf(first);
  }

  /** The last seq of the table that holds `seq`. */
  #lastOf(seq: number): number {
    const next = this.#events.find((table) => table.first > seq);
    return next === undefined ? this.head : next.first - 1;
  }

  #range(
    after: number,
    end: number,
    condition: Condition,
    { limit, maxBytes, atLeastOne }: { limit: number; maxBytes: number; atLeastOne: boolean },
  ): { events: LoggedEvent[]; bytes: number; complete: boolean } {
    const table = tableFor(this.#events, after + 1)?.name;
    const sizes = this.run<{ seq: number; size: number }>(
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
        : this.run<LoggedEvent>(
            `SELECT seq, at, id, type, body FROM ${table} AS ev WHERE seq > ? AND seq <= ? AND ${condition.sql} ORDER BY seq`,
            ...[after, last, ...condition.params],
          );
    return { events, bytes, complete: taken === sizes.length };
  }

  /** What is known of a caller's id or Idempotency-Key; the newest table first, as a rewrite goes there. */
  key(kind: KeyKind, key: string): KeyRow | null {
    for (const table of this.#keys.toReversed()) {
      const row = this.run<KeyRow>(
        `SELECT digest, seq, answer FROM ${table.name} WHERE kind = ? AND key = ?`,
        kind,
        key,
      )[0];
      if (row !== undefined) return row;
    }
    return null;
  }

  setKey(kind: KeyKind, key: string, row: KeyRow, period: number): void {
    const name = `keys_${period}`;
    if (!this.#keys.some((table) => table.name === name)) {
      this.run(
        `CREATE TABLE ${name} (kind TEXT, key TEXT, digest TEXT NOT NULL, seq INTEGER, answer TEXT, PRIMARY KEY (kind, key)) WITHOUT ROWID`,
      );
      this.#keys = [...this.#keys, { name, first: period }];
    }
    this.run(
      `INSERT OR REPLACE INTO ${name} (kind, key, digest, seq, answer) VALUES (?, ?, ?, ?, ?)`,
      ...[kind, key, row.digest, row.seq, row.answer],
    );
  }

  /** Schedules an event; events due at the same time keep the order they came in. */
  addLater({ due, id, type, data }: Omit<LaterEvent, "n">): void {
    this.run(
      "INSERT INTO later (due, n, id, type, data) SELECT ?1, coalesce(max(n), 0) + 1, ?2, ?3, ?4 FROM later WHERE due = ?1",
      ...[due, id, type, data],
    );
  }

  dueLater(now: number, limit: number): LaterEvent[] {
    return this.run<LaterEvent>(
      "SELECT due, n, id, type, data FROM later WHERE due <= ? ORDER BY due, n LIMIT ?",
      now,
      limit,
    );
  }

  dropLater({ due, n }: LaterEvent): void {
    this.run("DELETE FROM later WHERE due = ? AND n = ?", due, n);
  }

  get nextDue(): number | null {
    return this.run<{ due: number }>("SELECT due FROM later ORDER BY due LIMIT 1")[0]?.due ?? null;
  }

  /** The event tables that lie wholly before `cutoff` (unix ms), or that must make room; never the newest. */
  expired(cutoff: number, needRoom: boolean): PeriodTable[] {
    const [oldest] = this.#events;
    const gone = this.#events.slice(0, -1).filter((_table, index) => {
      const next = this.#events[index + 1];
      const ended = next === undefined ? null : this.#firstAt(next);
      return ended !== null && ended < cutoff;
    });
    return gone.length === 0 && needRoom && oldest !== undefined && this.#events.length > 1 ? [oldest] : gone;
  }

  dropEvents(table: PeriodTable): void {
    this.run(`DROP TABLE ${table.name}`);
    this.#events = this.#events.filter(({ name }) => name !== table.name);
  }

  /** Drops the key tables whose period ended before `period`. */
  dropKeys(period: number): void {
    for (const table of this.#keys.filter(({ first }) => first < period)) {
      this.run(`DROP TABLE ${table.name}`);
      this.#keys = this.#keys.filter(({ name }) => name !== table.name);
    }
  }

  #firstAt(table: PeriodTable): number | null {
    return this.run<{ at: number }>(`SELECT at FROM ${table.name} ORDER BY seq LIMIT 1`)[0]?.at ?? null;
  }

  /** From the last hundred rows: an exact sum would read the whole table at every start. */
  #estimateBytes(): number {
    const newest = this.#events.at(-1);
    if (newest === undefined) return 0;
    const mean = this.run<{ mean: number | null }>(
      `SELECT avg(octet_length(body) + length(id)) AS mean FROM (SELECT id, body FROM ${newest.name} ORDER BY seq DESC LIMIT 100)`,
    )[0]?.mean;
    return (mean ?? 0) * (this.head + 1 - newest.first);
  }
}
