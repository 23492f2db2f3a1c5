// @ts-check
import { showInstead } from "./split.js";

/**
 * The page by keyboard: j, k and the arrows go through the list, or from one event to the next; `/` searches, Esc
 * goes back. A link has the focus, so Enter needs no code. A switch turns the single characters off.
 */

export function listenForKeys() {
  const characters = offerSwitch();
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const action = ACTIONS[event.key];
    if (action === undefined || (isTyping(event.target) && event.key !== "Escape")) return;
    if (event.key.length === 1 && !characters()) return;
    // Shift and an arrow select text; a character may need Shift to be typed.
    if (event.shiftKey && event.key.length > 1) return;
    if (action(event.target)) event.preventDefault();
  });
}

/** Shows the switch of the page, if it has one. @returns {() => boolean} the state of the switch */
function offerSwitch() {
  const box = document.getElementById("characters");
  if (!(box instanceof HTMLInputElement)) return () => true;
  box.checked = remembered() !== OFF;
  box.addEventListener("change", () => remember(box.checked ? "" : OFF));
  if (box.parentElement !== null) box.parentElement.hidden = false;
  return () => box.checked;
}

const SETTING = "characters";
const OFF = "off";

/** Returns the setting; a browser that stores nothing for this page throws. */
function remembered() {
  try {
    return localStorage.getItem(SETTING);
  } catch {
    return null;
  }
}

/** @param {string} value */
function remember(value) {
  try {
    localStorage.setItem(SETTING, value);
  } catch {
    // The setting lasts until the page is left.
  }
}

/** Actions by key; each returns true if it acted. @type {Record<string, (target: EventTarget | null) => boolean>} */
const ACTIONS = {
  j: () => move(1),
  k: () => move(-1),
  ArrowDown: (target) => !isScrollable(target) && move(1),
  ArrowUp: (target) => !isScrollable(target) && move(-1),
  ArrowRight: (target) => !isScrollable(target) && followLink("a[rel=prev]"),
  ArrowLeft: (target) => !isScrollable(target) && followLink("a[rel=next]"),
  "/": () => focus(document.querySelector("input[type=search]")),
  Escape: (target) => {
    if (isTyping(target)) return blur(target);
    return blur(document.activeElement) || followLink("a[rel=up]");
  },
};

/**
 * Moves to another row of the list, with the event beside it; on an event's page, to the older or newer event. Beyond the ends of the list it
 * does nothing, so that arrows scroll there.
 *
 * @param {1 | -1} step
 */
function move(step) {
  const links = [...document.querySelectorAll("#events tbody th a")];
  if (links.length === 0) return document.getElementById("events") === null && followLink(step > 0 ? OLDER : NEWER);
  const focused = document.activeElement?.closest("#events tr")?.querySelector("th a") ?? null;
  const active = focused ?? document.querySelector("#events th a[aria-current]");
  const at = active === null ? -1 : links.indexOf(active);
  const next = links[at < 0 ? 0 : at + step] ?? null;
  const moved = focus(next);
  if (next !== null) showInstead(next);
  return moved;
}

const OLDER = "a[rel=prev]";
const NEWER = "a[rel=next]";

/** @param {Element | null} element */
function focus(element) {
  if (!(element instanceof HTMLElement)) return false;
  element.focus();
  element.scrollIntoView({ block: "nearest" });
  return true;
}

/** @param {EventTarget | null} element */
function blur(element) {
  if (!(element instanceof HTMLElement) || element === document.body) return false;
  element.blur();
  return true;
}

/** @param {string} selector */
function followLink(selector) {
  const link = document.querySelector(selector);
  if (!(link instanceof HTMLAnchorElement)) return false;
  link.click();
  return true;
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof Element && target.matches("input:not([type=checkbox]), select, textarea");
}

/** Tells if arrows scroll the element, which they must go on doing. @param {EventTarget | null} target */
function isScrollable(target) {
  return target instanceof Element && (target.matches("pre, [tabindex]") || target.closest("#beside") !== null);
}
