import type { PeriodTable } from "../../../shared/durable/period-tables.ts";
import type { Sql } from "../../../shared/durable/sql.ts";
import { Activity, HOUR_MS, HOURS, type HourCount, hourOf } from "../model/activity.ts";

/** Deliveries that a count of attempts looks at: a bound on rows read, since no index is kept for it. */
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
