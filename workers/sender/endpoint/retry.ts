import { CLOCK_STEP_MS } from "../../../shared/durable/period-tables.ts";
import { DAY_MS, isoTime, MINUTE_MS } from "../../../shared/time.ts";

/** The times of retries. Pure: the caller has the clock and the random number. */

/** ±20 %: endpoints that failed together are tried again apart. */
const JITTER = 0.2;
/** A server that asks for a longer wait than this is called again all the same: it could switch retries off. */
const MAX_RETRY_AFTER_MS = DAY_MS;
/** Endpoints that one server asked to wait come back spread over a share of the wait, at most this long. */
const MAX_SPREAD_MS = MINUTE_MS;
/** No wait that a server asked for is longer. */
export const MAX_HOLD_MS = MAX_RETRY_AFTER_MS + MAX_SPREAD_MS;

/**
 * Returns the milliseconds to wait after the attempt number `attempt` (1 is the first), or null after the last.
 *
 * @param random uniform in [0, 1)
 */
export function retryDelay(delaysMs: readonly number[], attempt: number, random: number): number | null {
  const delay = delaysMs[attempt - 1];
  return delay === undefined ? null : Math.round(delay * (1 + JITTER * (2 * random - 1)));
}

/** Returns the longest wait that there can be before a retry: one that is due later was set under a wrong clock. */
export function longestDelay(delaysMs: readonly number[]): number {
  return Math.max(MAX_RETRY_AFTER_MS, ...delaysMs) * (1 + JITTER) + CLOCK_STEP_MS;
}

/** Returns how much later than asked to come back: never before, and not all at the same moment. */
export function spreadOf(waitMs: number, random: number): number {
  return Math.round(random * Math.min(JITTER * waitMs, MAX_SPREAD_MS));
}

/**
 * Reads a `Retry-After`, seconds or an HTTP date (RFC 9110 section 10.2.3), as milliseconds from `now`, a day at most;
 * null when it is neither.
 */
export function parseRetryAfter(value: string | null, now: number): number | null {
  const text = value?.trim() ?? "";
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, MAX_RETRY_AFTER_MS);
  const at = httpDate(text, now);
  return at === null ? null : Math.min(Math.max(0, at - now), MAX_RETRY_AFTER_MS);
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/** The three forms of an HTTP date, RFC 9110 section 5.6.7: IMF-fixdate, RFC 850 and asctime. */
const HTTP_DATES = [
  /^[A-Z][a-z]{2}, (?<day>\d{2}) (?<month>[A-Z][a-z]{2}) (?<year>\d{4}) (?<time>\d{2}:\d{2}:\d{2}) GMT$/,
  /^[A-Z][a-z]{5,8}, (?<day>\d{2})-(?<month>[A-Z][a-z]{2})-(?<year>\d{2}) (?<time>\d{2}:\d{2}:\d{2}) GMT$/,
  /^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[ \d]\d) (?<time>\d{2}:\d{2}:\d{2}) (?<year>\d{4})$/,
];

/** Returns the unix milliseconds of an HTTP date; null for any other text. */
function httpDate(text: string, now: number): number | null {
  const found = HTTP_DATES.map((form) => form.exec(text)?.groups).find((groups) => groups !== undefined);
  if (found === undefined) return null;
  const { day = "", month = "", year = "", time = "" } = found;
  const number = String(MONTHS.indexOf(month) + 1).padStart(2, "0");
  return isoTime(`${fullYear(year, now)}-${number}-${day.replace(" ", "0")}T${time}Z`);
}

/** Returns the year of a date: two digits that lie more than 50 years ahead are of the last century. */
function fullYear(year: string, now: number): string {
  if (year.length === 4) return year;
  const thisYear = new Date(now).getUTCFullYear();
  const full = Math.floor(thisYear / 100) * 100 + Number(year);
  return String(full > thisYear + 50 ? full - 100 : full);
}

/** Retries that fall due within this time are made together: each alarm costs rows and a commit. */
const WAKE_STEP_MS = 500;

/** Returns when the alarm is to run for a retry that is due at `due` (unix ms): soon after, never before. */
export function wakeTime(due: number): number {
  return Math.ceil(due / WAKE_STEP_MS) * WAKE_STEP_MS;
}
