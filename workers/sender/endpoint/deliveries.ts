import type { PeriodTable } from "../../../shared/durable/period-tables.ts";
import type { Sql } from "../../../shared/durable/sql.ts";
import type { Attempt, Delivery, DeliveryState } from "../model/delivery.ts";
import type { DeliveryTables } from "./delivery-tables.ts";
import type { SeqSet } from "./queue.ts";

/** The rows of an Endpoint's deliveries, across its tables: every statement on them, as typed verbs. */
export class Deliveries {
  readonly #sql: Sql;
  readonly #tables: DeliveryTables;

  constructor(sql: Sql, tables: DeliveryTables) {
    this.#sql = sql;
    this.#tables = tables;
  }

  has(seq: number): boolean {
    return seq <= this.#tables.maxSeq && this.get(seq) !== null;
  }

  get(seq: number): Delivery | null {
    const table = this.#tables.nameFor(seq);
    if (table === undefined) return null;
    const row = this.#sql.run<StoredDelivery>(`SELECT ${COLUMNS} FROM ${table} WHERE seq = ?`, seq)[0];
    return row === undefined ? null : toDelivery(row);
  }

  /** Writes a delivery's state: one row the first time, one more each time it changes while it is retried. */
  put(delivery: Delivery, isNew: boolean): void {
    const table = this.#tables.nameFor(delivery.seq);
    const attempts = JSON.stringify(delivery.attempts);
    const { seq, id, type, state, due, mark, skip, until, body } = delivery;
    if (isNew) {
      this.#sql.run(
        `INSERT INTO ${table} (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        ...[seq, id, type, state, due, mark, skip, until, attempts, body],
      );
      this.#tables.grew(seq, 100 + attempts.length + (body?.length ?? 0));
    } else {
      this.#sql.run(
        `UPDATE ${table} SET state = ?, due = ?, mark = ?, skip = ?, attempts = ?, body = ? WHERE seq = ?`,
        ...[state, due, mark, skip, attempts, body, seq],
      );
    }
  }

  /** Deliveries to be sent at `now`, in order of due time; `open` ones are under way and passed over. */
  due(now: number, limit: number, open: SeqSet): Delivery[] {
    const rows = this.#all(
      "WHERE due IS NOT NULL AND due <= ? AND state = 'due' ORDER BY due, seq LIMIT ?",
      ...[now, limit + open.size],
    );
    return rows
      .filter(({ seq }) => !open.has(seq))
      .sort(byDue)
      .slice(0, limit);
  }

  /** The earliest due time of a delivery that is not `open`; null when nothing is due. */
  nextDue(open: SeqSet): number | null {
    const times = this.#tables.all.flatMap(({ name }) =>
      this.#sql.run<{ seq: number; due: number }>(
        `SELECT seq, due FROM ${name} WHERE due IS NOT NULL ORDER BY due LIMIT ?`,
        open.size + 1,
      ),
    );
    const free = times.filter(({ seq }) => !open.has(seq)).map(({ due }) => due);
    return free.length === 0 ? null : Math.min(...free);
  }

  /** How many wait to be sent again: a dead delivery is due only to be reported. */
  get retrying(): number {
    const count = ({ name }: PeriodTable) =>
      this.#sql.run<{ n: number }>(`SELECT count(*) AS n FROM ${name} WHERE due IS NOT NULL AND state = 'due'`)[0]?.n ??
      0;
    return this.#tables.all.reduce((sum, table) => sum + count(table), 0);
  }

  /** The first delivery that an ordered endpoint must send before any other; redeliveries hold nothing up. */
  get holder(): Delivery | null {
    const rows = this.#all("WHERE due IS NOT NULL AND state = 'due' AND mark IS NULL ORDER BY seq LIMIT 1");
    return rows.sort((a, b) => a.seq - b.seq)[0] ?? null;
  }

  /** Dead deliveries that nobody was told of yet. */
  unreported(limit: number): Delivery[] {
    return this.#all("WHERE due IS NOT NULL AND state = 'dead' ORDER BY due LIMIT ?", limit)
      .sort(byDue)
      .slice(0, limit);
  }

  /** Somebody was told that the delivery died: nothing more is to be done for it. */
  reported(seq: number): void {
    const table = this.#tables.nameFor(seq);
    if (table !== undefined) this.#sql.run(`UPDATE ${table} SET due = NULL WHERE seq = ? AND state = 'dead'`, seq);
  }

  /** Dead deliveries whose last attempt came at `since` or later, oldest first. */
  dead(since: number, limit: number): Delivery[] {
    return this.#all("WHERE state = 'dead' AND attempts ->> '$[#-1].at' >= ? ORDER BY seq LIMIT ?", since, limit).slice(
      0,
      limit,
    );
  }

  /** Deliveries below `before`, newest first, bodies left out. */
  list({ before, limit, state }: { before: number | null; limit: number; state: DeliveryState | null }): Delivery[] {
    const found: Delivery[] = [];
    for (const { name } of this.#tables.all.toReversed()) {
      const rows = this.#sql.run<StoredDelivery>(
        `SELECT ${COLUMNS_WITHOUT_BODY} FROM ${name}
         WHERE (?1 IS NULL OR seq < ?1) AND (?2 IS NULL OR state = ?2) ORDER BY seq DESC LIMIT ?3`,
        ...[before, state, limit - found.length],
      );
      found.push(...rows.map(toDelivery));
      if (found.length >= limit) break;
    }
    return found;
  }

  #all(rest: string, ...params: SqlStorageValue[]): Delivery[] {
    return this.#tables.all.flatMap(({ name }) =>
      this.#sql.run<StoredDelivery>(`SELECT ${COLUMNS} FROM ${name} ${rest}`, ...params).map(toDelivery),
    );
  }
}

function byDue(a: Delivery, b: Delivery): number {
  return (a.due ?? 0) - (b.due ?? 0) || a.seq - b.seq;
}

/** The row: what is JSON or of few values is text there. */
export type StoredDelivery = Omit<Delivery, "attempts" | "state" | "mark"> & {
  attempts: string;
  state: string;
  mark: string | null;
};

export const COLUMNS = "seq, id, type, state, due, mark, skip, until, attempts, body";

export const COLUMNS_WITHOUT_BODY = COLUMNS.replace("body", "NULL AS body");

export function toDelivery(row: StoredDelivery): Delivery {
  return {
    ...row,
    state: row.state as DeliveryState,
    mark: row.mark === "redelivery" ? "redelivery" : null,
    attempts: JSON.parse(row.attempts) as Attempt[],
  };
}
