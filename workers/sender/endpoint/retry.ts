import { DAY_MS } from "../../../shared/time.ts";

/** The times of retries. Pure: the caller has the clock and the random number. */

/** ±20 %: endpoints that failed together are tried again apart. */
const JITTER = 0.2;
/** A Retry-After may lengthen a delay up to here; without a limit it could switch retries off. */
const MAX_RETRY_AFTER_MS = DAY_MS;

/**
 * Returns the milliseconds to wait after the attempt number `attempt` (1 is the first), or null after the last.
 *
 * @param retryAfterMs the wait that the response asked for, or null; it lengthens a delay, never shortens it
 * @param random uniform in [0, 1)
 */
export function retryDelay(
  delaysMs: readonly number[],
  attempt: number,
  { retryAfterMs, random }: { retryAfterMs: number | null; random: number },
): number | null {
  const delay = delaysMs[attempt - 1];
  if (delay === undefined) return null;
  const jittered = Math.round(delay * (1 + JITTER * (2 * random - 1)));
  return Math.max(jittered, Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS));
}

/** Reads a `Retry-After`, seconds or an HTTP date (RFC 9110 section 10.2.3), as milliseconds from `now`. */
export function parseRetryAfter(value: string | null, now: number): number | null {
  if (value === null) return null;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  // Only an IMF-fixdate, which every server must send: Date.parse would take "1" or "May" too.
  if (!/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(value)) return null;
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}

/** Retries that fall due within this time are made together: each alarm costs rows and a commit. */
const WAKE_STEP_MS = 500;

/** Returns when the alarm is to run for a retry that is due at `due` (unix ms): soon after, never before. */
export function wakeTime(due: number): number {
  return Math.ceil(due / WAKE_STEP_MS) * WAKE_STEP_MS;
}
