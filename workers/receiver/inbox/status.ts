import type { Space } from "../../../shared/durable/space.ts";
import type { SeqRange } from "../event/page.ts";
import type { Tombstone } from "../event/tombstone.ts";
import type { InboxMemory } from "./memory.ts";
import type { Rebuilt } from "./state/state.ts";

/**
 * The condition of a log. `waiting` counts events that KV has not taken yet; the oldest of them was received at
 * `oldestWaitingAt`. `kvFailing`: the last call of KV for this log failed. `segments` counts those of the log, without
 * its open tail. `space` is left in the object's storage; keys seen before `seenSince` were forgotten to make some.
 * `keysToDelete` counts cleared segments that are still in KV. `rebuilt` is set when the storage of this log was lost
 * once. `unread` are the parts that could not be read lately. Times in unix milliseconds.
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
  unread: readonly SeqRange[];
};

/** The answer to a monitor, which costs no read of the log; `unread` counts the parts that could not be read lately. */
export type Health = { space: Space; unread: number };

export function statusOf(memory: InboxMemory, now: number): InboxStatus {
  const { next, sealed, open, retryAt, housekeeping } = memory.state;
  const { ledger } = memory.store;
  const seenSince = ledger.note("forgotten")?.before ?? 0;
  const notPut = sealed.filter(({ putAt }) => putAt === null);
  return {
    head: next - 1,
    waiting: notPut.reduce((sum, { n }) => sum + n, open.count),
    oldestWaitingAt: notPut[0]?.from ?? open.from,
    kvFailing: retryAt !== null || housekeeping.retryAt !== null,
    segments: ledger.countSegments(),
    space: memory.spaceLeft(0),
    seenSince: seenSince > now - memory.config.retentionMs ? seenSince : null,
    tombstones: housekeeping.tombstones,
    keysToDelete: housekeeping.gone,
    rebuilt: housekeeping.rebuilt,
    unread: housekeeping.unread.map(({ from, to }) => ({ from, to })),
  };
}

export function healthOf(memory: InboxMemory): Health {
  // One row, to find out whether the table of segments can be read.
  memory.store.ledger.lastSealedAt();
  return { space: memory.spaceLeft(0), unread: memory.state.housekeeping.unread.length };
}
