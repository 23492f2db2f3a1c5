import { utf8 } from "../bytes.ts";

/** Keys derived from the API token: each has a purpose, none leads back to the token, and all change with it. */

/** Returns the 32 bytes for `purpose`. */
export async function deriveKey(apiToken: string, purpose: string): Promise<Uint8Array<ArrayBuffer>> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const token = await crypto.subtle.importKey("raw", utf8(apiToken), algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", token, utf8(purpose)));
}
