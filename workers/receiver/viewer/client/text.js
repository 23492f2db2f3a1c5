// @ts-check

/**
 * Shows characters that are invisible or reorder text by their code, as the server's pages do.
 *
 * @param {string} text
 */
export function visible(text) {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
    /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (char) => (char === "\r" ? "" : `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`),
  );
}

/** @param {number} bytes */
export function bytesText(bytes) {
  return `${bytes.toLocaleString("en")} B`;
}

/** @param {number} times */
export function repeatedText(times) {
  if (times === 0) return "";
  return times === 1 ? "again once" : `again ${times.toLocaleString("en")} times`;
}

/** @param {readonly number[]} hours */
export function arrivalsLabel(hours) {
  const counts = `${totalOf(hours)} in all, at most ${Math.max(...hours)} in one hour`;
  return `Arrivals of the last 24 hours by the hour: ${counts}`;
}

/** @param {readonly number[]} hours */
export function arrivalsSummary(hours) {
  const total = totalOf(hours);
  const arrivals = `${total.toLocaleString("en")} ${total === 1 ? "arrival" : "arrivals"}`;
  return `${arrivals} in the last 24 hours, all sources`;
}

/** @param {readonly number[]} hours */
function totalOf(hours) {
  return hours.reduce((sum, count) => sum + count, 0);
}

const UNITS = /** @type {const} */ ([
  [86_400, "d"],
  [3600, "h"],
  [60, "min"],
  [1, "s"],
]);

/**
 * Returns a time span in its biggest unit. The clocks of reader and receiver may differ a little.
 *
 * @param {number} ms
 */
export function agoText(ms) {
  const seconds = Math.round(ms / 1000);
  const [size, unit] = UNITS.find(([size]) => seconds >= size) ?? [1, ""];
  return unit === "" ? "now" : `${Math.floor(seconds / size)} ${unit} ago`;
}
