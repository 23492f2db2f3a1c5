// @ts-check

/** Shows in the tab and on the list how many requests were rejected in the last day, and keeps the number up to date. */

const RECOUNT_MS = 10_000;

export function countRejected() {
  const link = document.querySelector(".tabs a[href^='/rejected']");
  if (!(link instanceof HTMLAnchorElement)) return;
  const tab = document.createElement("strong");
  tab.id = "rejected-count";
  link.append(tab);
  const refresh = async () => {
    if (document.hidden) return;
    const response = await fetch(`/rejections/count${link.search}`).catch(() => null);
    if (response?.ok) showRejected(tab, (await response.json()).lastDay);
  };
  setInterval(refresh, RECOUNT_MS);
  document.addEventListener("visibilitychange", refresh);
  void refresh();
}

/** @param {HTMLElement} tab @param {number} count */
function showRejected(tab, count) {
  const text = count.toLocaleString("en");
  tab.textContent = count === 0 ? "" : ` ${text}`;
  const notice = document.getElementById("rejected");
  const place = notice?.querySelector("strong");
  if (!notice || !place) return;
  notice.hidden = count === 0;
  if (place.textContent !== text) place.textContent = text;
}
