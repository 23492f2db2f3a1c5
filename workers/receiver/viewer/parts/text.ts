/**
 * Writes sizes, times and counts for lists and events. The script writes those of new rows in the same way
 * (client/text.js).
 */

/** Stands for the type of an event without one. */
export const NO_TYPE = "(no type)";

/** Returns the exact size, for comparing. */
export function bytesText(bytes: number): string {
  return `${bytes.toLocaleString("en")} B`;
}

/** Returns how often an event came again; empty if it did not. */
export function repeatedText(times: number): string {
  if (times === 0) return "";
  return times === 1 ? "again once" : `again ${times.toLocaleString("en")} times`;
}

/** Returns the numbers of a part of the log. */
export function rangeText({ from, to }: { from: number; to: number }): string {
  return from === to ? String(from) : `${from} to ${to}`;
}

/** Returns the time of day. @param at unix milliseconds */
export function hourText(at: number): string {
  return `${new Date(at).toISOString().slice(11, 16)} UTC`;
}

/** Returns the chart of the last day in words, for whoever cannot see it. */
export function arrivalsLabel(hours: readonly number[]): string {
  const counts = `${totalOf(hours)} in all, at most ${Math.max(...hours)} in one hour`;
  return `Arrivals of the last 24 hours by the hour: ${counts}`;
}

/** Returns the sum of the chart in words. */
export function arrivalsSummary(hours: readonly number[]): string {
  const total = totalOf(hours);
  const arrivals = `${total.toLocaleString("en")} ${total === 1 ? "arrival" : "arrivals"}`;
  return `${arrivals} in the last 24 hours, all sources`;
}

function totalOf(hours: readonly number[]): number {
  return hours.reduce((sum, count) => sum + count, 0);
}
