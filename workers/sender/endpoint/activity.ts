import type { PeriodTable } from "../../../shared/durable/period-tables.ts";
import type { Sql } from "../../../shared/durable/sql.ts";
import { HOUR_MS, MINUTE_MS } from "../../../shared/time.ts";
import {
  type ActivityView,
  addTo,
  emptyTally,
  figuresOf,
  HOURS,
  hourOf,
  LATENCY_BOUNDS_MS,
  latencyPlace,
  type SpanFigures,
  type Tally,
} from "../model/activity.ts";
import type { LastAttempt } from "../protocol.ts";

/** Counts an endpoint's attempts by the hour, and those of the last hour closer: once from the rows, then in memory. */

/** Deliveries that the first count looks at: a bound on rows read, since no index is kept for it. */
const MAX_DELIVERIES = 2000;
/** The last hour moves on in steps of so much. */
const STEP_MS = 5 * MINUTE_MS;
const STEPS_AN_HOUR = HOUR_MS / STEP_MS;

const PLACE = `CASE ${LATENCY_BOUNDS_MS.map((bound, place) => `WHEN value ->> 'ms' <= ${bound} THEN ${place}`).join(" ")} ELSE ${LATENCY_BOUNDS_MS.length} END`;

/** Attempts of five minutes that ended alike. */
type FoundAttempts = { step: number; ok: number; place: number; n: number };

/** Counts the attempts of the last 24 hours among the newest deliveries; `tables` oldest first. */
export function countActivity(sql: Sql, tables: readonly PeriodTable[], now: number): Activity {
  const since = (hourOf(now) - HOURS + 1) * HOUR_MS;
  const activity = new Activity();
  let room = MAX_DELIVERIES;
  let oldest = 0;
  for (const { name } of tables.toReversed()) {
    const newest = `(SELECT attempts FROM ${name} ORDER BY seq DESC LIMIT ${room})`;
    const ok = "coalesce((value ->> 'status') BETWEEN 200 AND 299 AND (value ->> 'code') IS NULL, 0)";
    for (const { step, ok: delivered, place, n } of sql.run<FoundAttempts>(
      `SELECT (value ->> 'at') / ${STEP_MS} AS step, ${ok} AS ok, ${PLACE} AS place, count(*) AS n
       FROM ${newest}, json_each(attempts) WHERE (value ->> 'at') >= ? GROUP BY 1, 2, 3`,
      since,
    )) {
      activity.add(step * STEP_MS, { delivered: delivered === 1, place }, n);
    }
    const last = sql.run<LastAttempt>(
      `SELECT value ->> 'at' AS at, value ->> 'status' AS status, value ->> 'code' AS code, value ->> 'ms' AS ms
       FROM ${newest}, json_each(attempts) ORDER BY at DESC LIMIT 1`,
    )[0];
    if (last !== undefined) activity.noteLast(last);
    const looked = sql.run<{ n: number; first: number | null }>(
      `SELECT count(*) AS n, min(attempts ->> '$[0].at') AS first FROM ${newest}`,
    )[0];
    oldest = looked?.first ?? oldest;
    room -= looked?.n ?? 0;
    if (room <= 0) break;
  }
  activity.cut = room <= 0 && oldest > since;
  return activity;
}

/** The counts in memory, which start from the rows: to ask again reads nothing. */
export class Activity {
  readonly #hours = new Map<number, Tally>();
  readonly #steps = new Map<number, Tally>();
  #last: LastAttempt | null = null;
  /** True when older attempts of these hours were not counted. */
  cut = false;

  /** The newest attempt that is known; null before the first. */
  get last(): LastAttempt | null {
    return this.#last;
  }

  noteLast(attempt: LastAttempt): void {
    if (this.#last === null || attempt.at >= this.#last.at) this.#last = attempt;
  }

  /** Counts one more attempt. */
  note(attempt: LastAttempt, delivered: boolean): void {
    this.noteLast(attempt);
    this.add(attempt.at, { delivered, place: latencyPlace(attempt.ms) });
  }

  /** Counts attempts made at about `at` (unix ms). */
  add(at: number, how: { delivered: boolean; place: number }, count = 1): void {
    const [hour, step] = [hourOf(at), Math.floor(at / STEP_MS)];
    addTo(tallyIn(this.#hours, hour), how, count);
    addTo(tallyIn(this.#steps, step), how, count);
    dropUpTo(this.#hours, hour - HOURS);
    dropUpTo(this.#steps, step - STEPS_AN_HOUR);
  }

  /** Returns the hour of `now` (unix ms) and the 23 before it. */
  view(now: number): ActivityView {
    const first = hourOf(now) - HOURS + 1;
    const hours = Array.from({ length: HOURS }, (_, i) => this.#hours.get(first + i) ?? emptyTally());
    return { hours: hours.map(({ delivered, failed }) => ({ delivered, failed })), cut: this.cut };
  }

  /** Returns the last hour, up to five minutes short of it, and the last day, up to an hour short. */
  figures(now: number): { hour: SpanFigures; day: SpanFigures } {
    const [step, hour] = [Math.floor(now / STEP_MS) - STEPS_AN_HOUR, hourOf(now) - HOURS];
    return { hour: figuresOf(after(this.#steps, step)), day: figuresOf(after(this.#hours, hour)) };
  }
}

function tallyIn(tallies: Map<number, Tally>, number: number): Tally {
  const known = tallies.get(number) ?? emptyTally();
  tallies.set(number, known);
  return known;
}

function dropUpTo(tallies: Map<number, Tally>, last: number): void {
  for (const number of tallies.keys()) if (number <= last) tallies.delete(number);
}

function after(tallies: ReadonlyMap<number, Tally>, last: number): Tally[] {
  return [...tallies].filter(([number]) => number > last).map(([, tally]) => tally);
}
