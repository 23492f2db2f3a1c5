import { type Bytes, concat, fromBase64, toBase64 } from "../bytes.ts";
import { isWeak, KEY_BYTES, publicKeyOf } from "./ed25519.ts";

/**
 * Secrets of Standard Webhooks, "Signature scheme": a symmetric secret is `whsec_` and base64 of 24 to 64 bytes, a private
 * key `whsk_` and base64 of the seed, with or without its public key, a public key `whpk_` and base64 of 32 bytes.
 */

const PREFIX = "whsec_";
const PRIVATE_PREFIX = "whsk_";
const PUBLIC_PREFIX = "whpk_";
const MIN_BYTES = 24;
const GENERATED_BYTES = 32;

/** Key to verify with; the version is that of the signatures. */
export type VerifyingKey = { version: "v1"; key: Bytes } | { version: "v1a"; key: Bytes };
/** Key to sign with; `key` verifies the signatures. It is null for a private key that was given as its seed alone. */
export type SigningKey = { version: "v1"; key: Bytes } | { version: "v1a"; key: Bytes | null; seed: Bytes };

/** Problem of a secret. `private`, `public`: a key of the wrong half; `weak`: a public key under which anyone can sign. */
type SecretProblem = "empty" | "malformed" | "too_short" | "weak" | "private" | "public";
export type Parsed<Key> = { ok: true; key: Key } | { ok: false; problem: SecretProblem };

/** Returns a secret without its prefix, and without the `v1,` that some dashboards show before both. */
export function bareSecret(text: string): string {
  return text.replace(/^(v1,)?whsec_/, "");
}

/** Returns the HMAC key of `whsec_…`. The prefix may be missing: some dashboards show the bare base64. */
export function parseSecret(text: string): Parsed<Bytes> {
  const encoded = bareSecret(text);
  if (encoded === "") return invalid("empty");
  const key = fromBase64(encoded);
  if (key === null) return invalid("malformed");
  return key.byteLength < MIN_BYTES ? invalid("too_short") : { ok: true, key };
}

/** Returns the key of `whsec_…` or `whsk_…` to sign with. `isPair` tells whether the halves of the latter match. */
export function parseSigningKey(text: string): Parsed<SigningKey> {
  if (text.startsWith(PUBLIC_PREFIX)) return invalid("public");
  if (!text.startsWith(PRIVATE_PREFIX)) return symmetric(text);
  const encoded = text.slice(PRIVATE_PREFIX.length);
  const alone = decode(encoded, KEY_BYTES);
  if (alone.ok) return { ok: true, key: { version: "v1a", key: null, seed: alone.key } };
  const parsed = decode(encoded, 2 * KEY_BYTES);
  if (!parsed.ok) return parsed;
  const [seed, key] = [parsed.key.slice(0, KEY_BYTES), parsed.key.slice(KEY_BYTES)];
  return { ok: true, key: { version: "v1a", key, seed } };
}

/** Returns the key of `whsec_…` or `whpk_…` to verify with. A private key is no such key: a verifier need not sign. */
export function parseVerifyingKey(text: string): Parsed<VerifyingKey> {
  if (text.startsWith(PRIVATE_PREFIX)) return invalid("private");
  if (!text.startsWith(PUBLIC_PREFIX)) return symmetric(text);
  const parsed = decode(text.slice(PUBLIC_PREFIX.length), KEY_BYTES);
  if (!parsed.ok) return parsed;
  return isWeak(parsed.key) ? invalid("weak") : { ok: true, key: { version: "v1a", key: parsed.key } };
}

/** Tells whether the public half that a private key names is its own; a symmetric key or a seed alone names none. */
export async function isPair(key: SigningKey): Promise<boolean> {
  return key.version === "v1" || key.key === null || toBase64(await publicKeyOf(key.seed)) === toBase64(key.key);
}

/** Returns a private key with its public key, where the text has the seed alone; any other text as it is. */
export async function completeSecret(text: string): Promise<string> {
  const parsed = parseSigningKey(text);
  if (!parsed.ok || parsed.key.version === "v1" || parsed.key.key !== null) return text;
  const { seed } = parsed.key;
  return PRIVATE_PREFIX + toBase64(concat(seed, await publicKeyOf(seed)));
}

/**
 * Returns the signing keys of a configured value, which holds one or several, separated by spaces.
 *
 * @throws Error naming `name`, and never quoting the value, when a key is missing, too short or malformed.
 */
export function parseSecrets(name: string, value: string): SigningKey[] {
  return splitSecrets(name, value).map((text) => {
    const parsed = parseSigningKey(text);
    if (!parsed.ok)
      throw new Error(
        `${name} is ${explainProblem[parsed.problem]}; generate one: \`whsec_\` and base64 of 32 random bytes`,
      );
    return parsed.key;
  });
}

/** Returns the secrets of a configured value. @throws Error naming `name` when the value holds none. */
export function splitSecrets(name: string, value: string): string[] {
  const texts = value.split(" ").filter((text) => text !== "");
  if (texts.length === 0) throw new Error(`${name} is empty; set it with \`wrangler secret put ${name}\``);
  return texts;
}

/** Returns a new `whsec_` secret; `random` fills the bytes, as `crypto.getRandomValues` does. */
export function generateSecret(random: (bytes: Uint8Array) => void): string {
  const bytes = new Uint8Array(GENERATED_BYTES);
  random(bytes);
  return PREFIX + toBase64(bytes);
}

/** Returns a new private key, `whsk_…`; `formatPublicKey` returns the half that may be shown. */
export async function generateKeyPair(random: (bytes: Uint8Array) => void): Promise<string> {
  const pair = new Uint8Array(2 * KEY_BYTES);
  random(pair.subarray(0, KEY_BYTES));
  pair.set(await publicKeyOf(pair.subarray(0, KEY_BYTES)), KEY_BYTES);
  return PRIVATE_PREFIX + toBase64(pair);
}

/**
 * Returns the `whpk_…` of a key of version `v1a`; null for a symmetric key, no part of which may be shown, and for a seed
 * alone.
 */
export function formatPublicKey({ version, key }: VerifyingKey | SigningKey): string | null {
  return version === "v1a" && key !== null ? PUBLIC_PREFIX + toBase64(key) : null;
}

const explainProblem: Record<SecretProblem, string> = {
  empty: "empty",
  malformed: "not `whsec_` or `whsk_` and padded base64",
  too_short: `shorter than ${MIN_BYTES} bytes`,
  weak: "a public key under which anyone can sign",
  private: "a private key",
  public: "a public key, which cannot sign",
};

function symmetric(text: string): Parsed<{ version: "v1"; key: Bytes }> {
  const parsed = parseSecret(text);
  return parsed.ok ? { ok: true, key: { version: "v1", key: parsed.key } } : parsed;
}

function decode(encoded: string, length: number): Parsed<Bytes> {
  if (encoded === "") return invalid("empty");
  const key = fromBase64(encoded);
  return key?.byteLength === length ? { ok: true, key } : invalid("malformed");
}

function invalid(problem: SecretProblem): { ok: false; problem: SecretProblem } {
  return { ok: false, problem };
}
