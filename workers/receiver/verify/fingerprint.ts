import { toHex, utf8 } from "../../../shared/bytes.ts";
import type { Source } from "./source.ts";

/**
 * So few that who reads it cannot test a guess at a weak secret by it. That a changed configuration has the
 * fingerprint of the one before happens once in 65,536 changes, and only a diagnosis is the worse for it.
 */
const BYTES = 2;

const known = new WeakMap<Source, string>();

/** Of all that a source verifies with, its secrets among it; null when it verifies nothing. */
export async function fingerprintOf(source: Source): Promise<string | null> {
  if (source.scheme.verification === "unverified") return null;
  const before = known.get(source);
  if (before !== undefined) return before;
  const { name, schemeName, scheme, url, secrets } = source;
  const text = JSON.stringify([name, schemeName, scheme.row ?? null, url, secrets]);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(text)));
  const fingerprint = toHex(digest.subarray(0, BYTES));
  known.set(source, fingerprint);
  return fingerprint;
}
