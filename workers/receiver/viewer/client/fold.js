// @ts-check

/**
 * Opens and closes lines of JSON. Many are opened in steps, between which the page answers its reader.
 *
 * @typedef {import("./json-lines.js").JsonLines} JsonLines
 */

/** Time of one step: half of a frame. */
const STEP_MS = 8;
/** Lines that are opened at once; a page with more is slow to scroll. */
const MAX_OPEN = 5_000;
/** Lines of a long body that are open at first. */
const MAX_OPEN_FIRST = 200;

/** Opens one line. @param {JsonLines} lines @param {HTMLDetailsElement} line */
export function open(lines, line) {
  const made = lines.fill(line);
  line.open = true;
  return made;
}

/** Opens a body's outer lines, as many as can be read at a glance. @param {JsonLines} lines @param {Element} section */
export function openFirst(lines, section) {
  const queue = foldedIn(section);
  for (let made = 0, line = queue.shift(); line !== undefined && made < MAX_OPEN_FIRST; line = queue.shift()) {
    made += open(lines, line);
    queue.push(...foldedIn(line));
  }
}

/**
 * Opens all lines, from the outside in.
 *
 * @param {JsonLines} lines @param {Element} section @param {AbortSignal} signal
 * @returns {Promise<number | null>} the number of lines after which it ended early; null when all are open
 */
export async function openAll(lines, section, signal) {
  const queue = foldedIn(section);
  let made = 0;
  let until = performance.now() + STEP_MS;
  for (let at = 0; at < queue.length && !signal.aborted; at++) {
    const line = queue[at];
    if (line === undefined) continue;
    if (made > MAX_OPEN) return made;
    made += open(lines, line);
    queue.push(...foldedIn(line));
    if (performance.now() < until) continue;
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)));
    until = performance.now() + STEP_MS;
  }
  return null;
}

/** Closes all lines but the outermost: without it nothing could be seen. @param {Element} section */
export function closeAll(section) {
  for (const line of section.querySelectorAll("details details[open]")) line.removeAttribute("open");
}

/** Returns the lines that fold next within an element. @param {Element} place */
function foldedIn(place) {
  const inner = place.querySelectorAll(place.matches("details") ? ":scope > .in > details" : ":scope > details");
  return [...inner].filter((line) => line instanceof HTMLDetailsElement);
}
