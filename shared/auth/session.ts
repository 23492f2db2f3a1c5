import { fromBase64Url, utf8 } from "../bytes.ts";

/**
 * The page's session: a cookie that anyone holding the API token could have made, and nobody else. Nothing is
 * stored; the key is derived from the token, so that rotating the token ends every session.
 */

/** Who checks it: cookies are shared between ports of one host, so each Worker has a name of its own. */
export type SessionScope = { worker: string; apiToken: string };

export const SESSION_SECONDS = 12 * 3600;

/** `<end in unix seconds>.<HMAC-SHA256, base64url>` */
export async function issueSession(scope: SessionScope, now: number): Promise<string> {
  const end = Math.floor(now / 1000) + SESSION_SECONDS;
  const mac = await crypto.subtle.sign("HMAC", await sessionKey(scope), utf8(String(end)));
  return `${end}.${new Uint8Array(mac).toBase64({ alphabet: "base64url", omitPadding: true })}`;
}

/** Whether `value` is a session of this scope that has not ended at `now` (unix ms). */
export async function isSession(value: string, scope: SessionScope, now: number): Promise<boolean> {
  const [, end, encoded] = /^(\d{1,12})\.([\w-]{43})$/.exec(value) ?? [];
  const mac = encoded === undefined ? null : fromBase64Url(encoded);
  if (end === undefined || mac === null || Number(end) * 1000 <= now) return false;
  return crypto.subtle.verify("HMAC", await sessionKey(scope), mac, utf8(end));
}

/** The prefix makes browsers refuse the cookie unless it is Secure, for `/` and without a domain: RFC 6265bis. */
export function cookieName(worker: string, local: boolean): string {
  return local ? `webhook-${worker}` : `__Host-webhook-${worker}`;
}

/** The `set-cookie` value of a session, or, with an empty one, of its end. */
export function sessionCookie(value: string, { worker, local }: { worker: string; local: boolean }): string {
  const age = value === "" ? 0 : SESSION_SECONDS;
  const secure = local ? "" : "; Secure";
  return `${cookieName(worker, local)}=${value}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Strict${secure}`;
}

async function sessionKey({ worker, apiToken }: SessionScope): Promise<CryptoKey> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const token = await crypto.subtle.importKey("raw", utf8(apiToken), algorithm, false, ["sign"]);
  const derived = await crypto.subtle.sign("HMAC", token, utf8(`page session of the ${worker}`));
  return crypto.subtle.importKey("raw", derived, algorithm, false, ["sign", "verify"]);
}
