import { type Bytes, concat } from "../../../../shared/bytes.ts";
import { isWeak, KEY_BYTES } from "../../../../shared/signing/ed25519.ts";
import { type Algorithm, rowScheme } from "./engine.ts";
import { type KeyForm, publicKeyReader } from "./key-document.ts";
import type { PublicKeyRow } from "./row.ts";
import type { Scheme } from "./scheme.ts";

/** Schemes of providers that sign with a private key of their own: a source's secrets are their public keys. */

/** Returns the scheme of a row whose signatures are not HMAC. */
export function publicKeyScheme({ algorithm, digest = "sha256", ...row }: PublicKeyRow): Scheme {
  return { ...rowScheme(row, publicKeyAlgorithm(algorithm, digest)), publicKey: true };
}

const HASH_NAMES = { sha1: "SHA-1", sha256: "SHA-256", sha512: "SHA-512" };
const HASH_BYTES = { sha1: 20, sha256: 32, sha512: 64 };

/** Bytes of an element of the field of P-256, and of a point that is not compressed (SEC 1). */
const P256_BYTES = 32;
const P256_POINT_BYTES = 65;
/** NIST SP 800-131A: shorter moduli are no longer accepted. */
const MIN_RSA_BITS = 2048;

/** Returns the cryptography of an algorithm, as Web Crypto has it. */
export function publicKeyAlgorithm(
  algorithm: PublicKeyRow["algorithm"],
  digest: NonNullable<PublicKeyRow["digest"]> = "sha256",
): Algorithm {
  const hash = HASH_NAMES[digest];
  return { ed25519, p256: p256(hash), rsa: rsa(hash), rsa_pss: rsaPss(hash, HASH_BYTES[digest]) }[algorithm];
}

/** RFC 8032. */
const ED25519: KeyForm = {
  name: "Ed25519",
  importParams: "Ed25519",
  rawBytes: KEY_BYTES,
  says: "an Ed25519 key: 32 bytes in hex or base64, PEM or JWK",
  // A point of small order verifies signatures that nobody made.
  isSound: async (key) => !isWeak(new Uint8Array((await crypto.subtle.exportKey("raw", key)) as ArrayBuffer)),
};

const ed25519: Algorithm = {
  keyOf: publicKeyReader(ED25519),
  signature: (bytes) => (bytes.byteLength === 2 * KEY_BYTES ? bytes : null),
  verify: (key, signature, content) => crypto.subtle.verify("Ed25519", key, signature, content),
};

/** FIPS 186-5; signatures in DER, or `r` and `s` side by side. */
function p256(hash: string): Algorithm {
  const curve = { name: "ECDSA", namedCurve: "P-256" };
  const says = "a P-256 key: PEM, base64 of its SubjectPublicKeyInfo, a point of 65 bytes, or JWK";
  const form = {
    name: "ECDSA P-256",
    importParams: curve,
    rawBytes: P256_POINT_BYTES,
    says,
    isSound: async () => true,
  };
  return {
    keyOf: publicKeyReader(form),
    signature: (bytes) => fromDer(bytes) ?? (bytes.byteLength === 2 * P256_BYTES ? bytes : null),
    verify: (key, signature, content) => crypto.subtle.verify({ name: "ECDSA", hash }, key, signature, content),
  };
}

/** RFC 8017, section 8.2. */
function rsa(hash: string): Algorithm {
  return {
    keyOf: publicKeyReader(rsaForm("RSASSA-PKCS1-v1_5", hash)),
    signature: rsaSignature,
    verify: (key, signature, content) => crypto.subtle.verify("RSASSA-PKCS1-v1_5", key, signature, content),
  };
}

/** RFC 8017, section 8.1, with a salt as long as the hash. */
function rsaPss(hash: string, saltLength: number): Algorithm {
  return {
    keyOf: publicKeyReader(rsaForm("RSA-PSS", hash)),
    signature: rsaSignature,
    verify: (key, signature, content) => crypto.subtle.verify({ name: "RSA-PSS", saltLength }, key, signature, content),
  };
}

function rsaForm(name: string, hash: string): KeyForm {
  return {
    name: `${name} ${hash}`,
    importParams: { name, hash },
    rawBytes: null,
    says: `an RSA key of ${MIN_RSA_BITS} bits or more: PEM, base64 of its SubjectPublicKeyInfo, or JWK`,
    isSound: async ({ algorithm }) =>
      "modulusLength" in algorithm &&
      typeof algorithm.modulusLength === "number" &&
      algorithm.modulusLength >= MIN_RSA_BITS,
  };
}

function rsaSignature(bytes: Bytes): Bytes | null {
  return bytes.byteLength >= MIN_RSA_BITS / 8 ? bytes : null;
}

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
