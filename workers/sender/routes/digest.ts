import { toHex, utf8 } from "../../../shared/bytes.ts";
import type { NewEvent } from "../event.ts";

/** SHA-256 in hex of what a repeated request must have in common with the first. */
export async function digestOf(parts: readonly (string | number | null)[]): Promise<string> {
  // As JSON, so that no two different lists of parts are the same text.
  return toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(JSON.stringify(parts)))));
}

export function eventDigest({ type, data, deliverAt }: NewEvent): Promise<string> {
  return digestOf([type, data, deliverAt]);
}
