/** Text and binary encodings. Every decoder is strict and returns null on malformed input; none throws. */

/** Bytes in memory of their own, as Web Crypto takes them. */
export type Bytes = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();
// fatal: a body that is not UTF-8 must be recognised; ignoreBOM: a BOM is part of the bytes that were signed.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Returns the UTF-8 of a text. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text) as Uint8Array<ArrayBuffer>;
}

/** Returns the text of valid UTF-8, byte-order mark included; null when the bytes are anything else. */
export function fromUtf8(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/** Returns padded base64. */
export function toBase64(bytes: Uint8Array): string {
  return bytes.toBase64();
}

/** Decodes padded base64, RFC 4648 section 4: no white space, no stray bits in the last character. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  return decodeBase64(text, "base64");
}

/** Decodes base64url, RFC 4648 section 5, padded or not, as senders differ. */
export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | null {
  return decodeBase64(text.padEnd(Math.ceil(text.length / 4) * 4, "="), "base64url");
}

/** Returns hex in lower case. */
export function toHex(bytes: Uint8Array): string {
  return bytes.toHex();
}

/** Decodes hex of either case and even length. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.fromHex(text);
  } catch {
    return null;
  }
}

/** Tells whether two byte runs are the same. Not constant in time: nothing secret is compared here. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.byteLength !== b.byteLength) return false;
  for (let i = 0; i < a.byteLength; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Returns several byte runs as one. */
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
