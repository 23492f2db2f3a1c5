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

/** Shows that something failed, in the place of the notice. @param {string} text */
export function showFault(text) {
  const fault = document.createElement("p");
  fault.className = "message failed";
  fault.textContent = text;
  document.getElementById("message")?.replaceChildren(fault);
}
