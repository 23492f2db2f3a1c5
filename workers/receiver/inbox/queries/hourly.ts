import type { Sql } from "../../../../shared/durable/sql.ts";
import { HOUR_MS } from "../../../../shared/time.ts";
import type { LogSnapshot } from "./rows.ts";

/** Counts the events of the last day by the hour they came in, for the chart above the list. */

export const HOURS = 24;

/** Segments read for one chart: no free plan could write more of them a day. */
const MAX_SEGMENTS = 2000;
const SEGMENTS_AT_ONCE = 250;
/** Sealed tails that are counted event by event. While KV is away for long, older ones are counted by their segments. */
const MAX_TAILS = 8;

/** A run of events: how many came between two moments, both included. */
type EventRun = { n: number; from: number; to: number };

/**
 * The counts, oldest first, the last one for the hour that has begun; the first hour begins at `from`. `exact` is
 * false where a run was spread over several hours, or could not be read.
 */
type HoursOfDay = { from: number; hours: number[]; exact: boolean };

/** Content of the chart; `head` is the newest event that is counted. */
export type HourlyCounts = HoursOfDay & { head: number };

/** Counts each event of the newest tails by itself, all older ones by the times of their segments. */
export function hourlyCounts({ sql, state: { sealed, open, next }, now }: LogSnapshot): HourlyCounts {
  const start = firstHour(now);
  const tails = [...sealed.slice(-MAX_TAILS).map(({ firstSeq }) => firstSeq), open.firstSeq];
  const counted = tails.map((tail) => runsOfTail(sql, tail, start));
  const runs = [...segmentRuns(sql, tails[0] ?? open.firstSeq, start), ...counted.flatMap((each) => each ?? [])];
  const spread = spreadOverHours(runs, now);
  return { ...spread, exact: spread.exact && !counted.includes(null), head: next - 1 };
}

/** Returns the runs of a tail; null when it cannot be read: the chart must not hide the log. */
function runsOfTail(sql: Sql, tail: number, start: number): EventRun[] | null {
  try {
    return sql.run<EventRun>(
      `SELECT count(*) AS n, min(at) AS "from", max(at) AS "to" FROM tail_${tail}
         WHERE at >= ? GROUP BY at / ${HOUR_MS}`,
      start,
    );
  } catch {
    return null;
  }
}

/** Reads from the newest segment back to the start of the chart, so that the log's age costs nothing. */
function segmentRuns(sql: Sql, before: number, start: number): EventRun[] {
  const runs: EventRun[] = [];
  for (let seq = before; runs.length < MAX_SEGMENTS; ) {
    const rows = sql.run<EventRun & { firstSeq: number }>(
      `SELECT firstSeq, n, "from", "to" FROM seg WHERE firstSeq < ? ORDER BY firstSeq DESC LIMIT ${SEGMENTS_AT_ONCE}`,
      seq,
    );
    runs.push(...rows.filter(({ to }) => to >= start));
    const last = rows.at(-1);
    if (last === undefined || rows.length < SEGMENTS_AT_ONCE || last.to < start) break;
    seq = last.firstSeq;
  }
  return runs;
}

/**
 * Counts a run within one hour there. A run that spans several hours is spread as if it had come evenly; the sum stays
 * right but for the part before the chart.
 */
export function spreadOverHours(runs: readonly EventRun[], now: number): HoursOfDay {
  const start = firstHour(now);
  const hours = new Array<number>(HOURS).fill(0);
  let exact = true;
  for (const { n, from, to } of runs) {
    const [first, last] = [from, to].map((at) => Math.floor((at - start) / HOUR_MS)) as [number, number];
    if (first !== last) exact = false;
    let given = 0;
    for (let hour = first; hour <= last; hour++) {
      const end = Math.min((start + (hour + 1) * HOUR_MS - from) / (to - from || 1), 1);
      const share = hour === last ? n - given : Math.round(n * end) - given;
      given += share;
      if (hour >= 0 && hour < HOURS) hours[hour] = (hours[hour] ?? 0) + share;
    }
  }
  return { from: start, hours, exact };
}

/** Returns the moment at which the chart's first hour begins. */
function firstHour(now: number): number {
  return Math.floor(now / HOUR_MS) * HOUR_MS - (HOURS - 1) * HOUR_MS;
}
