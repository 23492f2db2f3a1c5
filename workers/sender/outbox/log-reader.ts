import type { Sql } from "../../../shared/durable/sql.ts";
import type { LoggedEvent } from "../model/event.ts";
import { type Condition, conditionOf, type Subscription } from "../model/subscription.ts";
import type { EventQuery, Scan } from "../protocol.ts";
import type { EventLog } from "./event-log.ts";

/** Reading many events of the log, across its tables and within bounds. */

export type ScanLimits = { scanned: number; limit: number; maxBytes: number };

/** A page is copied to a Worker, which may be given 32 MiB at once: it ends with the step that passes this. */
const PAGE_BYTES = 1024 * 1024;
/** Rows read at a time, each of 256 KiB at most. */
const PAGE_STEP = 50;

export class LogReader {
  readonly #sql: Sql;
  readonly #log: EventLog;

  constructor(sql: Sql, log: EventLog) {
    this.#sql = sql;
    this.#log = log;
  }

  /**
   * Events after `after` that `subscription` wants, at most `limit` and `maxBytes` of them (but at least one) out of
   * at most `scanned` rows.
   */
  scan(after: number, subscription: Subscription, { scanned, limit, maxBytes }: ScanLimits): Scan {
    const condition = conditionOf(subscription);
    const events: LoggedEvent[] = [];
    let upTo = Math.max(after, this.#log.oldest - 1);
    let left = scanned;
    let bytes = 0;
    while (upTo < this.#log.head && left > 0) {
      const end = Math.min(upTo + left, this.#log.lastOf(upTo + 1));
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
    let [low, high] = [this.#log.oldest, this.#log.head + 1];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((this.#log.event(middle)?.at ?? 0) >= time) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /**
   * One page of the log: below `before` newest first, or above `after` oldest first; `last` is the last seq
   * that was looked at, so that a page which filtered everything away moves on. It ends early when it is large.
   */
  page({ after, before, type, limit, scanned }: EventQuery): { events: LoggedEvent[]; last: number } {
    const { head, oldest } = this.#log;
    const up = after !== null;
    const events: LoggedEvent[] = [];
    let last = up ? Math.max(after, oldest - 1) : Math.min(before ?? head + 1, head + 1);
    let left = scanned;
    let bytes = 0;
    while (left > 0 && bytes < PAGE_BYTES && events.length < limit && (up ? last < head : last > oldest)) {
      const next = up ? last + 1 : last - 1;
      const table = this.#log.tableOf(next);
      if (table === undefined) break;
      const end = up ? Math.min(this.#log.lastOf(table.first), last + left) : Math.max(table.first, last - left);
      const step = Math.min(limit - events.length, PAGE_STEP);
      const found = this.#sql.run<LoggedEvent>(
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

  /** Of one table: sizes first, so that no more bodies are read than are taken. */
  #range(
    after: number,
    end: number,
    condition: Condition,
    { limit, maxBytes, atLeastOne }: { limit: number; maxBytes: number; atLeastOne: boolean },
  ): { events: LoggedEvent[]; bytes: number; complete: boolean } {
    const table = this.#log.tableOf(after + 1)?.name;
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
            `SELECT seq, at, id, type, body FROM ${table} AS ev WHERE seq > ? AND seq <= ? AND ${condition.sql} ORDER BY seq`,
            ...[after, last, ...condition.params],
          );
    return { events, bytes, complete: taken === sizes.length };
  }
}
