import type { Meta } from "../../../shared/durable/meta.ts";
import { isFinished, type PeriodTable, PeriodTables, type TableBounds } from "../../../shared/durable/period-tables.ts";
import type { Sql } from "../../../shared/durable/sql.ts";
import { type Attempt, type Delivery, type DeliveryState, MARKS } from "../model/delivery.ts";
import { TEST_TYPE } from "../model/subscription.ts";
import type { RowsBeyond } from "../protocol.ts";
import type { SeqSet } from "./queue.ts";

/** A delivery's row: `attempts` is JSON text, and SQL knows no fixed values for `state` and `mark`. */
export type StoredDelivery = Omit<Delivery, "attempts" | "state" | "mark"> & {
  attempts: string;
  state: string;
  mark: string | null;
};

const DELIVERY_TABLE = `(seq INTEGER PRIMARY KEY, id TEXT NOT NULL, type TEXT NOT NULL, state TEXT NOT NULL,
  due INTEGER, mark TEXT, skip INTEGER NOT NULL, until INTEGER, attempts TEXT NOT NULL, body TEXT)`;
const DELIVERY_COLUMNS = "seq, id, type, state, due, mark, skip, until, attempts, body";
export const DELIVERY_COLUMNS_WITHOUT_BODY = DELIVERY_COLUMNS.replace("body", "NULL AS body");

/** Size of a delivered row, for the estimate of a table's size after a start. */
const MEAN_ROW_BYTES = 200;
/** Size of a new row beside its attempts and body. */
const ROW_BYTES = 100;

/**
 * The rows of an Endpoint's deliveries: every statement on them. They lie in one table for each period; the tables
 * come one by one and go whole.
 */
export class Deliveries {
  readonly #sql: Sql;
  readonly #meta: Meta;
  readonly #tables: PeriodTables;
  /** Of the newest table: when it was made, and about how many bytes it holds. */
  #newestBegan = 0;
  #newestBytes = 0;
  /** No row has a greater seq: anything above needs no look-up. */
  #maxSeq = 0;
  /** By where a search for dead deliveries with a body began: the seq before which none is left. */
  readonly #swept = new Map<number, number>();
  /** No delivery outside the queue is due before this (unix ms); 0 while that is not known. */
  #dueFrom = 0;

  constructor(sql: Sql, meta: Meta) {
    this.#sql = sql;
    this.#meta = meta;
    this.#tables = new PeriodTables(sql, "del", DELIVERY_TABLE);
    this.#read();
  }

  /** Reads again what memory holds of the tables, as after a transaction that was rolled back. */
  reload(): void {
    this.#tables.reload();
    this.#read();
  }

  /** Reads what memory holds of the tables. Nothing is created: an unknown endpoint stays empty. */
  #read(): void {
    const { newest } = this.#tables;
    if (newest === undefined) return;
    const lastOf = ({ name }: PeriodTable) =>
      this.#sql.run<{ seq: number | null }>(`SELECT max(seq) AS seq FROM ${name}`)[0]?.seq ?? 0;
    this.#maxSeq = Math.max(...this.tables.map(lastOf));
    this.#newestBegan = this.#meta.get<number>("began") ?? 0;
    this.#newestBytes = Math.max(0, this.#maxSeq + 1 - newest.first) * MEAN_ROW_BYTES;
  }

  /** The tables, the oldest first. */
  get tables(): readonly PeriodTable[] {
    return this.#tables.all;
  }

  /** The greatest seq of all rows. */
  get maxSeq(): number {
    return this.#maxSeq;
  }

  /** Returns whether the event has a row. An event of another log may have had the same seq: then the id differs. */
  has(seq: number, id: string): boolean {
    return seq <= this.#maxSeq && this.get(seq)?.id === id;
  }

  /** Returns whether the row of a seq is that of another event: a log must have given the seq twice. */
  isOther(seq: number, id: string): boolean {
    const row = this.get(seq);
    return row !== null && row.state !== "expired" && row.id !== id;
  }

  get(seq: number): Delivery | null {
    const table = this.#tables.holding(seq);
    if (table === undefined) return null;
    const row = this.#sql.run<StoredDelivery>(`SELECT ${DELIVERY_COLUMNS} FROM ${table.name} WHERE seq = ?`, seq)[0];
    return row === undefined ? null : toDelivery(row);
  }

  /** Writes a delivery: one row written the first time, and one each time it changes while it is retried. */
  put(delivery: Delivery, isNew: boolean): void {
    const table = this.#tables.holding(delivery.seq)?.name;
    const attempts = JSON.stringify(delivery.attempts);
    const { seq, id, type, state, due, mark, skip, until, body } = delivery;
    if (due !== null) this.#dueFrom = Math.min(this.#dueFrom, due);
    if (state === "dead") this.#sweepFrom(seq);
    if (isNew) {
      this.#sql.run(
        `INSERT OR REPLACE INTO ${table} (${DELIVERY_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        ...[seq, id, type, state, due, mark, skip, until, attempts, body],
      );
      this.#maxSeq = Math.max(this.#maxSeq, seq);
      this.#newestBytes += ROW_BYTES + attempts.length + (body?.length ?? 0);
    } else {
      this.#sql.run(
        `UPDATE ${table} SET state = ?, due = ?, mark = ?, skip = ?, attempts = ?, body = ? WHERE seq = ?`,
        ...[state, due, mark, skip, attempts, body, seq],
      );
      this.#newestBytes += attempts.length / Math.max(1, delivery.attempts.length);
    }
  }

  /** Returns whether a delivery that is not open may be due at `now` (unix ms). Reads nothing. */
  mayBeDue(now: number): boolean {
    return this.#dueFrom <= now;
  }

  /** Forgets when the next delivery is due: some that were open are not any more. */
  lookForDue(): void {
    this.#dueFrom = 0;
  }

  /** Returns the deliveries to be sent at `now`, in order of due time, without those that are `open` already. */
  due(now: number, limit: number, open: SeqSet): Delivery[] {
    const found = this.tables
      .flatMap(({ name }) =>
        this.#sql.run<{ seq: number; due: number }>(
          `SELECT seq, due FROM ${name} WHERE due IS NOT NULL AND due <= ? AND state = 'due' ORDER BY due, seq LIMIT ?`,
          ...[now, limit + open.size],
        ),
      )
      .filter(({ seq }) => !open.has(seq))
      .sort(byDue)
      .slice(0, limit);
    if (found.length === 0) this.#dueFrom = this.nextDue(open) ?? Number.POSITIVE_INFINITY;
    return found.flatMap(({ seq }) => this.get(seq) ?? []);
  }

  /** Makes due at `now` whatever is due after `latest` (unix ms): no wait is so long, so the clock was wrong. */
  bringCloser(latest: number, now: number): void {
    for (const { name } of this.tables) this.#sql.run(`UPDATE ${name} SET due = ? WHERE due > ?`, now, latest);
    this.lookForDue();
  }

  /** Returns the earliest due time of a delivery that is not `open`; null when nothing is due. */
  nextDue(open: SeqSet): number | null {
    const times = this.tables.flatMap(({ name }) =>
      this.#sql.run<{ seq: number; due: number }>(
        `SELECT seq, due FROM ${name} WHERE due IS NOT NULL ORDER BY due LIMIT ?`,
        open.size + 1,
      ),
    );
    const free = times.filter(({ seq }) => !open.has(seq)).map(({ due }) => due);
    return free.length === 0 ? null : Math.min(...free);
  }

  /**
   * Counts the deliveries that wait for a retry, and names the oldest. Dead ones do not count: they are due only to be
   * reported.
   */
  get retrying(): { count: number; oldest: number | null } {
    const found = this.tables.flatMap(({ name }) =>
      this.#sql.run<{ n: number; oldest: number | null }>(
        `SELECT count(*) AS n, min(seq) AS oldest FROM ${name} WHERE due IS NOT NULL AND state = 'due'`,
      ),
    );
    const oldest = found.flatMap((each) => each.oldest ?? []);
    return {
      count: found.reduce((sum, { n }) => sum + n, 0),
      oldest: oldest.length === 0 ? null : Math.min(...oldest),
    };
  }

  /** Counts the rows above a seq. */
  beyond(seq: number): RowsBeyond {
    const count = ({ name }: PeriodTable) =>
      this.#sql.run<{ n: number }>(`SELECT count(*) AS n FROM ${name} WHERE seq > ?`, seq)[0]?.n ?? 0;
    const held = seq < this.#maxSeq ? this.tables.reduce((sum, table) => sum + count(table), 0) : 0;
    return { count: held, last: Math.max(seq, this.#maxSeq) };
  }

  /** The delivery that an ordered endpoint must send before any other; redeliveries and tests block nothing. */
  get blocking(): Delivery | null {
    const rows = this.#all(
      `WHERE due IS NOT NULL AND state = 'due' AND mark IS NULL AND type <> '${TEST_TYPE}' ORDER BY seq LIMIT 1`,
    );
    return rows.sort((a, b) => a.seq - b.seq)[0] ?? null;
  }

  /** Returns dead deliveries that are not reported yet. */
  unreported(limit: number): Delivery[] {
    return this.#all("WHERE due IS NOT NULL AND state = 'dead' ORDER BY due LIMIT ?", limit)
      .sort(byDue)
      .slice(0, limit);
  }

  /** Notes that a dead delivery is reported: nothing more is to be done for it. */
  reported(seq: number): void {
    const table = this.#tables.holding(seq);
    if (table !== undefined) this.#sql.run(`UPDATE ${table.name} SET due = NULL WHERE seq = ? AND state = 'dead'`, seq);
  }

  /** Counts the deliveries that are due at `now`, those under way included. */
  dueNow(now: number): number {
    const count = ({ name }: PeriodTable) =>
      this.#sql.run<{ n: number }>(
        `SELECT count(*) AS n FROM ${name} WHERE due IS NOT NULL AND due <= ? AND state = 'due'`,
        now,
      )[0]?.n ?? 0;
    return this.tables.reduce((sum, table) => sum + count(table), 0);
  }

  /**
   * Makes waiting deliveries due at `now`: two rows written for each, as the index changes too. `anew`: on a new
   * schedule. `uncounted`: the next attempt uses up none of the present one.
   */
  bringForward(seqs: readonly number[], now: number, schedule: "anew" | "uncounted"): void {
    this.#dueFrom = Math.min(this.#dueFrom, now);
    const made = "json_array_length(attempts)";
    const skip = schedule === "anew" ? made : `min(skip + 1, ${made})`;
    for (const seq of seqs) {
      const table = this.#tables.holding(seq)?.name;
      this.#sql.run(`UPDATE ${table} SET due = ?, skip = ${skip} WHERE seq = ? AND state = 'due'`, now, seq);
    }
  }

  /** Ends a waiting delivery without another attempt, and without a report. */
  skip(seq: number): void {
    this.#sweepFrom(seq);
    const table = this.#tables.holding(seq)?.name;
    this.#sql.run(
      `UPDATE ${table} SET state = 'dead', due = NULL, mark = 'skipped' WHERE seq = ? AND state = 'due'`,
      seq,
    );
  }

  /** Looks for a dead delivery's body again from `seq` on. */
  #sweepFrom(seq: number): void {
    for (const [from, swept] of this.#swept) this.#swept.set(from, Math.min(swept, seq));
  }

  /** Makes a dead delivery due at `now`, on a new schedule; with `body` in place of one that is gone. */
  revive({ seq, body }: { seq: number; body: string | null }, now: number): void {
    this.#dueFrom = Math.min(this.#dueFrom, now);
    this.#sql.run(
      `UPDATE ${this.#tables.holding(seq)?.name} SET state = 'due', due = ?, mark = 'redelivery',
         skip = json_array_length(attempts), body = coalesce(body, ?) WHERE seq = ? AND state = 'dead'`,
      ...[now, body, seq],
    );
  }

  /** Returns deliveries below `before`, the newest first, without their bodies. */
  list({ before, limit, state }: { before: number | null; limit: number; state: DeliveryState | null }): Delivery[] {
    const found: Delivery[] = [];
    for (const { name } of this.tables.toReversed()) {
      const rows = this.#sql.run<StoredDelivery>(
        `SELECT ${DELIVERY_COLUMNS_WITHOUT_BODY} FROM ${name}
         WHERE (?1 IS NULL OR seq < ?1) AND (?2 IS NULL OR state = ?2) ORDER BY seq DESC LIMIT ?3`,
        ...[before, state, limit - found.length],
      );
      found.push(...rows.map(toDelivery));
      if (found.length >= limit) break;
    }
    return found;
  }

  /** Makes the table for deliveries from `first` on; the one before it ends at `now` (unix ms). */
  addTable(first: number, now: number): void {
    const { newest } = this.#tables;
    if (newest !== undefined) {
      const live = Object.entries(this.#ends()).filter(([old]) => this.tables.some((table) => table.name === old));
      this.#meta.set("ends", { ...Object.fromEntries(live), [newest.name]: now });
    }
    const { name } = this.#tables.add(first);
    this.#sql.run(`CREATE INDEX due_${first} ON ${name} (due) WHERE due IS NOT NULL`);
    this.#meta.set("began", now);
    this.#newestBegan = now;
    this.#newestBytes = 0;
  }

  /** Makes a new table when the newest is a period old or full. `above`: a seq that no row exceeds before. */
  rollOver(now: number, bounds: TableBounds, above: number): void {
    const { newest } = this.#tables;
    // After a restart, and beside a test, there are rows above the position.
    const last = Math.max(above, this.#maxSeq);
    if (newest === undefined || last + 1 <= newest.first) return;
    const table = { began: this.#newestBegan, bytes: this.#newestBytes };
    if (isFinished(table, { ...bounds, now })) this.addTable(last + 1, now);
  }

  /** Drops tables that are past the retention. A table in which a delivery is still due stays. */
  dropExpired(now: number, retentionMs: number): void {
    const ends = this.#ends();
    for (const table of this.tables.slice(0, -1)) {
      const ended = ends[table.name];
      if (ended === undefined || ended > now - retentionMs) continue;
      if (!this.#hasDue(table)) this.#tables.drop(table);
    }
  }

  /**
   * Forgets the bodies of the oldest dead deliveries from the seq `from` on, at most `limit`; returns how many. The rows
   * stay. What was searched once is not searched again: an Endpoint that is full asks often.
   */
  dropDeadBodies(from: number, limit: number): number {
    const after = Math.max(from, this.#swept.get(from) ?? 0);
    for (const { name, first } of this.tables) {
      if (this.tables.some((later) => later.first > first && later.first <= after)) continue;
      const found = this.#sql.run<{ seq: number }>(
        `SELECT seq FROM ${name} WHERE seq >= ? AND state = 'dead' AND body IS NOT NULL ORDER BY seq LIMIT ?`,
        ...[after, limit],
      );
      const last = found.at(-1)?.seq;
      if (last === undefined) continue;
      this.#sql.run(
        `UPDATE ${name} SET body = NULL WHERE seq BETWEEN ? AND ? AND state = 'dead' AND body IS NOT NULL`,
        ...[found[0]?.seq ?? last, last],
      );
      this.#swept.set(from, last + 1);
      return found.length;
    }
    this.#swept.set(from, this.#maxSeq + 1);
    return 0;
  }

  /** Drops the oldest table when none of its deliveries needs work, and none is above `floor`; never the newest. */
  dropSettled(floor: number): boolean {
    const [oldest, next] = this.tables;
    if (oldest === undefined || next === undefined || next.first > floor + 1 || this.#hasDue(oldest)) return false;
    this.#tables.drop(oldest);
    return true;
  }

  #hasDue({ name }: PeriodTable): boolean {
    return this.#sql.run(`SELECT 1 AS found FROM ${name} WHERE due IS NOT NULL LIMIT 1`).length > 0;
  }

  /** Returns when each table but the newest ended, by name: a delivery's row has no time of its own. */
  #ends(): Record<string, number> {
    return this.#meta.get<Record<string, number>>("ends") ?? {};
  }

  #all(rest: string, ...params: SqlStorageValue[]): Delivery[] {
    return this.tables.flatMap(({ name }) =>
      this.#sql.run<StoredDelivery>(`SELECT ${DELIVERY_COLUMNS} FROM ${name} ${rest}`, ...params).map(toDelivery),
    );
  }
}

function byDue(a: Pick<Delivery, "seq" | "due">, b: Pick<Delivery, "seq" | "due">): number {
  return (a.due ?? 0) - (b.due ?? 0) || a.seq - b.seq;
}

export function toDelivery(row: StoredDelivery): Delivery {
  return {
    ...row,
    state: row.state as DeliveryState,
    mark: MARKS.find((mark) => mark === row.mark) ?? null,
    attempts: JSON.parse(row.attempts) as Attempt[],
  };
}
