/** Spans of time in milliseconds, and times written as ISO 8601. No clock is read here. */

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** RFC 3339 section 5.6 in upper case, with fractions as long as Go's clocks print. A time without a zone would be another moment on another machine. */
const ZONED = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/;

/** Returns the unix milliseconds of an ISO 8601 time that has a zone; null for any other text. */
export function isoTime(text: string): number | null {
  const at = ZONED.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? null : at;
}
