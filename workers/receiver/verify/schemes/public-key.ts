import { type Bytes, concat, fromBase64, fromHex } from "../../../../shared/bytes.ts";
import { ConfigError } from "../../../../shared/config.ts";
import { isWeak, KEY_BYTES } from "../../../../shared/signing/ed25519.ts";
import { type Algorithm, rowScheme } from "./engine.ts";
import type { SignatureRow } from "./row.ts";
import type { Scheme } from "./scheme.ts";

/** Schemes of providers that sign with a private key of their own: a source's secrets are their public keys. */

/** Row of a provider that signs with a private key. */
export type PublicKeyRow = SignatureRow & { algorithm: keyof typeof PUBLIC_KEY_ALGORITHMS };

/** Returns the scheme of a row whose signatures are not HMAC. */
export function publicKeyScheme({ algorithm, ...row }: PublicKeyRow): Scheme {
  return { ...rowScheme(row, PUBLIC_KEY_ALGORITHMS[algorithm]), publicKey: true };
}

const P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const P256_BYTES = 32;

const PUBLIC_KEY_ALGORITHMS = {
  /** RFC 8032; the public key as hex. */
  ed25519: {
    async keyOf(secret) {
      const key = fromHex(secret);
      if (key?.byteLength !== KEY_BYTES || isWeak(key)) throw new ConfigError("a public key is not 32 bytes of hex");
      return crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
    },
    signature: (bytes) => (bytes.byteLength === 2 * KEY_BYTES ? bytes : null),
    verify: (key, signature, content) => crypto.subtle.verify("Ed25519", key, signature, content),
  },
  /** FIPS 186-5, with SHA-256; signatures in DER, the public key as base64 of its SubjectPublicKeyInfo. */
  p256: {
    async keyOf(secret) {
      try {
        return await crypto.subtle.importKey("spki", fromBase64(secret) ?? new Uint8Array(), P256, false, ["verify"]);
      } catch {
        throw new ConfigError("a public key is not base64 of a P-256 key");
      }
    },
    signature: fromDer,
    verify: (key, signature, content) => crypto.subtle.verify(P256, key, signature, content),
  },
} satisfies Record<string, Algorithm>;

/** Returns `r` and `s` side by side, as Web Crypto takes them, from a DER sequence of two integers (X.690, strict). */
function fromDer(bytes: Bytes): Bytes | null {
  if (bytes[0] !== 0x30 || bytes[1] !== bytes.byteLength - 2) return null;
  const r = derInteger(bytes, 2);
  const s = r === null ? null : derInteger(bytes, r.end);
  return r === null || s === null || s.end !== bytes.byteLength ? null : concat(r.value, s.value);
}

function derInteger(bytes: Bytes, start: number): { value: Bytes; end: number } | null {
  const length = bytes[start + 1] ?? 0;
  const [begin, end] = [start + 2, start + 2 + length];
  if (bytes[start] !== 0x02 || length === 0 || end > bytes.byteLength) return null;
  const [first = 0, second = 0] = [bytes[begin], bytes[begin + 1]];
  // Strict DER: positive, and no leading zero but the one that keeps the number positive.
  if (first >= 0x80 || (first === 0 && length > 1 && second < 0x80)) return null;
  const digits = bytes.subarray(first === 0 ? begin + 1 : begin, end);
  if (digits.byteLength > P256_BYTES) return null;
  return { value: concat(new Uint8Array(P256_BYTES - digits.byteLength), digits), end };
}
