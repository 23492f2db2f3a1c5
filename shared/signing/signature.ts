import { type Bytes, concat, fromBase64, toBase64, utf8 } from "../bytes.ts";
import { importSeed } from "./ed25519.ts";
import { isPair, type SigningKey, type VerifyingKey } from "./secret.ts";

/**
 * Signatures of Standard Webhooks, "Signature scheme": the signed content is `id.timestamp.body` with the exact bytes of
 * the body, the header a list of `version,base64`, separated by spaces.
 */

export const HEADER = { id: "webhook-id", timestamp: "webhook-timestamp", signature: "webhook-signature" } as const;

/** Message to sign; `timestamp` in unix seconds. */
type SignedMessage = { id: string; timestamp: number; body: Uint8Array };

/** Entries of a signature list that are looked at: a bound on the work that a stranger can cause. */
export const MAX_SIGNATURES = 100;

type Version = SigningKey["version"];
type Entry = { version: Version; signature: Bytes };

/** The known versions. `bytes`: the length of a signature; the platform throws at any other for Ed25519. */
const ALGORITHMS: Record<Version, { parameters: { name: string; hash?: string }; bytes: number }> = {
  v1: { parameters: { name: "HMAC", hash: "SHA-256" }, bytes: 32 },
  v1a: { parameters: { name: "Ed25519" }, bytes: 64 },
};

/**
 * Returns the `webhook-signature` value: one entry for each key, in their order.
 *
 * @throws Error when a private key names a public key that is not its own: nobody could verify its signatures.
 */
export async function sign(message: SignedMessage, keys: readonly SigningKey[]): Promise<string> {
  const content = signedContent(message);
  const entries = keys.map(async (key) => {
    const { parameters } = ALGORITHMS[key.version];
    const signature = await crypto.subtle.sign(parameters, await imported(signers, key, importSigner), content);
    return `${key.version},${toBase64(new Uint8Array(signature))}`;
  });
  return (await Promise.all(entries)).join(" ");
}

/**
 * Tells whether any entry of `header` was made over `message` with any of `keys` of the entry's own version. Each
 * comparison takes constant time. No header makes it throw. A seed alone verifies nothing.
 */
export async function verify(
  message: SignedMessage,
  header: string,
  keys: readonly (VerifyingKey | SigningKey)[],
): Promise<boolean> {
  const content = signedContent(message);
  for (const { version, signature } of entriesOf(header)) {
    for (const key of keys) {
      if (key.version !== version || key.key === null) continue;
      const { parameters } = ALGORITHMS[version];
      const verifier = await imported(verifiers, key as VerifyingKey, importVerifier);
      if (await crypto.subtle.verify(parameters, verifier, signature, content)) return true;
    }
  }
  return false;
}

/** Returns the entries of known versions. Versions are case sensitive; malformed entries are left out. */
function entriesOf(header: string): Entry[] {
  return header.split(" ", MAX_SIGNATURES).flatMap((entry) => {
    const comma = entry.indexOf(",");
    const version = entry.slice(0, Math.max(comma, 0));
    if (!isVersion(version)) return [];
    const signature = fromBase64(entry.slice(comma + 1));
    return signature?.byteLength === ALGORITHMS[version].bytes ? [{ version, signature }] : [];
  });
}

function isVersion(text: string): text is Version {
  return Object.hasOwn(ALGORITHMS, text);
}

function signedContent({ id, timestamp, body }: SignedMessage): Bytes {
  return concat(utf8(`${id}.${timestamp}.`), body);
}

/**
 * Imported keys, kept for as long as someone holds the parsed ones: an import costs more than an HMAC over a usual body.
 * Never promises: a pending one belongs to the request that it began in.
 */
const signers = new WeakMap<object, CryptoKey>();
const verifiers = new WeakMap<object, CryptoKey>();

async function imported<Key extends object>(
  known: WeakMap<object, CryptoKey>,
  key: Key,
  importKey: (key: Key) => Promise<CryptoKey>,
): Promise<CryptoKey> {
  const cached = known.get(key);
  if (cached !== undefined) return cached;
  const fresh = await importKey(key);
  known.set(key, fresh);
  return fresh;
}

async function importSigner(key: SigningKey): Promise<CryptoKey> {
  if (key.version === "v1") return crypto.subtle.importKey("raw", key.key, ALGORITHMS.v1.parameters, false, ["sign"]);
  if (!(await isPair(key))) throw new Error("a private key names a public key that is not its own");
  return importSeed(key.seed);
}

function importVerifier({ version, key }: VerifyingKey): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", key, ALGORITHMS[version].parameters, false, ["verify"]);
}
