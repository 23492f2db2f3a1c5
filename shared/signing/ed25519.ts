import { type Bytes, concat, fromBase64Url, toHex } from "../bytes.ts";

/** Ed25519 keys as Web Crypto takes them, RFC 8032: a private key is a seed of 32 bytes, a public key 32 bytes. */

export const KEY_BYTES = 32;

/** Bytes before the seed in PKCS #8: RFC 8410 section 7. */
const PKCS8_PREFIX = Uint8Array.fromHex("302e020100300506032b657004220420");

/**
 * The y coordinates of the points of small order, sign bit cleared, two of them also as they are spelled beyond the
 * field's prime. Anyone can make signatures under such a key, and a forgotten placeholder of zeros is one. RFC 8032
 * section 8.7 leaves the check to its users.
 */
const SMALL_ORDER = new Set([
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]);

/** Tells whether a public key is one of those under which signatures prove nothing. */
export function isWeak(publicKey: Uint8Array): boolean {
  const y = Uint8Array.from(publicKey);
  y[KEY_BYTES - 1] = (y[KEY_BYTES - 1] ?? 0) & 0x7f;
  return SMALL_ORDER.has(toHex(y));
}

/** Returns the public key of a seed. */
export async function publicKeyOf(seed: Uint8Array): Promise<Bytes> {
  const exported = (await crypto.subtle.exportKey("jwk", await importSeed(seed, true))) as JsonWebKey;
  const publicKey = fromBase64Url(exported.x ?? "");
  if (publicKey === null) throw new Error("the platform gave no public key for a seed");
  return publicKey;
}

/** Returns the key that signs with a seed. */
export function importSeed(seed: Uint8Array, extractable = false): Promise<CryptoKey> {
  return crypto.subtle.importKey("pkcs8", concat(PKCS8_PREFIX, seed), { name: "Ed25519" }, extractable, ["sign"]);
}
