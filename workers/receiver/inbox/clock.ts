import { logEvent } from "../../../shared/log-event.ts";
import type { InboxMemory } from "./memory.ts";
import { seal } from "./seal.ts";
import { isAhead, wasAhead, withoutAhead } from "./state/clock-rules.ts";

/** Mends the log after a clock that was ahead. `state/clock-rules.ts` has the rules. */

/**
 * Takes times that are ahead of the clock as now, in memory and in the tables, and arms the alarm anew. The open tail is
 * sealed, so that none holds the times of two clocks. A look at memory when nothing is ahead.
 */
export function mendClock(memory: InboxMemory): void {
  const now = Date.now();
  const { state, store, identity, config } = memory;
  const newest = store.seen.tables.at(-1)?.first ?? 0;
  if (!wasAhead(state, now) && !isAhead(newest, now)) return;
  memory.commit((draft) => {
    if (draft.open.count > 0 && isAhead(draft.lastAt, now)) seal(store, draft, identity.epoch);
    const ahead = draft.sealed.filter(({ putAt }) => isAhead(putAt, now));
    Object.assign(draft, withoutAhead(draft, now));
    for (const segment of ahead) store.ledger.notePut({ ...segment, putAt: now });
    // KV counts its own time: it keeps nothing longer than a put of this moment.
    store.ledger.limitExpiry(now + config.retentionMs);
    store.seen.moveBack(now);
  });
  memory.rearm(now);
  logEvent("clock.set_back", { lastAt: new Date(state.lastAt).toISOString(), now: new Date(now).toISOString() });
}
