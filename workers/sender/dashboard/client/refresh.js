// @ts-check
import { showLocal } from "../../../../shared/pages/client/local-time.js";

/**
 * Refreshes parts of a page. The element `#refresh` names them (`data-parts`), the address to read them from
 * (`data-from`) and how often (`data-seconds`). It may stand in one of the parts: when a fresh part comes without it,
 * there is nothing left to wait for. Forms and whatever else a reader opens stand outside of the parts.
 */

/** Time for an answer: a request that never gets one must not stop the refreshing. */
const ANSWER_MS = 30_000;

/** The message that the page is not up to date, while it stands there. */
const fault = document.createElement("p");
fault.className = "message failed";

/** The last time that the page was up to date. */
let freshAt = new Date();

/** Refreshes until nothing is left to wait for. A hidden page is left as it is. */
export async function keepFresh() {
  for (;;) {
    const { from, parts = "", seconds } = document.getElementById("refresh")?.dataset ?? {};
    if (from === undefined) return;
    await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1000));
    if (!document.hidden) show(await refresh(from, parts.split(" ")));
  }
}

/** Refreshes once. @param {string} from @param {string[]} parts @returns {Promise<string | null>} the fault, if any */
async function refresh(from, parts) {
  try {
    const response = await fetch(from, { headers: { accept: "text/html" }, signal: AbortSignal.timeout(ANSWER_MS) });
    // The session has ended: this is the address of the sign-in form, which leads back here.
    if (response.redirected) {
      const signIn = new URL(response.url);
      signIn.searchParams.set("why", "ended");
      location.assign(signIn);
      return null;
    }
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (!response.ok) return page.querySelector("#message > p")?.textContent ?? `status ${response.status}`;
    for (const id of parts) replace(document.getElementById(id), page.getElementById(id));
    return null;
  } catch {
    return "the Worker does not answer";
  }
}

/**
 * Replaces a part if it has changed and nobody types in it. The focus goes to the element with the same id.
 *
 * @param {HTMLElement | null} old @param {HTMLElement | null} fresh
 */
function replace(old, fresh) {
  if (old === null || fresh === null) return;
  showLocal(fresh);
  if (old.isEqualNode(fresh)) return;
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  if (focused?.matches("input, select, textarea")) return;
  old.replaceChildren(...fresh.childNodes);
  if (focused !== null) document.getElementById(focused.id)?.focus({ preventScroll: true });
}

/** Shows the fault, or takes it away. @param {string | null} why */
function show(why) {
  if (why === null) {
    freshAt = new Date();
    return fault.remove();
  }
  const since = freshAt.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  const text = `This page is not up to date since ${since}: ${why}`;
  if (fault.isConnected && fault.textContent === text) return;
  fault.textContent = text;
  document.getElementById("message")?.append(fault);
}
