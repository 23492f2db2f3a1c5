/** How lists and details write values; the script writes those of new rows alike (client/text.js). */

/** The exact size, which a debugger compares. */
export function bytesText(bytes: number): string {
  return `${bytes.toLocaleString("en")} B`;
}

/** To the second. @param at ISO 8601, UTC */
export function momentText(at: string): string {
  return `${at.slice(0, 19).replace("T", " ")} UTC`;
}

/** @param at unix milliseconds */
export function hourText(at: number): string {
  return `${new Date(at).toISOString().slice(11, 16)} UTC`;
}

/** What the picture of the last day shows, for those who do not see it. */
export function arrivalsLabel(hours: readonly number[]): string {
  const counts = `${totalOf(hours)} in all, at most ${Math.max(...hours)} in one hour`;
  return `Arrivals of the last 24 hours by the hour: ${counts}`;
}

/** @param now unix milliseconds */
export function arrivalsSummary(hours: readonly number[], now: number): string {
  const total = totalOf(hours);
  const arrivals = `${total.toLocaleString("en")} ${total === 1 ? "arrival" : "arrivals"}`;
  return `${arrivals} in the 24 hours before ${hourText(now)}, all sources`;
}

function totalOf(hours: readonly number[]): number {
  return hours.reduce((sum, count) => sum + count, 0);
}
