import { HOUR_MS } from "../../../../shared/time.ts";
import type { State } from "../state/state.ts";

/** Segments read for one picture: a day with more of them is one that no free plan could write. */
const MAX_SEGMENTS = 2000;
const SEGMENTS_AT_ONCE = 250;
/** Sealed tails that are counted event by event; while KV is away for long, older ones count as their segments do. */
const MAX_TAILS = 8;

/** `head`: the newest event that is counted. */
export type Arrivals = Histogram & { head: number };

/** When the events of the last day came: the newest tails by each event, the rest by what their segments say. */
export function arrivals(sql: SqlStorage, { sealed, open, next }: State, now: number): Arrivals {
  const start = histogramStart(now);
  const tails = [...sealed.slice(-MAX_TAILS).map(({ firstSeq }) => firstSeq), open.firstSeq];
  const counted = tails.flatMap((tail) => runsOfTail(sql, tail, start));
  const runs = [...segmentRuns(sql, tails[0] ?? open.firstSeq, start), ...counted];
  return { ...histogramOf(runs, now), head: next - 1 };
}

function runsOfTail(sql: SqlStorage, tail: number, start: number): Run[] {
  return sql
    .exec<Run>(
      `SELECT count(*) AS n, min(at) AS "from", max(at) AS "to" FROM tail_${tail}
         WHERE at >= ? GROUP BY at / ${HOUR_MS}`,
      start,
    )
    .toArray();
}

/** From the newest back to the start of the picture, so that the log's age costs nothing. */
function segmentRuns(sql: SqlStorage, before: number, start: number): Run[] {
  const runs: Run[] = [];
  for (let seq = before; runs.length < MAX_SEGMENTS; ) {
    const rows = sql
      .exec<Run & { firstSeq: number }>(
        `SELECT firstSeq, n, "from", "to" FROM seg WHERE firstSeq < ? ORDER BY firstSeq DESC LIMIT ${SEGMENTS_AT_ONCE}`,
        seq,
      )
      .toArray();
    runs.push(...rows.filter(({ to }) => to >= start));
    const last = rows.at(-1);
    if (last === undefined || rows.length < SEGMENTS_AT_ONCE || last.to < start) break;
    seq = last.firstSeq;
  }
  return runs;
}

export const HOURS = 24;

/** What is known of a run of events: how many came between two moments, both included. */
export type Run = { n: number; from: number; to: number };

/** `hours`: counts, oldest first, the last one the hour that has begun; `from`: when the first of them begins. */
export type Histogram = { from: number; hours: number[]; exact: boolean };

/** When the first hour of the picture begins. */
export function histogramStart(now: number): number {
  return Math.floor(now / HOUR_MS) * HOUR_MS - (HOURS - 1) * HOUR_MS;
}

/**
 * A run within one hour counts there. One that spans several is spread over them as if it had come evenly, and
 * the histogram is not `exact`; its total is right but for what lies before the picture.
 */
export function histogramOf(runs: readonly Run[], now: number): Histogram {
  const start = histogramStart(now);
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
