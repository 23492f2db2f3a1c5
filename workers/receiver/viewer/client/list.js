// @ts-check
import { Arrivals } from "./arrivals.js";
import { follow } from "./follow.js";
import { LiveList } from "./live-list.js";

/** Follows the log of the page's list, with the list's filter, from the newest event that the page shows. */

const PAGE_EVENTS = 100;

export function followList() {
  const list = document.getElementById("events");
  const after = Number(list?.dataset.after ?? "x");
  if (list === null || !Number.isSafeInteger(after)) return;
  const { query = "" } = list.dataset;
  const view = new LiveList(list);
  const place = document.getElementById("arrivals");
  const arrivals = place === null ? null : new Arrivals(place);
  const whole = place?.dataset.query ?? query;
  followLog(query, after, {
    deliver: (events) => {
      view.add(events);
      if (whole === query) arrivals?.add(events);
    },
    again: (events) => view.again(events),
    missing: (parts) => view.missing(parts),
    state: (state) => view.state(state),
  });
  // The chart counts every arrival, also those that the filter leaves out.
  if (whole !== query)
    followLog(whole, after, { deliver: (events) => arrivals?.add(events), again: () => {}, state: () => {} });
}

/** @param {string} search @param {number} after @param {Pick<import("./follow.js").Wiring, "deliver" | "again" | "missing" | "state">} to */
function followLog(search, after, to) {
  const query = new URLSearchParams(search);
  void follow({
    after,
    socket: (from) => new WebSocket(addressOf("/events/live", query, { after: from }).replace(/^http/, "ws")),
    page: (from, wait) =>
      readPage(addressOf("/events", query, { after: from, limit: PAGE_EVENTS, ...(wait && { wait }) })),
    ...to,
    reset: () => location.reload(),
    pause,
    random: Math.random,
  });
}

/** @param {string} path @param {URLSearchParams} query @param {Record<string, number>} more */
function addressOf(path, query, more) {
  const url = new URL(path, location.origin);
  for (const [name, value] of query) url.searchParams.set(name, value);
  for (const [name, value] of Object.entries(more)) url.searchParams.set(name, String(value));
  return url.href;
}

/** @param {string} address @returns {Promise<import("./follow.js").Batch | null>} */
async function readPage(address) {
  const response = await fetch(address, { headers: { accept: "application/json" } });
  if (response.status === 401) {
    location.assign(`/session?${new URLSearchParams({ to: location.pathname + location.search })}`);
  }
  if (response.status === 409) return null;
  if (!response.ok) throw new Error(`status ${response.status}`);
  return response.json();
}

/** Ends early when the network is back, or somebody looks. @param {number} ms @returns {Promise<void>} */
function pause(ms) {
  return new Promise((resolve) => {
    const over = new AbortController();
    const end = () => {
      clearTimeout(timer);
      over.abort();
      resolve();
    };
    const timer = setTimeout(end, ms);
    addEventListener("online", end, { signal: over.signal });
    document.addEventListener("visibilitychange", () => !document.hidden && end(), { signal: over.signal });
  });
}
