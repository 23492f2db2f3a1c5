import { type TimestampUnit, TOLERANCE_SECONDS } from "./rules.ts";

/**
 * How a provider signs: one row of data, as it stands in `providers.ts` and, for a provider that is not there,
 * under `[vars.SOURCES.<name>.hmac]` of the TOML file.
 */

/** Where a signature stands, and what it covers: what every kind of row says. */
export type SignatureRow = {
  /** The header with the signature, lower case; for `numbered`, the part before the number. */
  header: string;
  /**
   * `plain` (default): one value. `pairs`: `t=…,v1=…`, any of `pair` may match. `list`: values separated by
   * spaces. `numbered`: the headers `<header>1` to `<header>100`, any may match.
   */
  format?: "plain" | "pairs" | "list" | "numbered";
  /** What stands before a plain or listed value. */
  prefix?: string;
  /** For `pairs`: between two of them (default `,`), and the name of those that hold signatures. */
  separator?: string;
  pair?: string;
  /** Of the signature: default `hex`. */
  encoding?: "hex" | "base64" | "base64url";
  /** What is signed: text with `{body} {timestamp} {id} {url} {method} {form}`; default `{body}`. */
  signed?: string;
  /** Of the URL that is signed: with the query of each call (default), or only as the source's `url` stands. */
  urlQuery?: "called" | "configured";
  /** Characters of the URL that are signed decoded, where they were percent-encoded. */
  urlDecodes?: string;
  /** `either`: signed with or without the port, also the usual one that no URL shows. */
  urlPort?: "either";
  /** The query's parameter with the SHA-256 of a body that is no form, in hex; `{form}` is then empty. */
  bodyDigest?: string;
  /** Where the timestamp stands: a header, a name in the pairs, or a field of the JSON body. */
  timestampHeader?: string;
  timestampPair?: string;
  timestampField?: string;
  /** Default `s`. */
  timestampUnit?: TimestampUnit;
  /** How old or new it may be; default 300, `none` for any time of 10 digits, or 13 in milliseconds. */
  windowSeconds?: number | "none";
  /** Where the id stands: a header, or a field of the JSON body (`data.id`). */
  idHeader?: string;
  idField?: string;
  /** Where the event's type stands, when it is no `type` or `event` in the body: a field of it, or a header. */
  typeField?: string;
  typeHeader?: string;
};

export type HmacRow = SignatureRow & {
  /** Default `sha256`. */
  digest?: "sha1" | "sha256" | "sha512";
  /** How the key comes from the secret: its text (default), or what it encodes. */
  key?: "text" | "base64" | "hex" | "whsec";
};

export const PLACEHOLDERS = ["{body}", "{timestamp}", "{id}", "{url}", "{method}", "{form}"];

/** Null: no window. A time that nobody signs proves nothing, so only a place for it makes a window. */
export function windowOf({ windowSeconds = TOLERANCE_SECONDS }: SignatureRow): number | null {
  return windowSeconds === "none" ? null : windowSeconds;
}
