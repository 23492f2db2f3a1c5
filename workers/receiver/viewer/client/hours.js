// @ts-check

/**
 * Arrivals by the hour as time goes on. Nothing here touches the page. Times are in unix milliseconds.
 *
 * `from` is the start of the first hour; `hours` are the counts, the last one for the hour that has begun.
 * @typedef {{ from: number, hours: readonly number[] }} Hours
 */

export const HOUR_MS = 3_600_000;

/**
 * Moves the hours on to `now`, without those that are a day old. Within the same hour, `hours` is the same array.
 *
 * @param {Hours} given @param {number} now @returns {Hours}
 */
export function moved({ from, hours }, now) {
  const begun = Math.floor(now / HOUR_MS) * HOUR_MS;
  const passed = Math.max(0, (begun - from) / HOUR_MS - (hours.length - 1));
  if (passed === 0) return { from, hours };
  const left = hours.slice(passed);
  return { from: from + passed * HOUR_MS, hours: [...left, ...Array(hours.length - left.length).fill(0)] };
}

/**
 * Counts one more arrival at `at`; an hour that has not begun yet begins with it.
 *
 * @param {Hours} given @param {number} at @returns {Hours}
 */
export function counted(given, at) {
  const { from, hours } = moved(given, at);
  const hour = Math.floor((at - from) / HOUR_MS);
  return { from, hours: hours.map((count, index) => (index === hour ? count + 1 : count)) };
}
