import type { Space } from "../../../../shared/durable/space.ts";
import type { SeenTable, Timing } from "./state.ts";

/**
 * How far back the Inbox knows what it has seen, and what becomes of that when its storage fills. Seen keys are the
 * one thing in it that grows with the rate; events leave it for KV. Pure; times in unix milliseconds.
 */

const DAY = 24 * 60 * 60_000;

/** So far back deduplication reaches however little space is left: most repetitions come within hours. */
const LEAST_MS = DAY;

/** How long one table takes keys; with this, at most 8 tables are looked up, whatever the retention. */
export function seenPeriod({ retentionMs }: Timing): number {
  return Math.max(5 * DAY, retentionMs / 6);
}

/**
 * Where there is little space tables are begun more often: only one that takes no more keys can go. Where there is none
 * left, one that stands alone gets its successor at once, so that it can go a day later.
 */
export function needsSeenTable(seen: readonly SeenTable[], now: number, timing: Timing, space: Space): boolean {
  const newest = seen.at(-1);
  if (newest === undefined) return true;
  if (space === "full" && seen.length === 1) return newest.begun < now;
  const period = space === "ample" ? seenPeriod(timing) : LEAST_MS;
  return newest.begun + period <= now;
}

/** The tables whose last key is older than the retention; never the newest. */
export function expiredSeen(seen: readonly SeenTable[], now: number, timing: Timing): SeenTable[] {
  return seen.slice(0, -1).filter(({ begun }) => begun + seenPeriod(timing) + timing.retentionMs <= now);
}

/** The oldest table, where there is little space and those after it reach back far enough; else null. */
export function crowdedOut([oldest, second]: readonly SeenTable[], now: number, space: Space): SeenTable | null {
  if (space === "ample" || oldest === undefined || second === undefined) return null;
  return second.begun + LEAST_MS <= now ? oldest : null;
}
