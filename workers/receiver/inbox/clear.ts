import type { CountedSegment } from "../archive/segments.ts";
import { mergeTombstones, type Tombstone } from "../event/tombstone.ts";
import { seal } from "./seal.ts";
import type { InboxState } from "./state/state.ts";
import type { Ledger } from "./storage/ledger.ts";
import type { InboxStore } from "./storage/tails.ts";

/** What clearing does to the log. The decisions come first, then what is done in the Inbox's transaction. */

/** Clears one source, or the whole log, up to its newest event. Seen ids stay: a repetition stays one. */
export function clearEvents(clearing: Clearing, draft: InboxState, source: string | null): ClearResult {
  const { store, ledger, epoch } = clearing;
  const { firstSeq, count } = draft.open;
  const present = source === null ? count > 0 : ledger.holds(firstSeq, source);
  if (present) seal(store, draft, epoch);
  const result = applyTombstones(clearing, draft, [{ source, seq: draft.next - 1 }]);
  return { ...result, keysToDelete: draft.housekeeping.gone };
}

/**
 * `cleared`: events that this hides. `remainInKv`: events of what was named that stay in KV, unseen, because
 * others share their segments; KV drops them by itself. `uncounted`: segments that may hold some more of both,
 * found in KV without saying whose events they hold. `keysToDelete`: segments on their way out of KV.
 */
export type ClearResult = { cleared: number; remainInKv: number; uncounted: number; keysToDelete: number };

export type Clearing = { store: InboxStore; ledger: Ledger; epoch: string; now: number };

/**
 * How many of a segment's events the tombstones cover; null when that is not known. A clear seals the tail that
 * holds any of its events, so that a tombstone never ends amid a segment with events on both sides of it.
 */
export function clearedIn(tombstones: readonly Tombstone[], { lastSeq, n, counts }: CountedSegment): number | null {
  const reaching = tombstones.filter(({ seq }) => lastSeq <= seq);
  if (reaching.length === 0) return 0;
  const sources = new Set(reaching.map(({ source }) => source));
  if (sources.has(null)) return n;
  if (counts === null) return null;
  return Object.entries(counts).reduce((sum, [source, count]) => sum + (sources.has(source) ? count : 0), 0);
}

/**
 * Adds tombstones, and forgets the segments that hold nothing else any more: tail and row here, the key later. The
 * tails stay an unbroken end of the log: only cleared events leave it.
 */
export function applyTombstones(
  { store, ledger, now }: Omit<Clearing, "epoch">,
  draft: InboxState,
  added: readonly Tombstone[],
): Omit<ClearResult, "keysToDelete"> {
  const result = { cleared: 0, remainInKv: 0, uncounted: 0 };
  if (added.length === 0) return result;
  const before = draft.housekeeping.tombstones;
  const after = mergeTombstones(before, added);
  const discarded = new Set<number>();
  for (const segment of ledger.segments()) {
    const clearedNow = clearedIn(after, segment);
    if (clearedNow === segment.n) {
      ledger.discard(segment, now);
      discarded.add(segment.firstSeq);
    } else result.remainInKv += clearedIn(added, segment) ?? 0;
    if (clearedNow === null) result.uncounted += 1;
    else result.cleared += clearedNow - (clearedIn(before, segment) ?? 0);
  }
  for (const { firstSeq } of draft.sealed) if (discarded.has(firstSeq)) store.dropTail(firstSeq);
  draft.sealed = draft.sealed.filter(({ firstSeq }) => !discarded.has(firstSeq));
  const gone = draft.housekeeping.gone + discarded.size;
  draft.housekeeping = { ...draft.housekeeping, gone };
  const changed = JSON.stringify(after) !== JSON.stringify(before);
  // What covers nothing is not kept, unless KV may still show something that it covers.
  const covers = result.cleared > 0 || result.uncounted > 0 || draft.housekeeping.rebuilt !== null;
  if (changed && covers) {
    ledger.setNote("tombstones", { list: after, saved: false });
    draft.housekeeping = { ...draft.housekeeping, tombstones: after, saved: false };
  }
  return result;
}
