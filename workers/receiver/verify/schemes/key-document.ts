import { BoundedMap } from "../../../../shared/bounded-map.ts";
import { type Bytes, fromBase64, fromBase64Url, fromHex, utf8 } from "../../../../shared/bytes.ts";
import { ConfigError } from "../../../../shared/config.ts";
import { jsonBody } from "../../event/json-field.ts";

/** Public keys as people copy them: PEM, JWK, or bytes in hex or base64. */

/** Kind of a public key. `rawBytes`: the length of its bare form, null where there is none; `says` completes "is not …". */
export type KeyForm = {
  name: string;
  importParams: string | SubtleCryptoImportKeyAlgorithm;
  rawBytes: number | null;
  says: string;
  isSound(key: CryptoKey): Promise<boolean>;
};

// Imported once, and never promises: a pending one belongs to the request that it began in.
const importedPublicKeys = new BoundedMap<string, CryptoKey>(100);

/** Members of a JWK that make a public key, RFC 7518 section 6 and RFC 8037; the others tell how to use it. */
const JWK_MEMBERS = ["kty", "crv", "x", "y", "n", "e"];

const PEM = /^-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----$/;

/** Returns a function that reads a key of this form. The function throws a ConfigError for any other text. */
export function publicKeyReader(form: KeyForm): (text: string) => Promise<CryptoKey> {
  return async (text) => {
    const name = `${form.name} ${text}`;
    const known = importedPublicKeys.get(name);
    if (known !== undefined) return known;
    const key = await importedKey(form, text).catch(() => null);
    if (key === null || !(await form.isSound(key))) throw new ConfigError(`a public key is not ${form.says}`);
    importedPublicKeys.set(name, key);
    return key;
  };
}

async function importedKey({ importParams, rawBytes }: KeyForm, text: string): Promise<CryptoKey | null> {
  // A variable may hold the line ends of PEM as they are written in JSON.
  const document = text.replaceAll("\\n", "\n").trim();
  if (document.startsWith("{")) return importedJwk(importParams, jsonBody(utf8(document)));
  const pem = PEM.exec(document)?.[1]?.replace(/\s/g, "");
  const bytes = pem === undefined ? bytesOf(document) : fromBase64(pem);
  if (bytes === null) return null;
  const format = pem === undefined && bytes.byteLength === rawBytes ? "raw" : "spki";
  return crypto.subtle.importKey(format, bytes, importParams, true, ["verify"]);
}

/** A private key has no business here: whoever holds one should notice. */
async function importedJwk(importParams: KeyForm["importParams"], value: unknown): Promise<CryptoKey | null> {
  if (typeof value !== "object" || value === null || "d" in value || "k" in value) return null;
  const jwk = Object.fromEntries(Object.entries(value).filter(([member]) => JWK_MEMBERS.includes(member)));
  return crypto.subtle.importKey("jwk", jwk as unknown as JsonWebKey, importParams, true, ["verify"]);
}

function bytesOf(text: string): Bytes | null {
  return fromHex(text) ?? fromBase64(text) ?? fromBase64Url(text);
}
