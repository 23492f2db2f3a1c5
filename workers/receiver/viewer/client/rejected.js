// @ts-check

/**
 * Shows in the tab and on the list how many requests were rejected in the last day. On a page that follows the log its
 * socket brings the number when it changes, and nobody wakes the log to ask. Other pages ask every ten seconds.
 */

const RECOUNT_MS = 10_000;
/** Recount while a socket brings the numbers: requests of a day ago are no longer counted. */
const RECOUNT_LIVE_MS = 3_600_000;

/** Sockets that bring numbers now. @type {Set<EventTarget>} */
const sockets = new Set();
let countedAt = 0;

export function countRejected() {
  const link = tabOf();
  if (link === null) return;
  const tab = document.createElement("strong");
  tab.id = "rejected-count";
  link.append(tab);
  setInterval(() => {
    const due = sockets.size > 0 ? RECOUNT_LIVE_MS : RECOUNT_MS;
    if (Date.now() - countedAt >= due) void recount();
  }, RECOUNT_MS);
  document.addEventListener("visibilitychange", recount);
  void recount();
}

/** Takes the numbers of a socket for as long as it is open. @param {WebSocket} socket */
export function countsComeBy(socket) {
  // A number that came while no socket was open was told to nobody.
  socket.addEventListener("open", () => {
    sockets.add(socket);
    void recount();
  });
  socket.addEventListener("close", () => sockets.delete(socket));
}

/** Shows the number. @param {number} count */
export function showRejected(count) {
  countedAt = Date.now();
  const text = count.toLocaleString("en");
  const tab = document.getElementById("rejected-count");
  if (tab !== null) tab.textContent = count === 0 ? "" : ` ${text}`;
  const notice = document.getElementById("rejected");
  const place = notice?.querySelector("strong");
  if (!notice || !place) return;
  notice.hidden = count === 0;
  if (place.textContent !== text) place.textContent = text;
}

async function recount() {
  if (document.hidden) return;
  const response = await fetch(`/rejections/count${tabOf()?.search ?? ""}`).catch(() => null);
  if (response?.ok) showRejected((await response.json()).lastDay);
}

function tabOf() {
  const link = document.querySelector(".tabs a[href^='/rejected']");
  return link instanceof HTMLAnchorElement ? link : null;
}
