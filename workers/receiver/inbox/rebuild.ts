import { withDeadline } from "../../../shared/deadline.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { type ListedSegment, listSegments, readTombstones, type SegmentPage } from "../archive/segments.ts";

import { mergeTombstones, type Tombstone } from "../event/tombstone.ts";
import { applyTombstones, clearedIn } from "./clear.ts";

import type { InboxContext } from "./context.ts";
import { expiredBefore } from "./state/rules.ts";
import type { InboxState, LogIdentity, Rebuilt, Timing } from "./state/state.ts";
import type { Ledger } from "./storage/ledger.ts";
import type { InboxStore } from "./storage/tails.ts";

/**
 * The Inbox's memory, made anew from KV when its storage is gone. What only the storage knew is lost: the events
 * of the tails, and the seen ids.
 */

/** The new life counts on from so far beyond what is known that no event whose seq was lost can meet its own. */
export const SEQ_GAP = 1_000_000;
/** And this much further, so that a life which `list` hides wholly lies below the next: no log takes more a second. */
const SEQS_PER_MS = 1;
/** KV's `list` may lag: after these times, whatever it held back is shown. */
const RELIST_AFTER_MS = [5 * 60_000, 60 * 60_000];
/** One page of a list has up to 1,000 keys. */
const LIST_DEADLINE_MS = 10_000;

/** What KV holds of a log. */
export type Holdings = { segments: readonly ListedSegment[]; tombstones: readonly Tombstone[] };

/** Rejects when any part of it cannot be read: a rebuild from less would hide events. */
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
 * The first seq of a log of which KV holds this: 1 when it holds nothing. (A log lost before KV showed anything
 * of it looks like a new one; its epoch keeps the two apart.)
 */
export function firstSeqAfter({ segments, tombstones }: Holdings, now: number): number {
  const highest = highestSeq({ segments, tombstones });
  const newest = segments.reduce((latest, { to }) => Math.max(latest, to), 0);
  return highest === 0 ? 1 : highest + SEQ_GAP + Math.max(now - newest, 0) * SEQS_PER_MS;
}

type Creating = {
  store: InboxStore;
  ledger: Ledger;
  timing: Timing;
  log: string;
  epoch: string;
  now: number;
};

/** Makes the tables of a log, new or lost, in a transaction. */
export function createFrom(holdings: Holdings, { store, ledger, timing, log, epoch, now }: Creating): LogIdentity {
  const firstSeq = firstSeqAfter(holdings, now);
  const identity = store.create(log, epoch, firstSeq);
  const rebuilt = rebuiltFrom(holdings, now);
  if (rebuilt === null) return identity;
  const tombstones = mergeTombstones(holdings.tombstones);
  const segments = adopt(holdings.segments, tombstones, { ledger, timing, epoch, now, oldestTail: firstSeq });
  ledger.setNote("tombstones", { list: tombstones, saved: true });
  ledger.setNote("rebuilt", { ...rebuilt, segments });
  logEvent("log.rebuilt", { log, segments, lostAfter: rebuilt.lostAfter, firstSeq });
  return identity;
}

/** What is noted about a new life: null when there was none before it. */
function rebuiltFrom(holdings: Holdings, now: number): Rebuilt | null {
  const lostAfter = highestSeq(holdings);
  if (lostAfter === 0) return null;
  const relists = RELIST_AFTER_MS.map((ms) => now + ms);
  return { at: now, segments: 0, lostAfter, firstSeq: firstSeqAfter(holdings, now), relists };
}

type Adopting = { ledger: Ledger; timing: Timing; epoch: string; now: number; oldestTail: number };

/**
 * Adds what KV lists and the tables do not know; answers how many. Where two lives hold the same seqs, the newer
 * one's stand: that is what readers saw last. What was put in the last minutes may be read before its grace is
 * over: `list` has shown it, and should `get` not do so yet, a page is refused for a while rather than short.
 */
function adopt(holdings: readonly ListedSegment[], tombstones: readonly Tombstone[], adopting: Adopting): number {
  const { ledger, timing, epoch, now, oldestTail } = adopting;
  let adopted = 0;
  for (const segment of holdings.toSorted((a, b) => b.from - a.from)) {
    const { firstSeq, lastSeq } = segment;
    if (segment.to < expiredBefore(now, timing) || segment.expires <= now) continue;
    if (clearedIn(tombstones, segment) === segment.n) {
      ledger.addGone(segment, now);
      continue;
    }
    const there = ledger.segmentWithin(firstSeq, lastSeq);
    if (there?.firstSeq === firstSeq && there.epoch === segment.epoch) continue;
    if (there === null && lastSeq < oldestTail) {
      ledger.adopt(segment);
      adopted += 1;
    } else if (segment.epoch !== epoch) logEvent("segment.hidden", { firstSeq, lastSeq, epoch: segment.epoch });
  }
  return adopted;
}

/** Lists KV once more and adds what its lag had hidden, cleared or not. */
export async function relist({ kv, identity, timing, store, ledger, now, commit }: InboxContext): Promise<void> {
  const { segments, tombstones } = await readHoldings(kv, identity.log);
  commit((draft) => {
    const adopting = { ledger, timing, epoch: identity.epoch, now: now(), oldestTail: oldestTailOf(draft) };
    applyTombstones({ store, ledger, now: now() }, draft, tombstones);
    const found = adopt(segments, draft.housekeeping.tombstones, adopting);
    const { rebuilt } = draft.housekeeping;
    if (rebuilt === null) return;
    const noted: Rebuilt = { ...rebuilt, segments: rebuilt.segments + found, relists: rebuilt.relists.slice(1) };
    ledger.setNote("rebuilt", noted);
    draft.housekeeping = { ...draft.housekeeping, rebuilt: noted, gone: ledger.countGone() };
    logEvent("log.relisted", { found, segments: noted.segments });
  });
}

function oldestTailOf({ sealed, open }: InboxState): number {
  return sealed[0]?.firstSeq ?? open.firstSeq;
}

function highestSeq({ segments, tombstones }: Holdings): number {
  const bySegments = segments.reduce((highest, { lastSeq }) => Math.max(highest, lastSeq), 0);
  return tombstones.reduce((highest, { seq }) => Math.max(highest, seq), bySegments);
}
