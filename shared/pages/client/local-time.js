// @ts-check

/**
 * Moments in the reader's own time. The server writes UTC, and says so; UTC stays one hover or focus away
 * (page.css shows `data-utc`). Parts that come in later are changed as they come.
 */

/** Milliseconds, for a moment that is compared with others; hours and minutes, where the day is plain. */
const FORMS = { exact: [0, 23], hour: [11, 16], second: [0, 19] };

/** Changes the moments of the page, and those of each part that comes in later. */
export function keepLocal() {
  showLocal(document);
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) {
      for (const node of addedNodes) if (node instanceof Element) showLocal(node);
    }
  }).observe(document.body, { childList: true, subtree: true });
  // A moment lies above the link of its row, so that a pointer reaches it.
  document.addEventListener("click", ({ target }) => {
    const time = target instanceof Element ? target.closest("tr time") : null;
    const link = time?.closest("a") === null ? time.closest("tr")?.querySelector("th a") : null;
    if (link instanceof HTMLElement) link.click();
  });
}

/** Changes the moments in a part. @param {ParentNode & Node} within */
export function showLocal(within) {
  const own = within instanceof HTMLTimeElement ? [within] : [];
  for (const time of [...own, ...within.querySelectorAll("time[datetime]")]) {
    const at = Date.parse(time.getAttribute("datetime") ?? "");
    if (!Number.isNaN(at)) write(time, at);
  }
}

/** Shows another moment. @param {HTMLTimeElement} time @param {string} at ISO 8601, UTC */
export function setMoment(time, at) {
  time.dateTime = at;
  write(time, Date.parse(at));
}

/** @param {Element} time @param {number} at */
function write(time, at) {
  const name = time.getAttribute("data-form");
  const form = name === "exact" || name === "hour" ? name : "second";
  const text = localText(at, form);
  if (time.textContent !== text) time.textContent = text;
  time.setAttribute(
    "data-utc",
    `${new Date(at)
      .toISOString()
      .slice(...FORMS[form])
      .replace("T", " ")} UTC`,
  );
  // Within a row or a link the keyboard reaches it with the link.
  if (time.closest("tr:has(th a), a") === null) time.setAttribute("tabindex", "0");
}

/**
 * Returns a moment in the zone of the browser, in the same form as the server's UTC.
 *
 * @param {number} at unix milliseconds @param {keyof typeof FORMS} form
 */
export function localText(at, form) {
  const shifted = new Date(at - new Date(at).getTimezoneOffset() * 60_000);
  return shifted
    .toISOString()
    .slice(...FORMS[form])
    .replace("T", " ");
}
