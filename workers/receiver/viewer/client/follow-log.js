// @ts-check
import { follow } from "./follow.js";
import { countsComeBy } from "./rejected.js";

/** Follows a log of this receiver, as the filter of a page's address says, over its socket or its pages. */

const PAGE_EVENTS = 100;

/**
 * @typedef {import("./follow.js").Wiring} Wiring
 *
 * @param {string} search @param {number} after
 * @param {Pick<Wiring, "deliver" | "again" | "missing" | "rejected" | "state" | "reset">} to
 */
export function followLog(search, after, to) {
  const query = new URLSearchParams(search);
  void follow({
    after,
    socket: (from) => {
      const socket = new WebSocket(addressOf("/events/live", query, { after: from }).replace(/^http/, "ws"));
      if (to.rejected !== undefined) countsComeBy(socket);
      return socket;
    },
    page: (from, wait) =>
      readPage(addressOf("/events", query, { after: from, limit: PAGE_EVENTS, ...(wait && { wait }) })),
    ...to,
    pause,
    random: Math.random,
  });
}

/** @param {string} path @param {URLSearchParams} query @param {Record<string, number>} more */
export function addressOf(path, query, more) {
  const url = new URL(path, location.origin);
  for (const [name, value] of query) url.searchParams.set(name, value);
  for (const [name, value] of Object.entries(more)) url.searchParams.set(name, String(value));
  return url.href;
}

/** Leads to the sign-in when the session has ended. @param {string} address @returns {Promise<import("./follow.js").Batch | null>} */
export async function readPage(address) {
  const response = await fetch(address, { headers: { accept: "application/json" } });
  if (response.status === 401) {
    location.assign(`/session?${new URLSearchParams({ to: location.pathname + location.search, why: "ended" })}`);
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
