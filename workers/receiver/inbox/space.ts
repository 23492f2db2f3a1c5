import type { Space } from "../../../shared/durable/space.ts";
import { logEvent } from "../../../shared/log-event.ts";
import type { InboxMemory } from "./memory.ts";
import { crowdedOut, expiredSeen, needsSeenTable } from "./state/space-rules.ts";

/** Makes space in the Inbox's storage: only tables of seen keys go for it, never events. */

/** Each arrival is looked up in every table, so past ones go beyond so many, also when KV still has segments of their time. */
const MOST_SEEN = 9;

/** Makes what space can be made; returns how much is left then. Never throws: a drop that fails is tried again. */
export function makeSpace(memory: InboxMemory, arriving: number): Space {
  try {
    return forgetSeen(memory, arriving);
  } catch (error) {
    logEvent("room.failed", { error: String(error) });
    return memory.spaceLeft(arriving);
  }
}

/**
 * Drops the tables of seen keys that are past the retention, and one more while space is short even so. Returns how much
 * space is left then, beside `arriving` bytes.
 */
export function forgetSeen(memory: InboxMemory, arriving = 0): Space {
  const { seen, ledger, sql } = memory.store;
  const now = Date.now();
  const past = expiredSeen(seen.tables, now, memory.config);
  // The clock alone forgets no key: the segments of its time go first, by KV's clock.
  const oldest = past.length > 0 && memory.spaceLeft(arriving) === "ample" ? ledger.oldestFrom() : null;
  const expired = past.filter((_table, index) => {
    const isFollowed = seen.tables.length - index > MOST_SEEN;
    return isFollowed || oldest === null || oldest >= (seen.tables[index + 1]?.first ?? now);
  });
  if (expired.length > 0) {
    memory.commit(() => {
      for (const table of expired) seen.drop(table);
    });
  }
  const early = crowdedOut(seen.tables, now, memory.spaceLeft(arriving));
  if (early !== null) {
    const before = seen.tables[1]?.first ?? now;
    memory.commit(() => {
      seen.drop(early);
      ledger.setNote("forgotten", { before });
    });
    logEvent("seen.dropped", { before: new Date(before).toISOString(), bytes: sql.bytes });
  }
  if (memory.spaceLeft(arriving) === "full") beginSeen(memory);
  return memory.spaceLeft(arriving);
}

/**
 * Begins a table of seen keys where a full storage needs one. Accepts begin none any more, and the newest table never
 * goes: without another the storage would stay full for good.
 */
function beginSeen(memory: InboxMemory): void {
  const { seen } = memory.store;
  const at = Math.max(Date.now(), memory.state.lastAt);
  if (needsSeenTable(seen.tables, at, memory.config, "full")) memory.commit(() => seen.begin(at));
}
