import type { State } from "../state/rules.ts";
import { type Histogram, HOUR_MS, histogramOf, histogramStart, type Run } from "./histogram.ts";

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
