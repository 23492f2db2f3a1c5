import { concat, fromBase64, toBase64, utf8 } from "./bytes.ts";

/**
 * Standard Webhooks signatures, "Signature scheme" of the specification: the signed content is
 * `id.timestamp.body` over the exact bytes, the header a space-separated list of `version,base64`.
 */
export const HEADER = { id: "webhook-id", timestamp: "webhook-timestamp", signature: "webhook-signature" } as const;

/** What is signed; `timestamp` in unix seconds. */
export type Message = { id: string; timestamp: number; body: Uint8Array };

/** Every entry of a signature list is looked at, up to here: a bound on what a stranger can make us compute. */
export const MAX_SIGNATURES = 100;

/** The `webhook-signature` value: one `v1` entry for each key, in their order. */
export async function sign(message: Message, keys: Uint8Array<ArrayBuffer>[]): Promise<string> {
  const content = signedContent(message);
  const entries = keys.map(async (key) => {
    const mac = await crypto.subtle.sign("HMAC", await hmacKey(key), content);
    return `v1,${toBase64(new Uint8Array(mac))}`;
  });
  return (await Promise.all(entries)).join(" ");
}

/** Whether any `v1` entry of `header` was made over `message` with any of `keys`. Constant time per comparison. */
export async function verify(message: Message, header: string, keys: Uint8Array<ArrayBuffer>[]): Promise<boolean> {
  const content = signedContent(message);
  for (const signature of signaturesOf(header, "v1")) {
    for (const key of keys) {
      if (await crypto.subtle.verify("HMAC", await hmacKey(key), signature, content)) return true;
    }
  }
  return false;
}

/** The decoded entries of one version; names are case sensitive, malformed entries are passed over. */
function signaturesOf(header: string, version: string): Uint8Array<ArrayBuffer>[] {
  return header
    .split(" ", MAX_SIGNATURES)
    .filter((entry) => entry.startsWith(`${version},`))
    .map((entry) => fromBase64(entry.slice(version.length + 1)))
    .filter((bytes) => bytes !== null);
}

function signedContent({ id, timestamp, body }: Message): Uint8Array<ArrayBuffer> {
  return concat(utf8(`${id}.${timestamp}.`), body);
}

function hmacKey(key: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
}
