import { toHex, utf8 } from "../../../shared/bytes.ts";
import { ConfigError } from "../../../shared/config.ts";
import { queryOf } from "../event/masking.ts";
import type { SignedRequest, Verdict } from "./schemes/scheme.ts";
import type { Source } from "./source.ts";
import { faultOf, faultText } from "./source-fault.ts";

/** Verifies a request for the source that it was sent to, and names the configuration that did. */

/**
 * Returns the verdict of the source's scheme; `now` in unix seconds.
 *
 * @throws ConfigError naming the source and the key, when its configuration or one of its secrets is unusable.
 */
export async function verifyFrom(source: Source, request: SignedRequest, now: number): Promise<Verdict> {
  const fault = await faultOf(source);
  if (fault !== null) throw new ConfigError(faultText(source.name, fault));
  return source.scheme.verify(signedRequest(source, request), source.secrets, now);
}

/** Returns the request with the URL that the provider called and signed, not the one that a proxy or the edge shows. */
export function signedRequest({ url, scheme }: Source, request: SignedRequest): SignedRequest {
  if (url === null) return request;
  // Cut, not parsed: a parser would encode a quote, and leave out an empty query.
  const called = queryOf(request.url);
  if (called === "" || scheme.signedUrl === "configured") return { ...request, url };
  // A provider signs what it adds to the query, too.
  return { ...request, url: url.replace(/\?.*$/, "") + called };
}

/**
 * Bytes of a fingerprint. So few cannot be used to test a guess at a weak secret. One change of the configuration in
 * 65,536 keeps the fingerprint; only a diagnosis is the worse for that.
 */
const FINGERPRINT_BYTES = 2;

const fingerprints = new WeakMap<Source, string>();

/** Returns a short digest of everything that a source verifies with, its secrets included; null if it verifies nothing. */
export async function fingerprintOf(source: Source): Promise<string | null> {
  if (source.scheme.verification === "unverified") return null;
  const before = fingerprints.get(source);
  if (before !== undefined) return before;
  const { name, schemeName, scheme, url, secrets } = source;
  const text = JSON.stringify([name, schemeName, scheme.row ?? scheme.described ?? null, url, secrets]);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(text)));
  const fingerprint = toHex(digest.subarray(0, FINGERPRINT_BYTES));
  fingerprints.set(source, fingerprint);
  return fingerprint;
}
