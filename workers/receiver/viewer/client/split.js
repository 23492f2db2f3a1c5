// @ts-check
import { showCopies } from "../../../../shared/pages/client/copy.js";
import { readBody } from "./body.js";
import { showTimes } from "./times.js";

/**
 * An event beside the list, on wide screens: a row opens there, and the address names both. On narrow ones, and without
 * the script, a row leads to the event's own page.
 */

/** Width from which both have room (parts/viewer.css). */
const WIDE = matchMedia("(min-width: 85rem)");

/** The event that is on its way. */
let loading = new AbortController();

export function splitView() {
  const [list, panel] = [document.getElementById("events"), document.getElementById("beside")];
  if (list === null || panel === null) return;
  markRow();
  if (!WIDE.matches && shownSeq() !== null) return location.replace(ownPage());
  for (const place of [list, panel]) {
    place.addEventListener("click", (event) => {
      const link = event.target instanceof Element ? event.target.closest("a") : null;
      const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
      if (link === null || !isPlain || !WIDE.matches) return;
      const address = addressBeside(link);
      if (address === null) return;
      event.preventDefault();
      history.pushState(null, "", address);
      void show(panel);
    });
  }
  addEventListener("popstate", () => void show(panel));
}

/** Shows the event of a row in place of the one beside the list. @param {Element} link @returns {boolean} false if there is none */
export function showInstead(link) {
  const panel = document.getElementById("beside");
  if (panel === null || panel.hidden || !(link instanceof HTMLAnchorElement)) return false;
  history.replaceState(null, "", addressBeside(link));
  void show(panel);
  return true;
}

/** Returns the address that a link leads to beside the list; null for a link that leads elsewhere. @param {HTMLAnchorElement} link */
function addressBeside(link) {
  const seq = /^\/e\/(\d+)$/.exec(link.pathname)?.[1];
  const isOwn = link.closest("tbody th, #event .tabs") !== null;
  const closes = link.rel === "up" && link.closest("#beside") !== null;
  if (!closes && (seq === undefined || !isOwn)) return null;
  const query = new URLSearchParams(location.search);
  for (const name of ["event", "view"]) query.delete(name);
  if (!closes && seq !== undefined) query.set("event", seq);
  const view = new URLSearchParams(link.search).get("view");
  if (view !== null) query.set("view", view);
  return query.size === 0 ? location.pathname : `${location.pathname}?${query}`;
}

/** Returns the number of the event in the address, or null. */
function shownSeq() {
  return new URLSearchParams(location.search).get("event");
}

/** Returns the address of the event's own page. */
function ownPage() {
  const query = new URLSearchParams(location.search);
  const seq = query.get("event");
  for (const name of ["event", "before", "after"]) query.delete(name);
  return `/e/${seq}?${query}`;
}

/** Shows the event that the address names, or none. @param {HTMLElement} panel */
async function show(panel) {
  loading.abort();
  loading = new AbortController();
  const { signal } = loading;
  markRow();
  if (shownSeq() === null) {
    panel.hidden = true;
    return panel.replaceChildren();
  }
  try {
    // The list's own page has the panel ready, but reads the list again.
    const response = await fetch(ownPage(), { headers: { accept: "text/html" }, signal });
    if (response.redirected) return location.assign(response.url);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (!signal.aborted) fill(panel, page);
  } catch {
    if (!signal.aborted) location.reload();
  }
}

/** @param {HTMLElement} panel @param {Document} page of the event */
function fill(panel, page) {
  const navigation = document.createElement("nav");
  navigation.className = "pages";
  navigation.setAttribute("aria-label", "Event beside the list");
  const [close, own] = [document.createElement("a"), document.createElement("a")];
  close.rel = "up";
  const query = new URLSearchParams(location.search);
  for (const name of ["event", "view"]) query.delete(name);
  close.href = `${location.pathname}?${query}`;
  close.textContent = "Close";
  own.href = ownPage();
  own.textContent = "On a page of its own";
  navigation.append(close, own);
  const title = document.createElement("h2");
  title.textContent = page.querySelector("h1")?.textContent ?? "";
  const content = page.getElementById("event") ?? page.querySelector("#message > p");
  panel.replaceChildren(navigation, title, ...(content === null ? [] : [content]));
  panel.hidden = false;
  panel.scrollTop = 0;
  const said = document.getElementById("said-beside");
  if (said !== null) said.textContent = `Beside the list: ${title.textContent}`;
  showCopies(panel);
  showTimes(panel);
  void readBody();
}

/** Marks the row of the event beside the list. */
function markRow() {
  for (const link of document.querySelectorAll("#events th a[aria-current]")) link.removeAttribute("aria-current");
  document.querySelector(`#e${shownSeq() ?? "0"} th a`)?.setAttribute("aria-current", "true");
}
