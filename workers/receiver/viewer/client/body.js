// @ts-check
import { closeAll, openAll, openFirst } from "./fold.js";
import { JsonLines } from "./json-lines.js";
import { leaveTabOrder, offerPicking } from "./pick.js";
import { nodeWith, readJson } from "./read-json.js";

/**
 * The body of an event as JSON: the lines of the server, or, of a long body, lines that are made as they are opened. All
 * can be folded at once, and each value and its path copied.
 */

export async function readBody() {
  const section = document.querySelector("section.json");
  if (!(section instanceof HTMLElement)) return;
  const { url } = section.dataset;
  const text = url === undefined ? shownText(section) : await textAt(url);
  const top = text === null ? null : readJson(text);
  if (text === null || top === null) return sayOfBody(text === null ? "The body could not be loaded." : "Not JSON.");
  const pattern = searched();
  const lines = new JsonLines(text, pattern);
  sayOfBody("");
  section.addEventListener("toggle", ({ target }) => target instanceof HTMLDetailsElement && lines.fill(target), true);
  if (url === undefined) lines.adopt(section, top);
  else {
    section.append(...lines.make(top));
    openFirst(lines, section);
    const at = pattern === null ? -1 : text.search(pattern);
    if (at >= 0) lines.reveal(nodeWith(top, at));
    document.getElementById("as-text")?.remove();
    section.setAttribute("aria-label", "Body");
    section.hidden = false;
  }
  leaveTabOrder(section);
  offerFolding(section, lines);
  offerPicking(section, { text, lines });
  showMark(section);
}

/** @param {HTMLElement} section @param {JsonLines} lines */
function offerFolding(section, lines) {
  let opening = new AbortController();
  for (const button of document.querySelectorAll("button[data-fold]")) {
    if (!(button instanceof HTMLButtonElement)) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      opening.abort();
      opening = new AbortController();
      sayOfBody("");
      if (button.dataset.fold === "closed") return closeAll(section);
      const made = await openAll(lines, section, opening.signal);
      if (made !== null) sayOfBody(`${made.toLocaleString("en")} lines are open. Open the others one by one.`);
    });
  }
}

/** Returns the text of the lines that the server laid out. @param {Element} section */
function shownText(section) {
  const copy = section.cloneNode(true);
  if (!(copy instanceof Element)) return null;
  for (const more of copy.querySelectorAll(".more")) more.remove();
  return copy.textContent;
}

/** @param {string} url */
async function textAt(url) {
  try {
    const response = await fetch(url);
    return response.ok ? await response.text() : null;
  } catch {
    return null;
  }
}

/** Returns the pattern of the text that the list was searched for, or null. */
function searched() {
  const q = new URLSearchParams(location.search).get("q");
  return q === null || q === "" ? null : new RegExp(q.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"), "giu");
}

/** Scrolls the box, and not the page, to the first mark. @param {HTMLElement} section */
function showMark(section) {
  const mark = section.querySelector("mark");
  if (mark === null) return;
  const [box, place] = [section.getBoundingClientRect(), mark.getBoundingClientRect()];
  if (place.bottom > box.bottom) section.scrollTop += place.top - box.top - box.height / 3;
}

/** @param {string} text */
function sayOfBody(text) {
  const place = document.getElementById("laid-out");
  if (place !== null) place.textContent = text;
}
