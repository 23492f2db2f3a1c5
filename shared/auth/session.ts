import type { Context } from "hono";
import { deleteCookie, getCookie, getSignedCookie, setSignedCookie } from "hono/cookie";
import { deriveKey } from "./derived-key.ts";

/**
 * The session of a page: a signed cookie that holds nothing but its end. Nothing is stored. The key is derived from the
 * API token, so rotating the token ends every session.
 */

/** The Worker that a session is for, and its API token. */
export type SessionScope = CookieScope & { apiToken: string };

/** All ports of a host share their cookies, so each Worker's has a name of its own. */
type CookieScope = { worker: string; localDev: boolean };

export const SESSION_SECONDS = 12 * 3600;

/** Sets the cookie. Its value is the end of the session in unix seconds. */
export async function startSession(c: Context, scope: SessionScope, now: number): Promise<void> {
  const end = String(Math.floor(now / 1000) + SESSION_SECONDS);
  const options = { ...attributes(scope), maxAge: SESSION_SECONDS };
  await setSignedCookie(c, cookieName(scope), end, await sessionKey(scope), options);
}

/**
 * Tells if the request has a session of this scope that has not ended at `now` (unix ms). Compares in constant time.
 */
export async function hasSession(c: Context, scope: SessionScope, now: number): Promise<boolean> {
  if (!hasCookie(c, scope)) return false;
  const end = await getSignedCookie(c, await sessionKey(scope), cookieName(scope));
  return typeof end === "string" && Number(end) * 1000 > now;
}

/** Tells if the request has the cookie, valid or not: the page then offers to sign out. */
export function hasCookie(c: Context, scope: CookieScope): boolean {
  return getCookie(c, cookieName(scope)) !== undefined;
}

/** Deletes the cookie. */
export function endSession(c: Context, scope: CookieScope): void {
  deleteCookie(c, cookieName(scope), attributes(scope));
}

/**
 * Returns the name; its prefix makes browsers refuse a cookie that is not Secure, for `/` and without a domain: RFC
 * 6265bis.
 */
function cookieName({ worker, localDev }: CookieScope): string {
  return localDev ? `webhook-${worker}` : `__Host-webhook-${worker}`;
}

function attributes({ localDev }: CookieScope) {
  return { path: "/", httpOnly: true, sameSite: "Strict", secure: !localDev } as const;
}

function sessionKey({ worker, apiToken }: SessionScope): Promise<Uint8Array<ArrayBuffer>> {
  return deriveKey(apiToken, `page session of the ${worker}`);
}
