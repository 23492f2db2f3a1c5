import type { Ledger, Rebuilt } from "./inbox-ledger.ts";
import type { State } from "./inbox-plan.ts";
import type { Tombstone } from "./tombstone.ts";

/**
 * How a log is doing. `waiting`: events that KV has not taken yet, the oldest of them received at
 * `oldestWaitingAt`; `kvFailing`: the last call of KV for this log failed; `segments`: how many the log consists
 * of, beside its open tail; `keysToDelete`: cleared segments that are still in KV; `rebuilt`: set when the storage
 * of this log was lost once. Times in unix milliseconds.
 */
export type InboxStatus = {
  head: number;
  waiting: number;
  oldestWaitingAt: number | null;
  kvFailing: boolean;
  segments: number;
  tombstones: readonly Tombstone[];
  keysToDelete: number;
  rebuilt: Rebuilt | null;
};

export function statusOf({ next, sealed, open, retryAt, chores }: State, ledger: Ledger): InboxStatus {
  const notPut = sealed.filter(({ putAt }) => putAt === null);
  return {
    head: next - 1,
    waiting: notPut.reduce((sum, { n }) => sum + n, open.count),
    oldestWaitingAt: notPut[0]?.from ?? open.from,
    kvFailing: retryAt !== null || chores.retryAt !== null,
    segments: ledger.countSegments(),
    tombstones: chores.tombstones,
    keysToDelete: chores.gone,
    rebuilt: chores.rebuilt,
  };
}
