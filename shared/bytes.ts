/** Text and binary encodings. Every decoder is strict and returns null on malformed input; none throws. */

/** Bytes in memory of their own, as Web Crypto takes them. */
export type Bytes = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();
// fatal: a body that is not UTF-8 must be seen as such; ignoreBOM: a BOM is part of the bytes that were signed.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text) as Uint8Array<ArrayBuffer>;
}

/** The text of valid UTF-8, byte-order mark included; null when the bytes are anything else. */
export function fromUtf8(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

export function toBase64(bytes: Uint8Array): string {
  return bytes.toBase64();
}

/** Padded base64, RFC 4648 section 4: no white space, no stray bits in the last character. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  return decodeBase64(text, "base64");
}

/** base64url, RFC 4648 section 5, padded or not, as senders differ. */
export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | null {
  return decodeBase64(text.padEnd(Math.ceil(text.length / 4) * 4, "="), "base64url");
}

export function toHex(bytes: Uint8Array): string {
  return bytes.toHex();
}

/** Hex of either case and even length. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.fromHex(text);
  } catch {
    return null;
  }
}

/** Several byte runs as one. */
export function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.byteLength;
  }
  return joined;
}

function decodeBase64(text: string, alphabet: "base64" | "base64url"): Uint8Array<ArrayBuffer> | null {
  // The platform's decoder skips ASCII white space even when strict.
  if (/\s/.test(text)) return null;
  try {
    return Uint8Array.fromBase64(text, { alphabet, lastChunkHandling: "strict" });
  } catch {
    return null;
  }
}
