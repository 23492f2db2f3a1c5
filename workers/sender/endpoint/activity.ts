import type { PeriodTable } from "../../../shared/durable/period-tables.ts";
import type { Sql } from "../../../shared/durable/sql.ts";
import { HOUR_MS } from "../../../shared/time.ts";
import { type ActivityView, HOURS, type Hour, type HourCount, hourOf } from "../model/activity.ts";

/** Counts an endpoint's attempts by the hour: once from the rows, then in memory. */

/** Deliveries that the first count looks at: a bound on rows read, since no index is kept for it. */
const MAX_DELIVERIES = 2000;

/** Counts the attempts of the last 24 hours among the newest deliveries; `tables` oldest first. */
export function countActivity(sql: Sql, tables: readonly PeriodTable[], now: number): Activity {
  const since = (hourOf(now) - HOURS + 1) * HOUR_MS;
  const counts = new Map<number, HourCount>();
  let room = MAX_DELIVERIES;
  let oldest = 0;
  for (const { name } of tables.toReversed()) {
    const newest = `(SELECT attempts FROM ${name} ORDER BY seq DESC LIMIT ${room})`;
    for (const { hour, n, ok } of sql.run<{ hour: number; n: number; ok: number }>(
      `SELECT (value ->> 'at') / ${HOUR_MS} AS hour, count(*) AS n,
         sum((value ->> 'status') BETWEEN 200 AND 299 AND (value ->> 'code') IS NULL) AS ok
       FROM ${newest}, json_each(attempts) WHERE (value ->> 'at') >= ? GROUP BY hour`,
      since,
    )) {
      const known = counts.get(hour) ?? { hour, delivered: 0, failed: 0 };
      counts.set(hour, { hour, delivered: known.delivered + ok, failed: known.failed + n - ok });
    }
    const looked = sql.run<{ n: number; first: number | null }>(
      `SELECT count(*) AS n, min(attempts ->> '$[0].at') AS first FROM ${newest}`,
    )[0];
    oldest = looked?.first ?? oldest;
    room -= looked?.n ?? 0;
    if (room <= 0) break;
  }
  return new Activity([...counts.values()], room <= 0 && oldest > since);
}

/** The counts in memory, which start from the rows: to ask again reads nothing. */
export class Activity {
  readonly #hours: Map<number, Hour>;
  readonly #cut: boolean;

  constructor(counts: readonly HourCount[], cut: boolean) {
    this.#hours = new Map(counts.map(({ hour, delivered, failed }) => [hour, { delivered, failed }]));
    this.#cut = cut;
  }

  /** Counts one more attempt, made `at` (unix ms). */
  note(at: number, delivered: boolean): void {
    const hour = hourOf(at);
    const known = this.#hours.get(hour) ?? { delivered: 0, failed: 0 };
    this.#hours.set(hour, {
      ...known,
      ...(delivered ? { delivered: known.delivered + 1 } : { failed: known.failed + 1 }),
    });
    for (const old of this.#hours.keys()) if (old <= hour - HOURS) this.#hours.delete(old);
  }

  /** Returns the hour of `now` (unix ms) and the 23 before it. */
  view(now: number): ActivityView {
    const first = hourOf(now) - HOURS + 1;
    const hours = Array.from({ length: HOURS }, (_, i) => this.#hours.get(first + i) ?? { delivered: 0, failed: 0 });
    return { hours, cut: this.#cut };
  }
}
