import { MINUTE_MS } from "../../../shared/time.ts";

/** The events that the cron publishes and a bare `/trigger` makes: `{timestamp, value}`. Pure. */

export const VALUE_TYPE = "value.changed";

/** One tick covers this long and no more: the cron fires each minute. */
const TICK_MS = MINUTE_MS;

/**
 * Returns the due times of one tick: the multiples of `periodMs` in (covered, t + 60 s], at most 60 s of them. A tick
 * that is handled twice finds nothing left, and a long sleep is not made up for in a burst.
 *
 * @param covered the end of the last tick's window in unix milliseconds, null when there was none
 * @returns `times` to publish at, and the new `covered`; null when this tick must publish nothing
 */
export function periodicTimes(
  covered: number | null,
  t: number,
  { now, periodMs }: { now: number; periodMs: number },
): { times: number[]; covered: number } | null {
  // A tick from another time is a replay or comes from a wrong clock; so does a window that ends in the far future.
  if (periodMs <= 0 || Math.abs(t - now) > TICK_MS) return null;
  const trusted = covered !== null && covered <= now + 2 * TICK_MS ? covered : t;
  const end = t + TICK_MS;
  const start = Math.max(trusted, t);
  if (start >= end) return null;
  const times: number[] = [];
  for (let due = (Math.floor(start / periodMs) + 1) * periodMs; due <= end; due += periodMs) times.push(due);
  return { times, covered: end };
}

/** Returns `{timestamp: <unix seconds>, value: <1..100>}` as JSON text; `random` is uniform in [0, 1). */
export function valueData(at: number, random: number): string {
  return JSON.stringify({ timestamp: Math.floor(at / 1000), value: 1 + Math.floor(random * 100) });
}
