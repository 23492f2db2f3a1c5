import { type Space, spaceIn } from "../../../shared/durable/space.ts";
import { logEvent } from "../../../shared/log-event.ts";
import type { Flushing } from "./context.ts";
import { crowdedOut, expiredSeen, needsSeenTable } from "./state/space-rules.ts";
import type { SeenTable, State } from "./state/state.ts";

/**
 * Drops the tables of seen keys that are past the retention, and one more while the storage is crowded even so; answers
 * how much room there is then, `arriving` bytes taken off. Events are never dropped for room.
 */
export function forgetSeen(inbox: Flushing, arriving = 0): Space {
  const { store, ledger, timing, storageLimit, state, commit, now } = inbox;
  const room = () => spaceIn(store.bytes + arriving, storageLimit);
  const expired = expiredSeen(state().seen, now(), timing);
  if (expired.length > 0) commit((draft) => drop(inbox, draft, expired));
  const early = crowdedOut(state().seen, now(), room());
  if (early !== null) {
    const before = state().seen[1]?.begun ?? now();
    commit((draft) => {
      drop(inbox, draft, [early]);
      ledger.setNote("forgotten", { before });
    });
    logEvent("seen.dropped", { before: new Date(before).toISOString(), bytes: store.bytes });
  }
  if (room() === "full") beginSeen(inbox);
  return room();
}

function drop({ store }: Flushing, draft: Pick<State, "seen">, dropped: readonly SeenTable[]): void {
  for (const table of dropped) store.seen.drop(table);
  draft.seen = draft.seen.slice(dropped.length);
}

/** No accept does so any more, and the newest table never goes: without another the storage would be full for good. */
function beginSeen({ store, timing, state, commit, now }: Flushing): void {
  const at = Math.max(now(), state().lastAt);
  if (!needsSeenTable(state().seen, at, timing, "full")) return;
  commit((draft) => {
    draft.seen = [...draft.seen, store.seen.create(at)];
  });
}
