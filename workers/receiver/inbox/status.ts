import { type Space, spaceIn } from "../../../shared/durable/space.ts";
import type { Tombstone } from "../event/tombstone.ts";
import type { InboxState, Rebuilt } from "./state/state.ts";
import type { Ledger } from "./storage/ledger.ts";
import type { InboxStore } from "./storage/tails.ts";

/**
 * How a log is doing. `waiting`: events that KV has not taken yet, the oldest of them received at
 * `oldestWaitingAt`; `kvFailing`: the last call of KV for this log failed; `segments`: how many the log consists
 * of, beside its open tail; `space`: in the object's storage; `seenSince`: keys from before then were forgotten to
 * make some; `keysToDelete`: cleared segments that are still in KV; `rebuilt`: set when the storage
 * of this log was lost once. Times in unix milliseconds.
 */
export type InboxStatus = {
  head: number;
  waiting: number;
  oldestWaitingAt: number | null;
  kvFailing: boolean;
  segments: number;
  space: Space;
  seenSince: number | null;
  tombstones: readonly Tombstone[];
  keysToDelete: number;
  rebuilt: Rebuilt | null;
};

type Known = { state: InboxState; ledger: Ledger; store: InboxStore };
type Bounds = { now: number; retentionMs: number; storageLimit: number };

export function statusOf({ state, ledger, store }: Known, { now, retentionMs, storageLimit }: Bounds): InboxStatus {
  const { next, sealed, open, retryAt, housekeeping } = state;
  const seenSince = ledger.note("forgotten")?.before ?? 0;
  const notPut = sealed.filter(({ putAt }) => putAt === null);
  return {
    head: next - 1,
    waiting: notPut.reduce((sum, { n }) => sum + n, open.count),
    oldestWaitingAt: notPut[0]?.from ?? open.from,
    kvFailing: retryAt !== null || housekeeping.retryAt !== null,
    segments: ledger.countSegments(),
    space: spaceIn(store.bytes, storageLimit),
    seenSince: seenSince > now - retentionMs ? seenSince : null,
    tombstones: housekeeping.tombstones,
    keysToDelete: housekeeping.gone,
    rebuilt: housekeeping.rebuilt,
  };
}
