import { mergeTombstones, type Tombstone } from "../event/tombstone.ts";
import type { InboxMemory } from "./memory.ts";
import { seal } from "./seal.ts";
import { clearedIn, oldestTail } from "./state/rules.ts";
import type { InboxState } from "./state/state.ts";
import type { InboxStore } from "./storage/schema.ts";

/** Clears a log by tombstones: at once for readers, then segment by segment in KV. */

/**
 * The extent of a clear. `cleared` counts the events that it hides. `remainInKv` counts the named source's
 * events that stay in KV, hidden, until they expire, because others share their segments. `uncounted` counts segments
 * that may hold more of both: KV did not say whose events they hold. `keysToDelete` counts segments on their way out of KV.
 */
export type ClearResult = { cleared: number; remainInKv: number; uncounted: number; keysToDelete: number };

/** Clears one source, or the whole log, up to its newest event. Seen keys stay: a repetition is still a duplicate. */
export function clearEvents(memory: InboxMemory, source: string | null): ClearResult {
  const { store, identity } = memory;
  const now = Date.now();
  const result = memory.commit((draft) => {
    const { firstSeq, count } = draft.open;
    const isInOpenTail = source === null ? count > 0 : store.tails.holds(firstSeq, source);
    if (isInOpenTail) seal(store, draft, identity.epoch);
    const applied = applyTombstones(store, draft, [{ source, seq: draft.next - 1 }], now);
    forgetUnread(store, draft);
    return { ...applied, keysToDelete: draft.housekeeping.gone };
  });
  memory.arm(now);
  return result;
}

/** Forgets that segments could not be read which are no part of the log any more. */
function forgetUnread({ ledger }: InboxStore, draft: InboxState): void {
  const { unread } = draft.housekeeping;
  const kept = unread.filter(({ from, to }) => to >= oldestTail(draft) || ledger.segmentWithin(from, to) !== null);
  if (kept.length === unread.length) return;
  ledger.setNote("unread", { list: kept });
  draft.housekeeping = { ...draft.housekeeping, unread: kept };
}

/**
 * Adds tombstones, in a transaction, and forgets the segments that hold only cleared events: tail and row here, the key
 * later. The tails stay an unbroken end of the log (I5, unbroken tails): only cleared events leave it.
 */
export function applyTombstones(
  { tails, ledger }: InboxStore,
  draft: InboxState,
  added: readonly Tombstone[],
  now: number,
): Omit<ClearResult, "keysToDelete"> {
  const result = { cleared: 0, remainInKv: 0, uncounted: 0 };
  if (added.length === 0) return result;
  const before = draft.housekeeping.tombstones;
  const after = mergeTombstones(before, added);
  const discarded = new Set<number>();
  for (const segment of ledger.countedSegments()) {
    const clearedNow = clearedIn(after, segment);
    if (clearedNow === segment.n) {
      ledger.discard(segment, now);
      discarded.add(segment.firstSeq);
    } else result.remainInKv += clearedIn(added, segment) ?? 0;
    if (clearedNow === null) result.uncounted += 1;
    else result.cleared += clearedNow - (clearedIn(before, segment) ?? 0);
  }
  for (const { firstSeq } of draft.sealed) if (discarded.has(firstSeq)) tails.drop(firstSeq);
  draft.sealed = draft.sealed.filter(({ firstSeq }) => !discarded.has(firstSeq));
  const gone = draft.housekeeping.gone + discarded.size;
  draft.housekeeping = { ...draft.housekeeping, gone };
  const changed = JSON.stringify(after) !== JSON.stringify(before);
  // A tombstone that covers nothing is not kept, unless KV may still show something that it covers.
  const covers = result.cleared > 0 || result.uncounted > 0 || draft.housekeeping.rebuilt !== null;
  if (changed && covers) {
    ledger.setNote("tombstones", { list: after, saved: false });
    draft.housekeeping = { ...draft.housekeeping, tombstones: after, saved: false };
  }
  return result;
}
