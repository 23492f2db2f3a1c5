import { withDeadline } from "../../../shared/deadline.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { withAllDamaged } from "../archive/read-segment.ts";
import { readSegment, type SegmentText } from "../archive/segments.ts";
import type { SegmentRef, SeqRange, Unread } from "../event/page.ts";
import { type LogReader, RETRY_SOON } from "./logs.ts";

/**
 * Parts of the log that cannot be read. A reader is told to come back for one that could not be read just now, and is
 * named one that could not be read for longer: the Inbox notes each try and tells the two apart.
 */

/** A reader is told to come back rather than kept waiting; shorter where the answer was none lately. */
const READ_DEADLINE_MS = { usual: 10_000, noted: 2_000 };

/** The reads of one request: parts that could not be read, and noted parts that could. */
export type Reading = { unread: Unread[]; read: SeqRange[] };

/** Parts that could not be read. `missing`: not for longer; `passing`: it may work at the next try. */
export type Gaps = { missing: SeqRange[]; passing: SeqRange[] };

/** Reads a segment that the Inbox named; null, and a note in `reading`, when KV does not show the whole of it. */
export async function fetchSegment(
  { kv, log }: LogReader,
  segment: SegmentRef,
  reading: Reading,
): Promise<SegmentText | null> {
  const { firstSeq: from, lastSeq: to, noted = false } = segment;
  try {
    const call = readSegment(kv, log, segment, noted ? "anew" : "cached");
    const shown = await withDeadline(call, READ_DEADLINE_MS[noted ? "noted" : "usual"]);
    if (shown === null) {
      logEvent("segment.unread", { firstSeq: from, error: "KV does not show the whole of it" });
      reading.unread.push({ from, to, answered: true });
      return null;
    }
    const found = noted ? withAllDamaged(shown, segment) : shown;
    reading.unread.push(...found.damaged.map(damagedAt));
    if (noted) reading.read.push({ from, to });
    return found;
  } catch (error) {
    logEvent("segment.unread", { firstSeq: from, error: String(error) });
    reading.unread.push({ from, to, answered: false });
    return null;
  }
}

/** Returns a damaged event as a part that could not be read. */
export function damagedAt(seq: number): Unread {
  return { from: seq, to: seq, answered: true };
}

/** Tells the Inbox about the reads, and returns the gaps among them that lie within `range`. */
export async function gapsIn({ inbox }: LogReader, { unread, read }: Reading, range: SeqRange): Promise<Gaps> {
  if (unread.length === 0 && read.length === 0) return { missing: [], passing: [] };
  const noted = await inbox.noteReads({ unread, read }).catch((error: unknown) => {
    logEvent("reads.not_noted", { error: String(error) });
    return [];
  });
  const isMissing = ({ from, to }: SeqRange) => noted.some((part) => part.from === from && part.to === to);
  const [missing, passing] = [unread.filter(isMissing), unread.filter((part) => !isMissing(part))];
  return { missing: clipped(missing, range), passing: clipped(passing, range) };
}

/** Returns what of the parts lies within a range, by seq. */
function clipped(parts: readonly SeqRange[], range: SeqRange): SeqRange[] {
  return parts
    .map(({ from, to }) => ({ from: Math.max(from, range.from), to: Math.min(to, range.to) }))
    .filter(({ from, to }) => from <= to)
    .sort((a, b) => a.from - b.from);
}

/** Returns the failure of a read of parts that readers cannot pass. */
export function unreadable({ missing, passing }: Gaps): Problem {
  const parts = [...missing, ...passing].map(seqsText).join(", ");
  if (passing.length > 0) {
    const detail = `The log's numbers ${parts} are stored, but could not be read. Ask again.`;
    return new Problem("segment_unavailable", detail, { headers: RETRY_SOON, extra: { unread: passing } });
  }
  const detail = `The log's numbers ${parts} are stored, but could not be read for a while. The log goes on trying.`;
  return new Problem("segment_unavailable", detail, { extra: { missing } });
}

function seqsText({ from, to }: SeqRange): string {
  return from === to ? String(from) : `${from} to ${to}`;
}
