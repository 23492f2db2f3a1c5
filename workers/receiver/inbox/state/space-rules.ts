import type { PeriodTable } from "../../../../shared/durable/period-tables.ts";
import type { Space } from "../../../../shared/durable/space.ts";
import { DAY_MS } from "../../../../shared/time.ts";
import type { Timing } from "./state.ts";

/**
 * The rules for the tables of seen keys: when one is begun, and when one goes. Nothing else in the Inbox grows with the
 * rate; events leave it for KV. A table's `first` is when it was begun. Pure; times in unix milliseconds.
 */

/** Deduplication reaches this far back however little space is left: most repetitions come within hours. */
const LEAST_MS = DAY_MS;

/** Returns how long one table takes keys; so at most 8 tables are looked up, whatever the retention. */
export function seenPeriod({ retentionMs }: Timing): number {
  return Math.max(5 * DAY_MS, retentionMs / 6);
}

/**
 * Returns whether a table must be begun. With little space tables are begun more often, because only a table that takes
 * no more keys can go. With none left, a single table gets its successor at once, so that it can go a day later.
 */
export function needsSeenTable(seen: readonly PeriodTable[], now: number, timing: Timing, space: Space): boolean {
  const newest = seen.at(-1);
  if (newest === undefined) return true;
  if (space === "full" && seen.length === 1) return newest.first < now;
  const period = space === "ample" ? seenPeriod(timing) : LEAST_MS;
  return newest.first + period <= now;
}

/** Returns the tables whose last key is older than the retention; never the newest. */
export function expiredSeen(seen: readonly PeriodTable[], now: number, timing: Timing): PeriodTable[] {
  return seen.slice(0, -1).filter(({ first }) => first + seenPeriod(timing) + timing.retentionMs <= now);
}

/** Returns the oldest table if space is short and the tables after it reach back far enough, else null. */
export function crowdedOut([oldest, second]: readonly PeriodTable[], now: number, space: Space): PeriodTable | null {
  if (space === "ample" || oldest === undefined || second === undefined) return null;
  return second.first + LEAST_MS <= now ? oldest : null;
}
