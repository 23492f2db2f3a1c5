// @ts-check
import { rowOf, showAgain } from "./rows.js";
import { Speech } from "./speech.js";
import { showTimes } from "./times.js";

/**
 * The list on the page, which new rows join.
 *
 * @typedef {import("./rows.js").Summary} Summary
 */

/** Rows kept on the page; a link leads to older ones. */
const MAX_ROWS = 300;

/**
 * The list as it changes. New rows come in at the top while the reader is there. A reader who has scrolled down, has
 * the focus on a row or looks at an older page sees the number of new events, and nothing moves.
 */
export class LiveList {
  #head;
  #body;
  /** @type {Summary[]} */
  #held = [];
  #heldCount = 0;
  #unseen = 0;
  #title = document.title;
  #pill = document.getElementById("live");
  #button = document.getElementById("new");
  #speech = new Speech({
    state: (text) => announce("said-state", text),
    count: (text) => announce("said-count", text),
  });

  /** @param {HTMLElement} list */
  constructor(list) {
    this.#head = list.dataset.page === "head";
    this.#body = list.querySelector("tbody");
    this.#button?.addEventListener("click", (event) => {
      if (!this.#head || this.#body === null || this.#heldCount > this.#held.length) return;
      event.preventDefault();
      this.#release();
      scrollTo({ top: 0 });
      this.#body.querySelector("a")?.focus({ preventScroll: true });
    });
    document.addEventListener("visibilitychange", () => this.#count());
  }

  /** @param {Summary[]} events oldest first */
  add(events) {
    const fresh = events.filter(({ seq }) => document.getElementById(`e${seq}`) === null);
    if (fresh.length === 0) return;
    // An empty log shows how to connect; its first event turns the page into a list.
    if (this.#head && this.#body === null && !isBeingFilledIn()) return location.reload();
    this.#held.push(...fresh);
    this.#held.splice(0, this.#held.length - MAX_ROWS);
    this.#heldCount += fresh.length;
    if (document.hidden) this.#unseen += fresh.length;
    if (this.#head && this.#isAtTop() && this.#heldCount <= MAX_ROWS) this.#release();
    this.#count();
    this.#speech.events(fresh.length);
  }

  /** @param {import("./follow.js").Repeated[]} events */
  again(events) {
    for (const { seq, ...repeated } of events) {
      const row = document.getElementById(`e${seq}`);
      if (row !== null) showAgain(row, repeated);
      for (const event of this.#held) if (event.seq === seq) event.repeated = repeated;
    }
  }

  /** @param {string} state */
  state(state) {
    if (this.#pill === null || this.#pill.dataset.state === state) return;
    this.#pill.dataset.state = state;
    const since = new Date().toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
    this.#pill.textContent = state === "reconnecting" ? `reconnecting: not up to date since ${since}` : state;
    this.#pill.hidden = false;
    this.#speech.state(state);
  }

  /** Names parts of the log that cannot be read in the page's notice. @param {import("./follow.js").Part[]} parts */
  missing(parts) {
    const notice = document.getElementById("missing");
    const place = notice?.querySelector("span");
    if (!notice || !place) return;
    for (const { from, to } of parts) {
      const link = document.createElement("a");
      link.textContent = from === to ? String(from) : `${from} to ${to}`;
      if ([...place.children].some(({ textContent }) => textContent === link.textContent)) continue;
      const query = new URLSearchParams(location.search);
      query.delete("before");
      query.set("after", String(from - 1));
      link.href = `/?${query}`;
      place.append(place.hasChildNodes() ? ", " : "", link);
    }
    notice.hidden = false;
  }

  #isAtTop() {
    const body = this.#body;
    return body !== null && body.getBoundingClientRect().top >= 0 && !body.contains(document.activeElement);
  }

  #release() {
    const rows = this.#held.toReversed().flatMap((event) => rowOf(event) ?? []);
    for (const row of rows) row.classList.add("fresh");
    this.#held = [];
    this.#heldCount = 0;
    const body = this.#body;
    if (body === null) return;
    body.prepend(...rows);
    showTimes(body);
    if (body.rows.length > MAX_ROWS) this.#trim(body);
    this.#count();
  }

  /** Drops the oldest rows, and lets the link to older events begin where the list now ends. */
  #trim(/** @type {HTMLTableSectionElement} */ body) {
    while (body.rows.length > MAX_ROWS) body.deleteRow(-1);
    const last = body.rows.item(body.rows.length - 1)?.id.slice(1) ?? "";
    const older = document.querySelector("#pages a[rel=prev]") ?? document.createElement("a");
    if (!(older instanceof HTMLAnchorElement)) return;
    const query = new URLSearchParams(location.search);
    query.set("before", last);
    older.href = `/?${query}`;
    if (older.isConnected) return;
    older.rel = "prev";
    older.textContent = "Older";
    document.getElementById("pages")?.append(older);
  }

  /** Shows the number of unseen events on the button and in the tab's title. */
  #count() {
    if (!document.hidden) this.#unseen = 0;
    const button = this.#button;
    if (button !== null) {
      button.hidden = this.#heldCount === 0;
      button.textContent = this.#heldCount === 1 ? "1 new event" : `${this.#heldCount} new events`;
    }
    const count = Math.max(this.#heldCount, this.#unseen);
    document.title = count === 0 ? this.#title : `(${count}) ${this.#title}`;
  }
}

/** Tells if a reload would take away what somebody types. */
function isBeingFilledIn() {
  const inputs = [...document.querySelectorAll("input")].filter(({ type }) => type === "text" || type === "search");
  return inputs.some((input) => input === document.activeElement || input.value !== input.defaultValue);
}

/** @param {string} id @param {string} text */
function announce(id, text) {
  const place = document.getElementById(id);
  if (place !== null) place.textContent = text;
}
