import { withDeadline } from "../../../shared/deadline.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { type ListedSegment, listSegments, readTombstones, type SegmentPage } from "../archive/segments.ts";
import { mergeTombstones, type Tombstone } from "../event/tombstone.ts";
import { clearedIn } from "./state/rules.ts";
import type { LogIdentity, Rebuilt, Timing } from "./state/state.ts";
import type { InboxStore } from "./storage/schema.ts";

/**
 * Makes a log anew from KV when its storage is gone. Only the storage knew the events of the tails and the seen keys:
 * these are lost.
 */

/** The new life counts on from this far beyond what is known, so that no lost event had one of its seqs. */
export const SEQ_GAP = 1_000_000;
/**
 * The gap grows by this much for each millisecond since the newest event that KV lists. So a life that `list` hides
 * wholly lies below the new one: no log takes more events a second.
 */
const SEQS_PER_MS = 1;
/** KV's `list` may lag; after these times everything is shown. */
const RELIST_AFTER_MS = [5 * 60_000, 60 * 60_000];
/** For one page of a list, which has up to 1,000 keys. */
const LIST_DEADLINE_MS = 10_000;

/** The contents of KV for one log. */
type Holdings = { segments: readonly ListedSegment[]; tombstones: readonly Tombstone[] };

/** Reads what KV holds of a log. Rejects when any part cannot be read: a rebuild from less would hide events. */
export async function readHoldings(kv: KVNamespace, log: string): Promise<Holdings> {
  const deadline = <T>(call: Promise<T>) => withDeadline(call, LIST_DEADLINE_MS);
  const tombstones = await deadline(readTombstones(kv, log));
  const segments: ListedSegment[] = [];
  let cursor: string | null = null;
  do {
    const page: SegmentPage = await deadline(listSegments(kv, log, cursor));
    segments.push(...page.segments);
    cursor = page.cursor;
  } while (cursor !== null);
  return { segments, tombstones };
}

/**
 * Returns the first seq of the new life: 1 when KV holds nothing. (A log lost before KV showed anything of it looks like
 * a new one; its epoch keeps the two apart.)
 */
export function firstSeqAfter({ segments, tombstones }: Holdings, now: number): number {
  const highest = highestSeq({ segments, tombstones });
  const newest = segments.reduce((latest, { to }) => Math.max(latest, to), 0);
  return highest === 0 ? 1 : highest + SEQ_GAP + Math.max(now - newest, 0) * SEQS_PER_MS;
}

type Creation = { store: InboxStore; timing: Timing; log: string; epoch: string; now: number };

/** Creates the tables of a log, new or lost, in a transaction. */
export function createFrom(holdings: Holdings, { store, timing, log, epoch, now }: Creation): LogIdentity {
  const firstSeq = firstSeqAfter(holdings, now);
  const identity = store.create(log, epoch, firstSeq);
  const lostAfter = highestSeq(holdings);
  // KV holds nothing: the log is new, and nothing is noted about a life before it.
  if (lostAfter === 0) return identity;
  const tombstones = mergeTombstones(holdings.tombstones);
  const segments = adopt(holdings.segments, tombstones, { store, timing, epoch, now, oldestTail: firstSeq });
  const relists = RELIST_AFTER_MS.map((ms) => now + ms);
  const rebuilt: Rebuilt = { at: now, segments, lostAfter, firstSeq, relists };
  store.ledger.setNote("tombstones", { list: tombstones, saved: true });
  store.ledger.setNote("rebuilt", rebuilt);
  logEvent("log.rebuilt", { log, segments, lostAfter, firstSeq });
  return identity;
}

type Adoption = { store: InboxStore; timing: Timing; epoch: string; now: number; oldestTail: number };

/**
 * Adds the segments that KV lists and the tables do not know; returns how many. Where two lives have the same seqs, the
 * segments of the newer one stay: readers saw those last. A segment put in the last minutes may be read before its grace
 * is over. Its key was listed; if `get` does not show it yet, a page answers 503 for a while rather than leave it out.
 * Pages hide what is past its retention; it is adopted all the same, as this clock may be wrong.
 */
export function adopt(
  listed: readonly ListedSegment[],
  tombstones: readonly Tombstone[],
  { store: { ledger }, timing, epoch, now, oldestTail }: Adoption,
): number {
  let adopted = 0;
  for (const segment of listed.toSorted((a, b) => b.from - a.from)) {
    const { firstSeq, lastSeq } = segment;
    if (clearedIn(tombstones, segment) === segment.n) {
      ledger.addGone(segment, now);
      continue;
    }
    const there = ledger.segmentWithin(firstSeq, lastSeq);
    if (there?.firstSeq === firstSeq && there.epoch === segment.epoch) continue;
    if (there === null && lastSeq < oldestTail) {
      const expires = Math.min(segment.expires, now + timing.retentionMs);
      ledger.addSegment({ ...segment, putAt: segment.to, misses: 0 }, segment.counts, expires);
      adopted += 1;
    } else if (segment.epoch !== epoch) logEvent("segment.hidden", { firstSeq, lastSeq, epoch: segment.epoch });
  }
  return adopted;
}

function highestSeq({ segments, tombstones }: Holdings): number {
  const bySegments = segments.reduce((highest, { lastSeq }) => Math.max(highest, lastSeq), 0);
  return tombstones.reduce((highest, { seq }) => Math.max(highest, seq), bySegments);
}
