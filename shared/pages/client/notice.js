// @ts-check

/**
 * The notice of what was just done. The address names it, and is used again when the page reloads, after signing in, and
 * for the links to other pages: so the name is taken out of it, and the page says it once.
 */

const NAMES = ["done", "count", "kept"];

export function forgetNotice() {
  const url = new URL(location.href);
  if (!url.searchParams.has("done")) return;
  for (const name of NAMES) url.searchParams.delete(name);
  history.replaceState(history.state, "", url);
}

/** A screen reader says only what changes after it has read the page. */
const ANNOUNCE_MS = 500;

/** Puts the message that the page came with into its live region once more, so that it is read out. */
export function announceNotice() {
  setTimeout(() => {
    const message = document.querySelector("#message > p");
    message?.replaceWith(message.cloneNode(true));
  }, ANNOUNCE_MS);
}

/** Shows that something failed, in the place of the notice. @param {string} text */
export function showFault(text) {
  const fault = document.createElement("p");
  fault.className = "message failed";
  fault.textContent = text;
  document.getElementById("message")?.replaceChildren(fault);
}
