import { Activity, HOUR_MS, HOURS, type HourCount, hourOf } from "./activity.ts";
import { listTables, MAX_TABLE_BYTES, type PeriodTable, periodMs, tableFor } from "./periods.ts";
import type { EndpointConfig } from "./registry.ts";
import type { Seqs } from "./window.ts";

/**
 * An Endpoint's storage: every SQL statement on its deliveries, as typed verbs.
 *
 * | table         | columns                                             | example                        | rows written                     | goes                        |
 * |---------------|-----------------------------------------------------|--------------------------------|----------------------------------|-----------------------------|
 * | `del_<first>` | seq PK, id, type, state, due, mark, skip, until, attempts, body | 42, msg_01K…, …, delivered, null | 1 a delivery; 2 a failed attempt | whole, after RETENTION_DAYS |
 * | `meta`        | key PK, value                                       | floor, 500                     | 1 in 500 deliveries              | with the endpoint           |
 *
 * `state`: delivered, due (a retry waits), dead (no retry is left), expired (retention took it first).
 * `due` (unix ms) is when something must be done for the row, null when nothing: send it, or, when it is
 * dead, report it; `mark` is `redelivery` when a person asked for it; `skip` is how many of the attempts were
 * made before that; `until` is the last seq of an expired range, which is one row; `attempts` a JSON array;
 * `body` is kept only while it may be sent again. The index on `due` is partial: it costs rows for failures only.
 */

export type DeliveryState = "delivered" | "due" | "dead" | "expired";
export type Attempt = {
  at: number;
  ms: number;
  status: number;
  code: string | null;
  nextAt: number | null;
  response: string | null;
};
export type Delivery = {
  seq: number;
  id: string;
  type: string;
  state: DeliveryState;
  due: number | null;
  mark: "redelivery" | null;
  skip: number;
  until: number | null;
  attempts: Attempt[];
  body: string | null;
};

/** Who this object is: the registry's row as last confirmed. */
export type Identity = { tenant: string; id: string; config: EndpointConfig; revision: number };

type StoredRow = Omit<Delivery, "attempts" | "state" | "mark"> & {
  attempts: string;
  state: string;
  mark: string | null;
};

const SCHEMA_VERSION = 1;
/** Of a delivered row, for the estimate of a table's size after a start. */
const MEAN_ROW_BYTES = 200;
/** Deliveries that a count of attempts looks at: a bound on rows read, since no index is kept for it. */
const ACTIVITY_ROWS = 2000;
const COLUMNS = "seq, id, type, state, due, mark, skip, until, attempts, body";
const LISTED = COLUMNS.replace("body", "NULL AS body");

export class EndpointStore {
  readonly #storage: DurableObjectStorage;
  #tables: PeriodTable[] = [];
  /** Of the newest table: when it was made, and about how much is in it. */
  #newestBegan = 0;
  #newestBytes = 0;
  /** No row has a greater seq: what lies above needs no look-up. */
  #maxSeq = 0;
  rowsWritten = 0;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.reload();
  }

  /** Reads what memory holds again from the tables; nothing is created, an unknown endpoint stays empty. */
  reload(): void {
    this.#tables = listTables(this.#storage.sql, "del");
    const newest = this.#tables.at(-1);
    if (newest === undefined) return;
    this.#maxSeq = Math.max(
      ...this.#tables.map(
        ({ name }) => this.run<{ seq: number | null }>(`SELECT max(seq) AS seq FROM ${name}`)[0]?.seq ?? 0,
      ),
    );
    this.#newestBegan = this.meta<number>("began") ?? 0;
    this.#newestBytes = Math.max(0, this.#maxSeq + 1 - newest.first) * MEAN_ROW_BYTES;
  }

  run<Row extends Record<string, SqlStorageValue>>(statement: string, ...params: SqlStorageValue[]): Row[] {
    const cursor = this.#storage.sql.exec<Row>(statement, ...params);
    const rows = cursor.toArray();
    this.rowsWritten += cursor.rowsWritten;
    return rows;
  }

  get exists(): boolean {
    return this.#tables.length > 0;
  }

  get bytes(): number {
    return this.#storage.sql.databaseSize;
  }

  /** Makes the schema of a new endpoint that starts after `from`. */
  create(from: number, now: number): void {
    this.run("CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID");
    this.setMeta("schema", SCHEMA_VERSION);
    this.setMeta("floor", from);
    this.#addTable(from + 1, now);
  }

  meta<Value>(key: string): Value | null {
    const row = this.run<{ value: string }>("SELECT value FROM meta WHERE key = ?", key)[0];
    return row === undefined ? null : (JSON.parse(row.value) as Value);
  }

  /** Everything in meta, by key, in one statement: an object that wakes for one event reads it all. */
  allMeta(): Record<string, unknown> {
    const rows = this.run<{ key: string; value: string }>("SELECT key, value FROM meta");
    return Object.fromEntries(rows.map(({ key, value }) => [key, JSON.parse(value)]));
  }

  setMeta(key: string, value: unknown): void {
    this.run("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", key, JSON.stringify(value));
  }

  has(seq: number): boolean {
    return seq <= this.#maxSeq && this.delivery(seq) !== null;
  }

  delivery(seq: number): Delivery | null {
    const table = tableFor(this.#tables, seq);
    if (table === undefined) return null;
    const row = this.run<StoredRow>(`SELECT ${COLUMNS} FROM ${table.name} WHERE seq = ?`, seq)[0];
    return row === undefined ? null : toDelivery(row);
  }

  /** Writes a delivery's state: one row the first time, one more each time it changes while it is retried. */
  put(delivery: Delivery, isNew: boolean): void {
    const table = tableFor(this.#tables, delivery.seq)?.name;
    const attempts = JSON.stringify(delivery.attempts);
    const { seq, id, type, state, due, mark, skip, until, body } = delivery;
    if (isNew) {
      this.run(
        `INSERT INTO ${table} (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        ...[seq, id, type, state, due, mark, skip, until, attempts, body],
      );
      this.#maxSeq = Math.max(this.#maxSeq, seq);
      this.#newestBytes += 100 + attempts.length + (body?.length ?? 0);
    } else {
      this.run(
        `UPDATE ${table} SET state = ?, due = ?, mark = ?, skip = ?, attempts = ?, body = ? WHERE seq = ?`,
        ...[state, due, mark, skip, attempts, body, seq],
      );
    }
  }

  /** Deliveries to be sent at `now`, in order of due time; `open` ones are under way and passed over. */
  due(now: number, limit: number, open: Seqs): Delivery[] {
    const rows = this.#all(
      "WHERE due IS NOT NULL AND due <= ? AND state = 'due' ORDER BY due, seq LIMIT ?",
      ...[now, limit + open.size],
    );
    return rows
      .filter(({ seq }) => !open.has(seq))
      .sort(byDue)
      .slice(0, limit);
  }

  /** Dead deliveries that nobody was told of yet. */
  unreported(limit: number): Delivery[] {
    return this.#all("WHERE due IS NOT NULL AND state = 'dead' ORDER BY due LIMIT ?", limit)
      .sort(byDue)
      .slice(0, limit);
  }

  /** Somebody was told that the delivery died: nothing more is to be done for it. */
  reported(seq: number): void {
    const table = tableFor(this.#tables, seq);
    if (table !== undefined) this.run(`UPDATE ${table.name} SET due = NULL WHERE seq = ? AND state = 'dead'`, seq);
  }

  /** The first delivery that an ordered endpoint must send before any other; redeliveries hold nothing up. */
  get holder(): Delivery | null {
    const rows = this.#all("WHERE due IS NOT NULL AND state = 'due' AND mark IS NULL ORDER BY seq LIMIT 1");
    return rows.sort((a, b) => a.seq - b.seq)[0] ?? null;
  }

  /** Dead deliveries whose last attempt came at `since` or later, oldest first. */
  dead(since: number, limit: number): Delivery[] {
    return this.#all("WHERE state = 'dead' AND attempts ->> '$[#-1].at' >= ? ORDER BY seq LIMIT ?", since, limit).slice(
      0,
      limit,
    );
  }

  #all(rest: string, ...params: SqlStorageValue[]): Delivery[] {
    return this.#tables.flatMap(({ name }) =>
      this.run<StoredRow>(`SELECT ${COLUMNS} FROM ${name} ${rest}`, ...params).map(toDelivery),
    );
  }

  /** The earliest due time of a delivery that is not `open`; null when nothing is due. */
  nextDue(open: Seqs): number | null {
    const times = this.#tables.flatMap(({ name }) =>
      this.run<{ seq: number; due: number }>(
        `SELECT seq, due FROM ${name} WHERE due IS NOT NULL ORDER BY due LIMIT ?`,
        open.size + 1,
      ),
    );
    const free = times.filter(({ seq }) => !open.has(seq)).map(({ due }) => due);
    return free.length === 0 ? null : Math.min(...free);
  }

  /** A dead delivery is due only to be reported. */
  get retrying(): number {
    const count = ({ name }: PeriodTable) =>
      this.run<{ n: number }>(`SELECT count(*) AS n FROM ${name} WHERE due IS NOT NULL AND state = 'due'`)[0]?.n ?? 0;
    return this.#tables.reduce((sum, table) => sum + count(table), 0);
  }

  /** Deliveries below `before`, newest first, bodies left out. */
  list({ before, limit, state }: { before: number | null; limit: number; state: DeliveryState | null }): Delivery[] {
    const found: Delivery[] = [];
    for (const { name } of this.#tables.toReversed()) {
      const rows = this.run<StoredRow>(
        `SELECT ${LISTED} FROM ${name}
         WHERE (?1 IS NULL OR seq < ?1) AND (?2 IS NULL OR state = ?2) ORDER BY seq DESC LIMIT ?3`,
        ...[before, state, limit - found.length],
      );
      found.push(...rows.map(toDelivery));
      if (found.length >= limit) break;
    }
    return found;
  }

  /** Counts the attempts of the last 24 hours among the newest 2,000 deliveries. */
  activity(now: number): Activity {
    const since = (hourOf(now) - HOURS + 1) * HOUR_MS;
    const counts = new Map<number, HourCount>();
    let room = ACTIVITY_ROWS;
    let oldest = 0;
    for (const { name } of this.#tables.toReversed()) {
      const newest = `(SELECT attempts FROM ${name} ORDER BY seq DESC LIMIT ${room})`;
      for (const { hour, n, ok } of this.run<{ hour: number; n: number; ok: number }>(
        `SELECT (value ->> 'at') / ${HOUR_MS} AS hour, count(*) AS n,
           sum((value ->> 'status') BETWEEN 200 AND 299 AND (value ->> 'code') IS NULL) AS ok
         FROM ${newest}, json_each(attempts) WHERE (value ->> 'at') >= ? GROUP BY hour`,
        since,
      )) {
        const known = counts.get(hour) ?? { hour, delivered: 0, failed: 0 };
        counts.set(hour, { hour, delivered: known.delivered + ok, failed: known.failed + n - ok });
      }
      const looked = this.run<{ n: number; first: number | null }>(
        `SELECT count(*) AS n, min(attempts ->> '$[0].at') AS first FROM ${newest}`,
      )[0];
      oldest = looked?.first ?? oldest;
      room -= looked?.n ?? 0;
      if (room <= 0) break;
    }
    return new Activity([...counts.values()], room <= 0 && oldest > since);
  }

  /** A new table when the newest is a period old or full. `above` is a seq that no row will exceed before. */
  rollOver(now: number, retentionMs: number, above: number): void {
    const newest = this.#tables.at(-1);
    if (newest === undefined || above + 1 <= newest.first) return;
    if (now - this.#newestBegan >= periodMs(retentionMs) || this.#newestBytes > MAX_TABLE_BYTES)
      this.#addTable(above + 1, now);
  }

  /** Drops what is past the retention; a table in which something still waits to be sent again stays. */
  dropExpired(now: number, retentionMs: number): void {
    const ends = this.meta<Record<string, number>>("ends") ?? {};
    for (const table of this.#tables.slice(0, -1)) {
      const ended = ends[table.name];
      if (ended === undefined || ended > now - retentionMs) continue;
      const waiting =
        this.run<{ n: number }>(`SELECT count(*) AS n FROM ${table.name} WHERE due IS NOT NULL`)[0]?.n ?? 0;
      if (waiting > 0) continue;
      this.run(`DROP TABLE ${table.name}`);
      this.#tables = this.#tables.filter(({ name }) => name !== table.name);
    }
  }

  #addTable(first: number, now: number): void {
    const name = `del_${first}`;
    this.run(
      `CREATE TABLE ${name} (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, type TEXT NOT NULL, state TEXT NOT NULL,
         due INTEGER, mark TEXT, skip INTEGER NOT NULL, until INTEGER, attempts TEXT NOT NULL, body TEXT)`,
    );
    this.run(`CREATE INDEX due_${first} ON ${name} (due) WHERE due IS NOT NULL`);
    const newest = this.#tables.at(-1);
    if (newest !== undefined) {
      const live = Object.entries(this.meta<Record<string, number>>("ends") ?? {}).filter(([old]) =>
        this.#tables.some((table) => table.name === old),
      );
      this.setMeta("ends", { ...Object.fromEntries(live), [newest.name]: now });
    }
    this.setMeta("began", now);
    this.#tables = [...this.#tables, { name, first }];
    this.#newestBegan = now;
    this.#newestBytes = 0;
  }
}

function byDue(a: Delivery, b: Delivery): number {
  return (a.due ?? 0) - (b.due ?? 0) || a.seq - b.seq;
}

function toDelivery(row: StoredRow): Delivery {
  return {
    ...row,
    state: row.state as DeliveryState,
    mark: row.mark === "redelivery" ? "redelivery" : null,
    attempts: JSON.parse(row.attempts) as Attempt[],
  };
}
