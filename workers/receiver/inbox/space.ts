import { type Space, spaceIn } from "../../../shared/durable/space.ts";
import { logEvent } from "../../../shared/log-event.ts";
import type { InboxContext } from "./context.ts";
import { crowdedOut, expiredSeen, needsSeenTable } from "./state/space-rules.ts";
import type { InboxState, SeenTable } from "./state/state.ts";

/**
 * Drops the tables of seen keys that are past the retention, and one more while the storage is crowded even so; answers
 * how much space is left then, `arriving` bytes taken off. Events are never dropped for space.
 */
export function forgetSeen(inbox: InboxContext, arriving = 0): Space {
  const { store, ledger, timing, storageLimit, state, commit, now } = inbox;
  const space = () => spaceIn(store.bytes + arriving, storageLimit);
  const expired = expiredSeen(state().seen, now(), timing);
  if (expired.length > 0) commit((draft) => dropSeen(inbox, draft, expired));
  const early = crowdedOut(state().seen, now(), space());
  if (early !== null) {
    const before = state().seen[1]?.begun ?? now();
    commit((draft) => {
      dropSeen(inbox, draft, [early]);
      ledger.setNote("forgotten", { before });
    });
    logEvent("seen.dropped", { before: new Date(before).toISOString(), bytes: store.bytes });
  }
  if (space() === "full") beginSeen(inbox);
  return space();
}

function dropSeen({ store }: InboxContext, draft: Pick<InboxState, "seen">, dropped: readonly SeenTable[]): void {
  for (const table of dropped) store.seen.drop(table);
  draft.seen = draft.seen.slice(dropped.length);
}

/** No accept does so any more, and the newest table never goes: without another the storage would be full for good. */
function beginSeen({ store, timing, state, commit, now }: InboxContext): void {
  const at = Math.max(now(), state().lastAt);
  if (!needsSeenTable(state().seen, at, timing, "full")) return;
  commit((draft) => {
    draft.seen = [...draft.seen, store.seen.create(at)];
  });
}
