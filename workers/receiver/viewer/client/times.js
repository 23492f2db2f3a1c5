// @ts-check
import { agoText } from "./text.js";

/** Shows beside each moment how long ago it was. */

const REFRESH_MS = 5_000;

/** @param {ParentNode} within */
export function showTimes(within) {
  const now = Date.now();
  for (const time of within.querySelectorAll("time.moment")) {
    if (!(time instanceof HTMLTimeElement)) continue;
    const at = new Date(time.dateTime);
    const text = agoText(now - at.getTime());
    const before = time.previousElementSibling;
    if (before instanceof HTMLElement && before.classList.contains("ago")) {
      if (before.textContent !== text) before.textContent = text;
      continue;
    }
    const ago = document.createElement("span");
    ago.className = "ago";
    ago.textContent = text;
    time.before(ago, " ");
  }
}

export function keepTimes() {
  showTimes(document);
  setInterval(() => {
    if (!document.hidden) showTimes(document);
  }, REFRESH_MS);
  document.addEventListener("visibilitychange", () => showTimes(document));
}
