// @ts-check

/**
 * What was just done is said once: it stands in the page's address (messages.ts), which is asked for again when the
 * list is made anew or after signing in, and which older pages' addresses are made of.
 */

const NAMES = ["done", "count", "kept"];

export function forgetMessage() {
  const url = new URL(location.href);
  if (!url.searchParams.has("done")) return;
  for (const name of NAMES) url.searchParams.delete(name);
  history.replaceState(history.state, "", url);
}
