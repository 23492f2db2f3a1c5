import { withDeadline } from "../../../shared/deadline.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { withAllDamaged } from "../archive/read-segment.ts";
import { readSegment } from "../archive/segments.ts";
import type { SeqRange, Unread } from "../event/page.ts";
import { toRecord } from "../event/record.ts";
import type { InboxMemory } from "./memory.ts";
import { oldestTail } from "./state/rules.ts";
import { isMissing, missingAmong, type NotedUnread, nextTry, subtract, withReads } from "./state/unread-rules.ts";

/** Notes the parts of the log that cannot be read, and looks at them again. `state/unread-rules.ts` has the rules. */

/** A run of the alarm looks at so many parts: each may be a read of KV. */
const RUN_LOOKS = 5;
const LOOK_DEADLINE_MS = 10_000;

/** The reads of one reader: parts that it could not read, and noted parts that it could. */
export type Reads = { unread: readonly Unread[]; read: readonly SeqRange[] };

/** Notes a reader's reads; returns those unread parts that count as missing, so that the reader passes them. */
export function noteReads(memory: InboxMemory, reads: Reads): SeqRange[] {
  const now = Date.now();
  const before = memory.state.housekeeping.unread;
  const after = withReads(before, reads, now);
  if (after !== before) {
    memory.commit((draft) => {
      memory.store.ledger.setNote("unread", { list: after });
      draft.housekeeping = { ...draft.housekeeping, unread: after };
    });
    memory.arm(now);
    logChange(before, after);
  }
  return missingAmong(after, reads.unread);
}

function logChange(before: readonly NotedUnread[], after: readonly NotedUnread[]): void {
  const [was, is] = [before, after].map((list) => list.filter(isMissing));
  for (const { from, to, answered } of subtract(is ?? [], was ?? [])) logEvent("log.missing", { from, to, answered });
  for (const { from, to } of subtract(before, after)) logEvent("log.missing_no_more", { from, to });
}

/** Looks at the noted parts that are due, so that a part is known to be missing, or well, without any reader. */
export async function lookAgain(memory: InboxMemory): Promise<boolean> {
  const now = Date.now();
  const due = memory.state.housekeeping.unread.filter((part) => nextTry(part) <= now || part.at > now);
  for (const part of due.toSorted((a, b) => a.at - b.at).slice(0, RUN_LOOKS))
    noteReads(memory, await lookAtPart(memory, part));
  return due.length > 0;
}

/** Looks at the beginning of a part: one segment of it, or all of it where it stands in tails. */
async function lookAtPart(memory: InboxMemory, part: NotedUnread): Promise<Reads> {
  const { from, to, answered } = part;
  const { ledger } = memory.store;
  try {
    if (from >= oldestTail(memory.state)) return lookAtTails(memory, part);
    const segment = ledger.segmentWithin(from, to);
    // Nothing is there any more: the segment has expired, or was cleared.
    if (segment === null) return { unread: [], read: [part] };
    const found = await withDeadline(readSegment(memory.kv, memory.identity.log, segment, "anew"), LOOK_DEADLINE_MS);
    if (found === null) return { unread: [{ from, to, answered: true }], read: [] };
    const { damaged } = withAllDamaged(found, segment);
    const unread = damaged.map((seq) => ({ from: seq, to: seq, answered: true }));
    return { unread, read: [{ from: segment.firstSeq, to: segment.lastSeq }] };
  } catch (error) {
    logEvent("segment.unread", { firstSeq: from, error: String(error) });
    return { unread: [{ from, to, answered: answered && from >= oldestTail(memory.state) }], read: [] };
  }
}

function lookAtTails(memory: InboxMemory, { from, to }: SeqRange): Reads {
  const { sealed, open } = memory.state;
  const tails = [...sealed.filter(({ lastSeq, firstSeq }) => lastSeq >= from && firstSeq <= to), open];
  const rows = tails.flatMap(({ firstSeq }) => memory.store.tails.rows(firstSeq));
  const read = rows.filter((row) => {
    if (row.seq < from || row.seq > to) return false;
    toRecord(row);
    return true;
  });
  if (read.length === to - from + 1) return { unread: [], read: [{ from, to }] };
  return { unread: [{ from, to, answered: true }], read: [] };
}
