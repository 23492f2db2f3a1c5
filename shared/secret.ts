import { fromBase64, toBase64 } from "./bytes.ts";

/** Standard Webhooks, "Signature scheme": symmetric secrets are `whsec_` and base64 of 24 to 64 bytes. */
const PREFIX = "whsec_";
const MIN_BYTES = 24;
const GENERATED_BYTES = 32;

export type SecretProblem = "empty" | "malformed" | "too_short";
export type ParsedSecret = { ok: true; key: Uint8Array<ArrayBuffer> } | { ok: false; problem: SecretProblem };

/** The HMAC key of `whsec_…`; the prefix may be missing, as some dashboards show the bare base64. */
export function parseSecret(text: string): ParsedSecret {
  const encoded = text.startsWith(PREFIX) ? text.slice(PREFIX.length) : text;
  if (encoded === "") return { ok: false, problem: "empty" };
  const key = fromBase64(encoded);
  if (key === null) return { ok: false, problem: "malformed" };
  return key.byteLength < MIN_BYTES ? { ok: false, problem: "too_short" } : { ok: true, key };
}

/**
 * The secrets of a configured value, several separated by spaces.
 *
 * @throws Error naming `name` when one is missing, too short or malformed; never quoting the value.
 */
export function parseSecrets(name: string, value: string): Uint8Array<ArrayBuffer>[] {
  return splitSecrets(name, value).map((text) => {
    const parsed = parseSecret(text);
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

const explain: Record<SecretProblem, string> = {
  empty: "empty",
  malformed: "not `whsec_` and padded base64",
  too_short: `shorter than ${MIN_BYTES} bytes`,
};
