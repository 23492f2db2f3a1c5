// @ts-check
import { setMoment } from "../../../../shared/pages/client/local-time.js";
import { counted, HOUR_MS, moved } from "./hours.js";
import { arrivalsLabel, arrivalsSummary } from "./text.js";

/**
 * The chart of the last day on the list's page: counts events as they come in.
 *
 * @typedef {import("./rows.js").Summary} Summary
 */

/** Age that the minute in the summary may reach. */
const REDRAW_MS = 5_000;
/** Height of the chart, as the server draws it (parts/hourly.tsx). */
const HEIGHT = 40;

/** The chart of the last day as it changes: counts events as they come in, and drops what is a day old. */
export class Arrivals {
  #place;
  #head;
  /** Milliseconds that the server's clock, which dates the events, is ahead of the reader's. */
  #ahead;
  /** @type {import("./hours.js").Hours} */
  #hours;
  /** The hours that the chart shows. */
  #drawn;

  /** @param {HTMLElement} place */
  constructor(place) {
    const { head, now, from, hours = "" } = place.dataset;
    this.#place = place;
    this.#head = Number(head);
    this.#ahead = Number(now) - Date.now();
    this.#hours = { from: Number(from), hours: hours.split(" ").map(Number) };
    this.#drawn = this.#hours.hours;
    setInterval(() => this.#draw(), REDRAW_MS);
    document.addEventListener("visibilitychange", () => this.#draw());
  }

  /** Counts events that the server had not counted yet. @param {Summary[]} events */
  add(events) {
    for (const { seq, receivedAt } of events) {
      if (seq > this.#head) this.#hours = counted(this.#hours, Date.parse(receivedAt));
    }
    this.#draw();
  }

  /** Draws the chart, and touches only what changes: somebody may be reading it. */
  #draw() {
    if (document.hidden) return;
    const now = Date.now() + this.#ahead;
    this.#hours = moved(this.#hours, now);
    const { from, hours } = this.#hours;
    const summary = this.#place.querySelector("summary");
    const text = arrivalsSummary(hours);
    if (summary !== null && summary.textContent !== text) summary.textContent = text;
    if (hours === this.#drawn) return;
    this.#drawn = hours;
    this.#place.querySelector("svg")?.setAttribute("aria-label", arrivalsLabel(hours));
    const most = Math.max(1, ...hours);
    const bars = this.#place.querySelectorAll("rect");
    const lines = this.#place.querySelectorAll("li");
    for (const [index, count] of hours.entries()) {
      const [bar, line] = [bars[index], lines[index]];
      if (bar !== undefined) drawBar(bar, count, most);
      if (line !== undefined) writeLine(line, from + index * HOUR_MS, count);
    }
  }
}

/** @param {SVGRectElement} bar @param {number} count @param {number} most */
function drawBar(bar, count, most) {
  const height = count === 0 ? 1 : Math.max(3, Math.round((count / most) * HEIGHT));
  bar.setAttribute("y", String(HEIGHT - height));
  bar.setAttribute("height", String(height));
  bar.classList.toggle("none", count === 0);
}

/** @param {HTMLLIElement} line @param {number} at when the hour begins @param {number} count */
function writeLine(line, at, count) {
  line.hidden = count === 0;
  const [link, number] = [line.querySelector("a"), line.querySelector("span")];
  if (link === null || number === null) return;
  const query = new URLSearchParams(link.search);
  query.set("since", new Date(at).toISOString());
  query.set("until", new Date(at + HOUR_MS).toISOString());
  // The addresses of the page have no origin, so neither has this one.
  link.setAttribute("href", `${link.pathname}?${query}`);
  const time = link.querySelector("time");
  if (time !== null) setMoment(time, new Date(at).toISOString());
  number.textContent = String(count);
}
