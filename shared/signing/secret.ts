import { fromBase64, toBase64 } from "../bytes.ts";
import { isWeak, KEY_BYTES, publicKeyOf } from "./ed25519.ts";

/**
 * Standard Webhooks, "Signature scheme": symmetric secrets are `whsec_` and base64 of 24 to 64 bytes, private
 * keys `whsk_` and base64 of the seed and its public key, public keys `whpk_` and base64 of 32 bytes.
 */
const PREFIX = "whsec_";
const PRIVATE_PREFIX = "whsk_";
const PUBLIC_PREFIX = "whpk_";
const MIN_BYTES = 24;
const GENERATED_BYTES = 32;

type Bytes = Uint8Array<ArrayBuffer>;

/** What a signature is verified with; the version is that of the signatures it stands for. */
export type VerifyingKey = { version: "v1"; key: Bytes } | { version: "v1a"; key: Bytes };
/** What makes signatures; `key` is what verifies them, so that it is a VerifyingKey too. */
export type SigningKey = { version: "v1"; key: Bytes } | { version: "v1a"; key: Bytes; seed: Bytes };

/** `private`, `public`: a key of the wrong half. `weak`: a public key under which anyone can sign. */
type SecretProblem = "empty" | "malformed" | "too_short" | "weak" | "private" | "public";
export type Parsed<Key> = { ok: true; key: Key } | { ok: false; problem: SecretProblem };
type ParsedSecret = Parsed<Bytes>;

/** The HMAC key of `whsec_…`; the prefix may be missing, as some dashboards show the bare base64. */
export function parseSecret(text: string): ParsedSecret {
  const encoded = text.startsWith(PREFIX) ? text.slice(PREFIX.length) : text;
  if (encoded === "") return refused("empty");
  const key = fromBase64(encoded);
  if (key === null) return refused("malformed");
  return key.byteLength < MIN_BYTES ? refused("too_short") : { ok: true, key };
}

/** What signs: `whsec_…` or `whsk_…`. Whether the halves of the latter match, `isPair` tells. */
export function parseSigningKey(text: string): Parsed<SigningKey> {
  if (text.startsWith(PUBLIC_PREFIX)) return refused("public");
  if (!text.startsWith(PRIVATE_PREFIX)) return symmetric(text);
  const parsed = decode(text.slice(PRIVATE_PREFIX.length), 2 * KEY_BYTES);
  if (!parsed.ok) return parsed;
  const [seed, key] = [parsed.key.slice(0, KEY_BYTES), parsed.key.slice(KEY_BYTES)];
  return { ok: true, key: { version: "v1a", key, seed } };
}

/** What verifies: `whsec_…` or `whpk_…`. A private key is refused: who verifies need not be able to sign. */
export function parseVerifyingKey(text: string): Parsed<VerifyingKey> {
  if (text.startsWith(PRIVATE_PREFIX)) return refused("private");
  if (!text.startsWith(PUBLIC_PREFIX)) return symmetric(text);
  const parsed = decode(text.slice(PUBLIC_PREFIX.length), KEY_BYTES);
  if (!parsed.ok) return parsed;
  return isWeak(parsed.key) ? refused("weak") : { ok: true, key: { version: "v1a", key: parsed.key } };
}

/** Whether the public half that a private key names is its own; a symmetric key has no halves. */
export async function isPair(key: SigningKey): Promise<boolean> {
  return key.version === "v1" || toBase64(await publicKeyOf(key.seed)) === toBase64(key.key);
}

/**
 * The signing keys of a configured value, several separated by spaces.
 *
 * @throws Error naming `name` when one is missing, too short or malformed; never quoting the value.
 */
export function parseSecrets(name: string, value: string): SigningKey[] {
  return splitSecrets(name, value).map((text) => {
    const parsed = parseSigningKey(text);
    if (!parsed.ok)
      throw new Error(`${name} is ${explain[parsed.problem]}; generate one: \`whsec_\` and base64 of 32 random bytes`);
    return parsed.key;
  });
}

/** @throws Error naming `name` when the value holds no secret at all. */
export function splitSecrets(name: string, value: string): string[] {
  const texts = value.split(" ").filter((text) => text !== "");
  if (texts.length === 0) throw new Error(`${name} is empty; set it with \`wrangler secret put ${name}\``);
  return texts;
}

/** A new `whsec_` secret; `random` fills the bytes, as `crypto.getRandomValues` does. */
export function generateSecret(random: (bytes: Uint8Array) => void): string {
  const bytes = new Uint8Array(GENERATED_BYTES);
  random(bytes);
  return PREFIX + toBase64(bytes);
}

/** A new private key, `whsk_…`; `formatPublicKey` gives the half that may be shown. */
export async function generateKeyPair(random: (bytes: Uint8Array) => void): Promise<string> {
  const pair = new Uint8Array(2 * KEY_BYTES);
  random(pair.subarray(0, KEY_BYTES));
  pair.set(await publicKeyOf(pair.subarray(0, KEY_BYTES)), KEY_BYTES);
  return PRIVATE_PREFIX + toBase64(pair);
}

/** `whpk_…` of a key of version `v1a`; null for a symmetric one, no part of which may be shown. */
export function formatPublicKey({ version, key }: VerifyingKey): string | null {
  return version === "v1a" ? PUBLIC_PREFIX + toBase64(key) : null;
}

const explain: Record<SecretProblem, string> = {
  empty: "empty",
  malformed: "not `whsec_` or `whsk_` and padded base64",
  too_short: `shorter than ${MIN_BYTES} bytes`,
  weak: "a public key under which anyone can sign",
  private: "a private key",
  public: "a public key, which cannot sign",
};

function symmetric(text: string): Parsed<SigningKey> {
  const parsed = parseSecret(text);
  return parsed.ok ? { ok: true, key: { version: "v1", key: parsed.key } } : parsed;
}

function decode(encoded: string, length: number): Parsed<Bytes> {
  if (encoded === "") return refused("empty");
  const key = fromBase64(encoded);
  return key?.byteLength === length ? { ok: true, key } : refused("malformed");
}

function refused(problem: SecretProblem): { ok: false; problem: SecretProblem } {
  return { ok: false, problem };
}
