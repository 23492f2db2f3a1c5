import type { Space } from "../../../shared/durable/space.ts";

import type { Arrival } from "../event/arrival.ts";
import { type Proof, withVerified } from "../rejected/history.ts";

import { seal } from "./seal.ts";
import { isFull } from "./state/rules.ts";
import { needsSeenTable } from "./state/space-rules.ts";
import type { InboxState, Timing } from "./state/state.ts";
import type { Ledger } from "./storage/ledger.ts";
import type { InboxStore } from "./storage/tails.ts";

/** Where an arrival stands in the log: as its own event, or as the earlier one it repeats. */
export type Logged = { seq: number; duplicate: boolean };

/** `now` in unix milliseconds; `epoch` names the segment of a tail that this arrival finds full. */
export type AcceptContext = { now: number; epoch: string; timing: Timing; space: Space };

/** Logs the arrival, once: in a transaction, on a draft of the state. */
export function acceptOne(store: InboxStore, draft: InboxState, arrival: Arrival, context: AcceptContext): Logged {
  const at = Math.max(context.now, draft.lastAt);
  if (needsSeenTable(draft.seen, at, context.timing, context.space)) {
    draft.seen = [...draft.seen, store.seen.create(at)];
  }
  const size = sizeOf(arrival);
  if (isFull(draft.open, size)) seal(store, draft, context.epoch);
  const earlier = rememberOnce(store, draft, arrival, at);
  if (earlier !== null) return { seq: earlier, duplicate: true };
  const seq = draft.next;
  store.append(draft.open.firstSeq, seq, at, arrival);
  const { firstSeq, count, bytes, from } = draft.open;
  draft.open = { firstSeq, count: count + 1, bytes: bytes + size, from: from ?? at };
  draft.next = seq + 1;
  draft.lastAt = at;
  return { seq, duplicate: false };
}

/** What an arrival takes of a tail and of the storage, in bytes. */
export function sizeOf({ body, headers }: Arrival): number {
  return body.byteLength + headers.length;
}

/** Remembers what verified these: a row at first, and then at most one an hour for a source. */
export function noteVerified(ledger: Ledger, draft: InboxState, proofs: readonly Proof[], now: number): void {
  const { after, save } = withVerified(draft.verified, proofs, now);
  if (save) ledger.setNote("verified", after);
  draft.verified = after;
}

/** The seq that the arrival's key has already, or null once it is remembered as the next one. */
function rememberOnce(store: InboxStore, draft: InboxState, { dedup }: Arrival, at: number): number | null {
  const since = at - dedup.ttlMs;
  const [newest, ...older] = draft.seen.toReversed();
  if (newest === undefined) throw new Error("there is no table of seen keys");
  // The newest table answers by its insert, which spares the busiest look-up a statement of its own.
  for (const table of older) {
    const seq = store.seen.find(table, dedup, since);
    if (seq !== null) return seq;
  }
  if (store.seen.remember(newest, dedup, { seq: draft.next, at, since })) return null;
  return store.seen.find(newest, dedup, since);
}
