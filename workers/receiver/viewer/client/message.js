// @ts-check

/**
 * Takes the notice of what was just done out of the page's address (view.tsx), so that the page shows it once. The
 * address is used again when the list reloads, after signing in, and for the links to older pages.
 */

const NAMES = ["done", "count", "kept"];

export function forgetMessage() {
  const url = new URL(location.href);
  if (!url.searchParams.has("done")) return;
  for (const name of NAMES) url.searchParams.delete(name);
  history.replaceState(history.state, "", url);
}
