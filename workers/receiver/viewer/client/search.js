// @ts-check
import { addressOf, readPage } from "./follow-log.js";

/**
 * Goes on with a search that found nothing in what one request looks through, page after page, until there is a hit or
 * the log's start. It says how far it has looked, and can be stopped.
 */

export function continueSearch() {
  const place = document.getElementById("search");
  const button = place?.querySelector("button");
  const from = Number(place?.dataset.before);
  if (!place || !button || !Number.isSafeInteger(from)) return;
  const stop = new AbortController();
  button.addEventListener("click", () => stop.abort());
  button.hidden = false;
  const query = new URLSearchParams(place.dataset.query);
  void searchOn(query, from, { signal: stop.signal, tell: (text, at) => tell(place, text, at) });
}

/**
 * @param {URLSearchParams} query @param {number} from
 * @param {{ signal: AbortSignal, tell(text: string, at: number | null): void }} to `at`: where another search goes on
 */
async function searchOn(query, from, { signal, tell }) {
  let before = from;
  while (!signal.aborted) {
    const page = await readPage(addressOf("/events", query, { before })).catch(() => null);
    if (page === null)
      return tell(`The search ended early: events before number ${before} cannot be read now.`, before);
    if (signal.aborted) break;
    if (page.events.length > 0) return location.replace(listAt(query, before));
    if (page.next === null) return tell("Nothing matches in the whole log.", null);
    before = page.next;
    tell(`Nothing matches so far. Searched back to number ${before.toLocaleString("en")}.`, before);
  }
  tell(`Stopped. Searched back to number ${before.toLocaleString("en")}.`, before);
}

/** @param {HTMLElement} place @param {string} text @param {number | null} at */
function tell(place, text, at) {
  const [said, link, button] = [place.querySelector("span"), place.querySelector("a"), place.querySelector("button")];
  if (said !== null) said.textContent = text;
  const goesOn = text.startsWith("Nothing matches so far");
  if (button !== null) button.hidden = !goesOn;
  if (link === null) return;
  link.hidden = goesOn || at === null;
  if (at !== null) link.href = listAt(new URLSearchParams(place.dataset.query), at);
}

/** @param {URLSearchParams} query @param {number} before */
function listAt(query, before) {
  const address = new URLSearchParams(query);
  address.set("before", String(before));
  return `/?${address}`;
}
