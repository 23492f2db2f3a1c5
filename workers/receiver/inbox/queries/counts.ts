import type { EventCounts } from "../../archive/segments.ts";
import { expiredBefore } from "../state/rules.ts";
import { type LogSnapshot, oldestTail } from "./rows.ts";

/** How many events a log shows of each source. */

type Count = { source: string | null; n: number };

/**
 * Of every source that the log has events of; null when some of its segments were found in KV without saying
 * whose events they hold. What is cleared or past its retention is not counted, as pages do not show it.
 */
export function countEvents({ sql, state, timing, now, tombstones = [] }: LogSnapshot): EventCounts | null {
  // A segment without counts counts under null. A clear never ends amid a segment that it touches.
  const segments = sql
    .exec<Count>(
      `SELECT each.key AS source, sum(coalesce(each.value, 1)) AS n FROM seg LEFT JOIN json_each(counts) AS each
         WHERE (firstSeq >= ? OR ("to" >= ? AND coalesce(expires > ?, TRUE)))
         AND NOT EXISTS (SELECT 1 FROM json_each(?) AS cleared WHERE lastSeq <= cleared.value ->> 'seq'
           AND coalesce(cleared.value ->> 'source' = each.key, cleared.value ->> 'source' IS NULL))
         GROUP BY each.key`,
      ...[oldestTail(state), expiredBefore(now, timing), now, JSON.stringify(tombstones)],
    )
    .toArray();
  if (segments.some(({ source }) => source === null)) return null;
  const open = sql
    .exec<Count>(`SELECT source, count(*) AS n FROM tail_${state.open.firstSeq} GROUP BY source`)
    .toArray();
  const counts = new Map<string, number>();
  for (const { source, n } of [...segments, ...open]) {
    if (source !== null) counts.set(source, (counts.get(source) ?? 0) + n);
  }
  return Object.fromEntries(counts);
}
