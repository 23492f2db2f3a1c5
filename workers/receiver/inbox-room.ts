import { logEvent } from "../../shared/telemetry.ts";
import type { Flushing } from "./inbox-flush.ts";
import { crowdedOut, expiredSeen, type Room, roomIn } from "./inbox-seen-plan.ts";

/**
 * Drops the tables of seen keys that are past the retention, and one more while the storage is crowded; answers how
 * much room there is then. Events are never dropped for room.
 */
export function forgetSeen({ store, ledger, timing, storageLimit, state, commit, now }: Flushing): Room {
  const { seen } = state();
  const expired = expiredSeen(seen, now(), timing);
  const early = crowdedOut(seen.slice(expired.length), now(), roomIn(store.size, storageLimit));
  const dropped = early === null ? expired : [...expired, early];
  if (dropped.length === 0) return roomIn(store.size, storageLimit);
  const kept = seen.slice(dropped.length);
  const before = kept[0]?.begun ?? now();
  commit((draft) => {
    for (const table of dropped) store.seen.drop(table);
    draft.seen = kept;
    if (early !== null) ledger.setNote("forgotten", { before });
  });
  if (early !== null) logEvent("seen.dropped", { before: new Date(before).toISOString(), bytes: store.size });
  return roomIn(store.size, storageLimit);
}
