// @ts-check

/**
 * Arrivals by the hour as time goes on. Nothing here touches the page; times in unix milliseconds.
 *
 * `from`: when the first hour begins; `hours`: how many came in each, the last one the hour that has begun.
 * @typedef {{ from: number, hours: readonly number[] }} Hours
 */

export const HOUR_MS = 3_600_000;

/**
 * The same at `now`: what is a day old has gone. Within the hour, `hours` is the very same.
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
 * With one more, which came at `at`; an hour to come has begun with it.
 *
 * @param {Hours} given @param {number} at @returns {Hours}
 */
export function counted(given, at) {
  const { from, hours } = moved(given, at);
  const hour = Math.floor((at - from) / HOUR_MS);
  return { from, hours: hours.map((count, index) => (index === hour ? count + 1 : count)) };
}
