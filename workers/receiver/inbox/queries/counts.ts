import type { EventCounts } from "../../archive/segments.ts";
import { expiredBefore, oldestTail } from "../state/rules.ts";
import type { LogSnapshot } from "./rows.ts";

/** Counts the events that a log shows of each source. */

type Count = { source: string | null; n: number };

/**
 * Counts every source that the log has events of. Returns null when KV did not say whose events some segments hold.
 * Events that are cleared or past their retention do not count, as pages do not show them.
 */
export function countEvents({ sql, state, timing, now, tombstones }: LogSnapshot): EventCounts | null {
  // A segment without counts counts under null. A clear never ends amid a segment that it touches.
  const segments = sql.run<Count>(
    `SELECT each.key AS source, sum(coalesce(each.value, 1)) AS n FROM seg LEFT JOIN json_each(counts) AS each
       WHERE (firstSeq >= ? OR ("to" >= ? AND coalesce(expires > ?, TRUE)))
       AND NOT EXISTS (SELECT 1 FROM json_each(?) AS cleared WHERE lastSeq <= cleared.value ->> 'seq'
         AND coalesce(cleared.value ->> 'source' = each.key, cleared.value ->> 'source' IS NULL))
       GROUP BY each.key`,
    ...[oldestTail(state), expiredBefore(now, timing), now, JSON.stringify(tombstones)],
  );
  if (segments.some(({ source }) => source === null)) return null;
  const open = sql.run<Count>(`SELECT source, count(*) AS n FROM tail_${state.open.firstSeq} GROUP BY source`);
  const counts = new Map<string, number>();
  for (const { source, n } of [...segments, ...open]) {
    if (source !== null) counts.set(source, (counts.get(source) ?? 0) + n);
  }
  return Object.fromEntries(counts);
}
