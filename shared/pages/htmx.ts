import htmx from "htmx.org/dist/htmx.min.js";
import { asset } from "./assets.ts";

/**
 * The script of the pages that update themselves: htmx, and two habits it has no attribute for. A hidden page
 * does not poll, and a live region is changed only when its text is, so that it is not read out again.
 * Pages work without it.
 */
const HABITS = `
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.detail.elt.hasAttribute("data-poll")) event.preventDefault();
});
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target, fragment } = event.detail;
  if (target.textContent === fragment.textContent) event.detail.shouldSwap = false;
});
`;

export const script = asset("page.js", "text/javascript; charset=utf-8", `${htmx};${HABITS}`);

/**
 * Nothing is evaluated, injected or fetched from elsewhere. No copies of pages are kept, since a page may show
 * a secret; an answer that says what failed is shown like any other.
 */
export const HTMX_CONFIG = JSON.stringify({
  ...{ allowEval: false, includeIndicatorStyles: false, selfRequestsOnly: true, allowScriptTags: false },
  ...{ historyCacheSize: 0, refreshOnHistoryMiss: true, scrollIntoViewOnBoost: false },
  responseHandling: [
    { code: "204", swap: false },
    { code: "...", swap: true },
  ],
});
