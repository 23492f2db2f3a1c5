// @ts-check
import { showFault } from "../../../../shared/pages/client/notice.js";

/**
 * Goes on with a search that has found nothing yet: loads the page behind the link `#further` and shows its parts, until
 * there is a hit, the log ends, or the reader stops it. The link goes on from there without the script, too.
 */

const PARTS = ["looked", "found"];
/** Time for an answer: a request that never gets one must not stop the search in silence. */
const PAGE_MS = 30_000;

export async function searchOn() {
  if (document.getElementById("exact") !== null || nextPage() === null) return;
  const stop = new AbortController();
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Stop";
  button.addEventListener("click", () => stop.abort());
  document.getElementById("looked")?.after(button);
  for (let from = nextPage(); from !== null && !stop.signal.aborted; from = nextPage()) {
    const why = await showPage(from, stop.signal);
    if (why === null) continue;
    if (!stop.signal.aborted) showFault(`The search has stopped: ${why}`);
    break;
  }
  button.remove();
}

/** Returns the address to go on at; null when something was found, or all was looked at. */
function nextPage() {
  const further = document.getElementById("further");
  const found = document.querySelector("#found tbody tr");
  return found === null && further instanceof HTMLAnchorElement ? further.href : null;
}

/**
 * Shows the parts of another page in place of this one's.
 *
 * @param {string} from @param {AbortSignal} signal @returns {Promise<string | null>} the fault, if any
 */
async function showPage(from, signal) {
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(PAGE_MS)]);
    const response = await fetch(from, { headers: { accept: "text/html" }, signal: limit });
    // The session has ended: this is the address of the sign-in form, which leads back here.
    if (response.redirected) {
      location.assign(response.url);
      return "you are signed out";
    }
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (!response.ok) return page.querySelector("#message > p")?.textContent ?? `status ${response.status}`;
    for (const id of PARTS) {
      document.getElementById(id)?.replaceChildren(...(page.getElementById(id)?.childNodes ?? []));
    }
    return null;
  } catch {
    return "the Worker does not answer";
  }
}
