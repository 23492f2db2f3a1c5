import { BoundedMap } from "../../../../shared/bounded-map.ts";
import { type Bytes, fromBase64, fromHex, utf8 } from "../../../../shared/bytes.ts";
import { ConfigError } from "../../../../shared/config.ts";
import { parseSecret } from "../../../../shared/signing/secret.ts";
import { type Algorithm, rowScheme } from "./engine.ts";
import type { HmacRow } from "./row.ts";
import type { Scheme } from "./scheme.ts";

/** Schemes whose row is an HMAC: a built-in provider's row, or one of the configuration. */

export const DIGESTS = {
  md5: { hash: "MD5", bytes: 16 },
  sha1: { hash: "SHA-1", bytes: 20 },
  sha256: { hash: "SHA-256", bytes: 32 },
  sha512: { hash: "SHA-512", bytes: 64 },
};

/** Way from a secret to its key: null when the secret stands for none. `says`: the form that the secret must have. */
type Derivation = { derive: (secret: string) => Bytes | null; says: string };

export const DERIVATIONS: Record<NonNullable<HmacRow["key"]>, Derivation> = {
  text: { derive: utf8, says: "a text" },
  base64: { derive: fromBase64, says: "padded base64" },
  hex: { derive: fromHex, says: "hex" },
  whsec: {
    derive: (secret) => {
      const parsed = parseSecret(secret);
      return parsed.ok ? parsed.key : null;
    },
    says: "`whsec_` and base64 of 24 bytes or more",
  },
};

/** Returns the scheme of a row: HMAC, RFC 2104, or a bare hash, over the content that the row describes. */
export function hmacScheme(row: HmacRow): Scheme {
  return { ...rowScheme(row, hmacAlgorithm(row)), row };
}

// Imported once: an import costs more than an HMAC over a usual body. No Worker has so many secrets. Never promises: a
// pending one belongs to the request that it began in.
const importedKeys = new BoundedMap<string, CryptoKey>(100);

/** Returns the cryptography of an HMAC, or of a bare hash. */
export function hmacAlgorithm({
  digest = "sha256",
  key = "text",
  mac = "hmac",
}: Pick<HmacRow, "digest" | "key" | "mac">): Algorithm {
  const { hash, bytes } = DIGESTS[digest];
  const { derive, says } = DERIVATIONS[key];
  return {
    async keyOf(secret) {
      const name = `${hash} ${key} ${secret}`;
      const known = importedKeys.get(name);
      if (known !== undefined) return known;
      const derived = derive(secret);
      // White space is a secret that anyone would guess.
      if (derived === null || derived.byteLength === 0 || secret.trim() === "")
        throw new ConfigError(`a secret is empty or not ${says}`);
      const fresh = await crypto.subtle.importKey("raw", derived, { name: "HMAC", hash }, false, ["verify"]);
      importedKeys.set(name, fresh);
      return fresh;
    },
    signature: (decoded) => (decoded.byteLength === bytes ? decoded : null),
    verify:
      mac === "digest"
        ? async (_key, signature, content) =>
            crypto.subtle.timingSafeEqual(await crypto.subtle.digest(hash, content), signature)
        : (cryptoKey, signature, content) => crypto.subtle.verify("HMAC", cryptoKey, signature, content),
  };
}
