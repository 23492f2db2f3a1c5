/** Return path of the sign-in form: it leads back to the page that was asked for, and nowhere else. Pure. */

/** A form may have 4 KiB, and encoding a path can triple its length. */
const MAX_LENGTH = 1000;
/** Any origin will do: the check is that a path does not lead away from it. */
const ORIGIN = "http://localhost";

/**
 * Returns `wanted` as a browser would read it, if that is one of `pages` on this Worker; else `/`. `pages` is matched
 * with the path alone. It names pages only: following a link must not do anything, and some addresses act when they are
 * read.
 */
export function returnPath(wanted: string | null, pages: RegExp): string {
  // Browsers read `//host` and `/\host` as another host, and drop tabs and line breaks before they look.
  if (wanted === null || wanted.length > MAX_LENGTH || !/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(wanted)) return "/";
  const url = URL.parse(wanted, ORIGIN);
  // Parsing has resolved the dots, so no path can turn into one with two slashes later.
  if (url === null || url.origin !== ORIGIN || !pages.test(url.pathname)) return "/";
  return url.pathname + url.search;
}

/**
 * Returns the address of the sign-in form that leads back to the page `request` asks for; to `/` if it asks for none.
 * `ended`: a session was there, and the form says that it has ended.
 */
export function signInAddress(request: Request, ended = false): string {
  const { pathname, search } = new URL(request.url);
  const asked = request.method === "GET" ? pathname + search : "/";
  const query = new URLSearchParams({ ...(asked !== "/" && { to: asked }), ...(ended && { why: "ended" }) });
  return query.size === 0 ? "/session" : `/session?${query}`;
}
