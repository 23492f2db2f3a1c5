import { type TimestampUnit, TOLERANCE_SECONDS } from "./rules.ts";

/**
 * A row: the data that describes how a provider signs. Rows stand in `providers.ts` and, for a provider that is not
 * there, under `[vars.SOURCES.<name>.hmac]` of the TOML file.
 */

/** Place of a signature and the content that it covers: the part that all kinds of rows share. */
export type SignatureRow = {
  /** Header with the signature, in lower case; for `numbered`, the part before the number. */
  header?: string;
  /** Field of the JSON or form body with the signature, where no header has it. */
  signatureField?: string;
  /**
   * `plain` (default): one value. `pairs`: `t=…,v1=…`, any pair named `pair` may match. `list`: values separated by
   * spaces. `numbered`: the headers `<header>1` to `<header>100`, any may match. `values`: values without names, of which
   * the first is the timestamp and any other may match.
   */
  format?: "plain" | "pairs" | "list" | "numbered" | "values";
  /** Text before a plain or listed value. */
  prefix?: string;
  /**
   * For `pairs`: the text between two of them (default `,`), and the name of those that hold signatures. White space
   * around a pair is not part of it.
   */
  separator?: string;
  pair?: string;
  /** Encoding of the signature, by default `hex`. */
  encoding?: "hex" | "base64" | "base64url";
  /**
   * Signed content: a template, by default `{body}`. Its values are `{body} {timestamp} {id} {url} {method} {form}`; digests
   * of the body, in hex or as `{sha256|base64}`; its `{crc32}` in decimal; and `{header:…}`, `{query:…}` and `{field:…}` by
   * their names, empty where they are missing, `{query:…|lower}` in lower case.
   */
  signed?: string;
  /** Signed URL: with the query of each call (default), or exactly the source's `url`. */
  urlQuery?: "called" | "configured";
  /** Characters of the URL that are signed as themselves, even where the URL has them percent-encoded. */
  urlDecodes?: string;
  /** `either`: the URL is signed with or without the port, including the default port that no URL shows. */
  urlPort?: "either";
  /** Query parameter with the SHA-256, in hex, of a body that is no form; `{form}` is then empty. */
  bodyDigest?: string;
  /** Place of the timestamp: a header, a name in the pairs, or a field of the body (of JSON, unless it is signed itself). */
  timestampHeader?: string;
  timestampPair?: string;
  timestampField?: string;
  /** Unit of the timestamp, by default `s`; `http` for a date as HTTP writes it, which the header `date` holds. */
  timestampUnit?: TimestampUnit;
  /** Seconds that the timestamp may be off, by default 300; `none` for any time of 10 digits, or 13 in milliseconds. */
  windowSeconds?: number | "none";
  /** Place of the id: a header, or a field of the JSON body (`data.id`). */
  idHeader?: string;
  idField?: string;
  /** Place of the event's type, if not `type` or `event` in the body: a field of the body, or a header. */
  typeField?: string;
  typeHeader?: string;
};

/** Row of a provider that signs with HMAC. */
export type HmacRow = SignatureRow & {
  /** Hash of the HMAC, by default `sha256`. */
  digest?: "md5" | "sha1" | "sha256" | "sha512";
  /** `digest`: no HMAC, but the bare hash of a text that holds the `{secret}`: it proves the sender, and not the bytes. */
  mac?: "hmac" | "digest";
  /** Way from the secret to the key: the secret's text (default), or the bytes that it encodes. */
  key?: "text" | "base64" | "hex" | "whsec";
};

/**
 * Row of a provider that sends a shared token: its place, of which a row names one. Without any, every header and query
 * parameter is looked at whose name says that it holds a secret.
 */
export type TokenRow = Pick<SignatureRow, "idHeader" | "idField" | "typeField" | "typeHeader"> & {
  /** Header with the token alone or, with `authScheme`, after the name of a scheme: `Bearer`, `Token`, `Basic`. */
  header?: string;
  authScheme?: string;
  /** Query parameter with the token. */
  query?: string;
  /** Field of the JSON or form body with the token, by its dotted path. The body is stored as it came, token included. */
  field?: string;
};

/** Row of a provider that signs with a private key of its own. */
export type PublicKeyRow = SignatureRow & {
  algorithm: "ed25519" | "p256" | "rsa" | "rsa_pss";
  /** Hash that P-256 and RSA sign, by default `sha256`. */
  digest?: "sha1" | "sha256" | "sha512";
};

/** Row of a provider that signs HTTP messages, RFC 9421. */
export type MessageSignatureRow = Pick<SignatureRow, "windowSeconds" | "idHeader" | "typeField" | "typeHeader"> & {
  algorithm: "hmac-sha256" | "ed25519" | "ecdsa-p256-sha256" | "rsa-v1_5-sha256" | "rsa-pss-sha512";
  /** Way from the secret to the key of an HMAC. */
  key?: HmacRow["key"];
  /** Ids of the keys, in the order of the secrets; without them every key is tried. */
  keyIds?: string[];
  /** Components that a signature must cover, besides the digest of the body. */
  covers?: string[];
};

/** Returns the unit of a row's timestamp. */
export function unitOf({ timestampUnit, timestampHeader }: SignatureRow): TimestampUnit {
  return timestampUnit ?? (timestampHeader === "date" ? "http" : "s");
}

/** Returns a row's window in seconds, null for none. A window has no effect without a place for the timestamp. */
export function windowOf({ windowSeconds = TOLERANCE_SECONDS }: Pick<SignatureRow, "windowSeconds">): number | null {
  return windowSeconds === "none" ? null : windowSeconds;
}
