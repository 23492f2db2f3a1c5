/** Where the sign-in form leads: back to the page that was asked for, and to no other place. Pure. */

/** A form may be 4 KiB long, and what stands in it grows to three times its length. */
const MAX_LENGTH = 1000;
/** Which one does not matter: what a path can lead away from, it leads away from here. */
const ORIGIN = "http://localhost";

/**
 * `wanted` as a browser would read it, when that is one of `pages` on this Worker; else `/`. `pages` is matched with
 * the path alone. Only pages, since following a link must not do anything, and some addresses do when they are read.
 */
export function returnPath(wanted: string | null, pages: RegExp): string {
  // Browsers read `//host` and `/\host` as another host, and drop tabs and line breaks before they look.
  if (wanted === null || wanted.length > MAX_LENGTH || !/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(wanted)) return "/";
  const url = URL.parse(wanted, ORIGIN);
  // Dots are resolved by now, so that a path cannot come to begin with two slashes behind our back.
  if (url === null || url.origin !== ORIGIN || !pages.test(url.pathname)) return "/";
  return url.pathname + url.search;
}

/** The address of the sign-in form from which one comes back to what `request` asks for, if that is a page. */
export function signInAddress(request: Request): string {
  const { pathname, search } = new URL(request.url);
  const asked = request.method === "GET" ? pathname + search : "/";
  return asked === "/" ? "/session" : `/session?${new URLSearchParams({ to: asked })}`;
}
