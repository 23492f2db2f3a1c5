import { fromBase64, fromHex, utf8 } from "../../../../shared/bytes.ts";
import { ConfigError } from "../../../../shared/config.ts";
import { parseSecret } from "../../../../shared/signing/secret.ts";
import { type Algorithm, rowScheme } from "./engine.ts";
import type { HmacRow } from "./row.ts";
import type { Scheme } from "./scheme.ts";

export const DIGESTS = {
  sha1: { hash: "SHA-1", bytes: 20 },
  sha256: { hash: "SHA-256", bytes: 32 },
  sha512: { hash: "SHA-512", bytes: 64 },
};

type Derived = Uint8Array<ArrayBuffer> | null;

/** The key that a secret stands for, null when it stands for none. */
export const DERIVATIONS: Record<NonNullable<HmacRow["key"]>, { derive: (secret: string) => Derived; says: string }> = {
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

/** A scheme out of a row: HMAC, RFC 2104, over what the row says. */
export function hmacScheme(row: HmacRow): Scheme {
  return { ...rowScheme(row, hmac(row)), row };
}

// Imported once: an import costs more than an HMAC over a usual body. Cleared when full, as no Worker has so
// many secrets; never promises, since one that is pending belongs to the request it began in.
const imported = new Map<string, CryptoKey>();
const MAX_IMPORTED = 100;

function hmac({ digest = "sha256", key = "text" }: HmacRow): Algorithm {
  const { hash, bytes } = DIGESTS[digest];
  const { derive, says } = DERIVATIONS[key];
  return {
    async keyOf(secret) {
      const name = `${hash} ${key} ${secret}`;
      const known = imported.get(name);
      if (known !== undefined) return known;
      const derived = derive(secret);
      // Anyone would think of white space.
      if (derived === null || derived.byteLength === 0 || secret.trim() === "")
        throw new ConfigError(`a secret is empty or not ${says}`);
      const fresh = await crypto.subtle.importKey("raw", derived, { name: "HMAC", hash }, false, ["verify"]);
      if (imported.size >= MAX_IMPORTED) imported.clear();
      imported.set(name, fresh);
      return fresh;
    },
    signature: (decoded) => (decoded.byteLength === bytes ? decoded : null),
    verify: (cryptoKey, signature, content) => crypto.subtle.verify("HMAC", cryptoKey, signature, content),
  };
}
