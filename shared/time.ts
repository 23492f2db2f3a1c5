/** Spans of time in milliseconds, and times written as ISO 8601. No clock is read here. */

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/**
 * RFC 3339 section 5.6 in upper case, with fractions as long as Go's clocks print. A time without a zone would be another
 * moment on another machine.
 */
const ZONED = /^\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

/** Returns the unix milliseconds of an ISO 8601 time that has a zone; null for any other text, and for no day at all. */
export function isoTime(text: string): number | null {
  const at = ZONED.test(text) && isDay(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? null : at;
}

/** Tells whether the calendar has the day that an ISO 8601 text begins with: Date.parse takes February 30 for March 2. */
export function isDay(text: string): boolean {
  const day = text.slice(0, 10);
  const at = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(day);
}
