// @ts-check
import { copyText } from "../../../../shared/pages/client/copy.js";
import { open } from "./fold.js";
import { pathOf, valueText } from "./read-json.js";

/**
 * Picks a line of JSON, by a click or the arrow keys, to copy its value or its path. The lines are one stop for Tab, as
 * thousands would lock in whoever uses the keyboard.
 *
 * @typedef {import("./json-lines.js").JsonLines} JsonLines
 */

/** Keys that press a button while a line has the focus. @type {Record<string, string>} */
const BUTTONS = { c: "value", p: "path" };

/** @param {HTMLElement} section @param {{ text: string, lines: JsonLines }} body */
export function offerPicking(section, { text, lines }) {
  const bar = document.getElementById("picked");
  const [place, value, path] = ["output", "[data-pick=value]", "[data-pick=path]"].map((at) => bar?.querySelector(at));
  if (bar === null || !(value instanceof HTMLButtonElement) || !(path instanceof HTMLButtonElement)) return;
  /** @type {Element | null} */
  let picked = null;
  const node = () => (picked === null ? null : lines.nodeOf(picked));
  const pick = (/** @type {Element | null} */ line) => {
    if (line === null) return;
    picked?.classList.remove("picked");
    picked = line;
    line.classList.add("picked");
    const at = node();
    if (place) place.textContent = at === null ? (line.firstElementChild?.textContent ?? "") : pathOf(at);
    for (const button of [value, path]) button.disabled = at === null;
  };
  const copying = (/** @type {HTMLButtonElement} */ button, /** @type {typeof pathOf} */ textOf) => {
    button.disabled = true;
    button.addEventListener("click", () => {
      const at = node();
      if (at !== null) void copyText(button, textOf(at));
    });
  };
  copying(value, (at) => valueText(text, at));
  copying(path, pathOf);
  bar.hidden = false;
  section.addEventListener("focusin", ({ target }) => target instanceof Element && pick(lineAround(target)));
  section.addEventListener("click", ({ target }) => {
    const line = target instanceof Element && getSelection()?.isCollapsed !== false ? lineAround(target) : null;
    if (line !== null) focusOn(line);
  });
  section.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const button = bar.querySelector(`[data-pick=${BUTTONS[event.key] ?? "none"}]`);
    const line = MOVES[event.key]?.(picked ?? section, lines) ?? null;
    if (button instanceof HTMLButtonElement && picked !== null) button.click();
    else if (line !== null) focusOn(line);
    else return;
    event.preventDefault();
  });
}

/** Takes the lines that fold out of the order of Tab. @param {Element} section */
export function leaveTabOrder(section) {
  for (const summary of section.querySelectorAll("summary")) summary.tabIndex = -1;
}

/** Moves by key; each returns the line to go to, or null where there is none. @type {Record<string, (from: Element, lines: JsonLines) => Element | null>} */
const MOVES = {
  ArrowDown: (from) => (isOpen(from) ? firstIn(from) : null) ?? lineAfter(from),
  ArrowUp: (from) => lineBefore(from),
  ArrowRight: (from, lines) => {
    if (!(from instanceof HTMLDetailsElement)) return null;
    if (from.open) return firstIn(from);
    open(lines, from);
    return from;
  },
  ArrowLeft: (from) => {
    if (!(from instanceof HTMLDetailsElement && from.open)) return outerLine(from);
    from.open = false;
    return from;
  },
};

/** @param {Element} line */
function isOpen(line) {
  return line.matches("details[open], section");
}

/** @param {Element} place */
function firstIn(place) {
  return place.querySelector(place.matches("details") ? ":scope > .in > *" : ":scope > details, :scope > div");
}

/** @param {Element} line @returns {Element | null} */
function lineAfter(line) {
  const next = line.matches("section") ? null : sibling(line, "nextElementSibling");
  if (next !== null) return next;
  const outer = outerLine(line);
  return outer === null ? null : lineAfter(outer);
}

/** @param {Element} line @returns {Element | null} */
function lineBefore(line) {
  const before = line.matches("section") ? null : sibling(line, "previousElementSibling");
  return before === null ? outerLine(line) : lastWithin(before);
}

/** @param {Element} line @returns {Element} */
function lastWithin(line) {
  const last = isOpen(line) ? (line.querySelector(":scope > .in")?.lastElementChild ?? null) : null;
  const inner = last?.matches(".close") ? last.previousElementSibling : last;
  return inner === null ? line : lastWithin(inner);
}

/** @param {Element} line @param {"nextElementSibling" | "previousElementSibling"} way */
function sibling(line, way) {
  const beside = line[way];
  return beside?.matches(".close") ? beside[way] : beside;
}

/** @param {Element} line @returns {Element | null} */
function outerLine(line) {
  return line.matches("section") ? null : (line.parentElement?.closest(".json details") ?? null);
}

/** Returns the line that an element is in; a closing bracket belongs to the line that opens. @param {Element} target */
function lineAround(target) {
  const line = target.closest(".json details, .json div:not(.in)");
  return line?.matches(".close") ? line.previousElementSibling : line;
}

/** @param {Element} line */
function focusOn(line) {
  const place = line instanceof HTMLDetailsElement ? line.querySelector("summary") : line;
  if (!(place instanceof HTMLElement)) return;
  place.tabIndex = -1;
  place.focus({ preventScroll: true });
  place.scrollIntoView({ block: "nearest" });
}
