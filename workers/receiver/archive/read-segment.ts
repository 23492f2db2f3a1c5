import { matches } from "../event/filter.ts";
import type { SegmentRef, Wanted } from "../event/page.ts";
import { type EventRecord, fromLine } from "../event/record.ts";
import { isCleared, type Tombstone } from "../event/tombstone.ts";
import { candidateLines } from "./lines.ts";

/** A segment's text as a reader takes it: only the lines that may hold what is wanted are parsed. Pure. */

/** At most `limit` wanted records of a whole segment's text, in the order asked for. */
export function recordsIn(
  text: string,
  segment: SegmentRef,
  { range, ascending, filter, cleared }: Wanted & { cleared: readonly Tombstone[] },
  limit: number,
): EventRecord[] {
  if (limit <= 0) return [];
  const candidates = linesWithin(candidateLines(text, filter), segment, range);
  const found: EventRecord[] = [];
  for (const line of ascending ? candidates : candidates.reverse()) {
    if (found.length >= limit) break;
    const record = fromLine(line);
    const inRange = record.seq >= range.from && record.seq <= range.to;
    if (inRange && matches(filter, record) && !isCleared(cleared, record)) found.push(record);
  }
  return found;
}

/** The lines in the range where that shows without parsing: a tail has no gaps, so neither has its segment. */
function linesWithin(lines: string[], { firstSeq, lastSeq }: SegmentRef, { from, to }: Wanted["range"]): string[] {
  if (lines.length !== lastSeq - firstSeq + 1) return lines;
  return lines.slice(Math.max(from - firstSeq, 0), Math.max(to - firstSeq + 1, 0));
}
