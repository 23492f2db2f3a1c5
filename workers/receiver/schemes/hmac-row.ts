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
  /** Where the timestamp stands: a header, a name in the pairs, or a field of the JSON body. */
  timestampHeader?: string;
  timestampPair?: string;
  timestampField?: string;
  /** Default `s`. */
  timestampUnit?: TimestampUnit;
  /** How old or new it may be; default 300, `none` for any. */
  windowSeconds?: number | "none";
  /** Where the id stands: a header, or a field of the JSON body (`data.id`). */
  idHeader?: string;
  idField?: string;
  /** The header that names the event's type, where the body does not. */
  typeHeader?: string;
};

export type HmacRow = SignatureRow & {
  /** Default `sha256`. */
  digest?: "sha1" | "sha256" | "sha512";
  /** How the key comes from the secret: its text (default), or what it encodes. */
  key?: "text" | "base64" | "hex" | "whsec";
};

export type ParsedRow = { ok: true; row: HmacRow } | { ok: false; key: string; problem: string };

type Rule = { takes: (value: unknown) => boolean; says: string };

const oneOf = (...values: string[]): Rule => ({
  takes: (value) => typeof value === "string" && values.includes(value),
  says: `one of ${values.join(", ")}`,
});
const text: Rule = { takes: (value) => typeof value === "string" && value !== "", says: "a text" };
const header: Rule = {
  takes: (value) => typeof value === "string" && /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(value),
  says: "a header's name in lower case",
};
const PLACEHOLDER = /\{[a-z]*\}/g;
export const PLACEHOLDERS = ["{body}", "{timestamp}", "{id}", "{url}", "{method}", "{form}"];

const RULES: Record<keyof HmacRow, Rule> = {
  header,
  format: oneOf("plain", "pairs", "list", "numbered"),
  prefix: text,
  separator: text,
  pair: text,
  encoding: oneOf("hex", "base64", "base64url"),
  signed: {
    takes: (value) =>
      typeof value === "string" &&
      (value.includes("{body}") || value.includes("{form}")) &&
      (value.match(PLACEHOLDER) ?? []).every((each) => PLACEHOLDERS.includes(each)),
    says: `a text with {body} or {form}, and no other placeholder than ${PLACEHOLDERS.join(" ")}`,
  },
  timestampHeader: header,
  timestampPair: text,
  timestampField: text,
  timestampUnit: oneOf("s", "ms", "iso"),
  windowSeconds: {
    takes: (value) => value === "none" || (typeof value === "number" && value >= 0 && value <= 86_400),
    says: 'a number from 0 to 86400, or "none"',
  },
  idHeader: header,
  idField: text,
  typeHeader: header,
  digest: oneOf("sha1", "sha256", "sha512"),
  key: oneOf("text", "base64", "hex", "whsec"),
};

/** A row out of configuration; the first mistake is named by its key. */
export function parseHmacRow(value: unknown): ParsedRow {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { ok: false, key: "hmac", problem: "is not a table" };
  }
  for (const [key, given] of Object.entries(value)) {
    const rule = Object.hasOwn(RULES, key) ? RULES[key as keyof HmacRow] : undefined;
    if (rule === undefined)
      return { ok: false, key, problem: `is unknown; known are ${Object.keys(RULES).join(", ")}` };
    if (!rule.takes(given)) return { ok: false, key, problem: `is not ${rule.says}` };
  }
  const row = value as HmacRow;
  const fault = inconsistency(row);
  return fault === null ? { ok: true, row } : { ok: false, ...fault };
}

/** What one key asks of another. */
function inconsistency(row: HmacRow): { key: string; problem: string } | null {
  const { signed = "{body}", format = "plain" } = row;
  const places = [row.timestampHeader, row.timestampPair, row.timestampField].filter((place) => place !== undefined);
  if (row.header === undefined) return { key: "header", problem: "is missing" };
  if (format === "pairs" && row.pair === undefined) return { key: "pair", problem: "is missing, which `pairs` needs" };
  if (format !== "pairs" && row.timestampPair !== undefined)
    return { key: "timestampPair", problem: "needs the format `pairs`" };
  if (places.length > 1)
    return { key: "timestampHeader", problem: "and another place of the timestamp are both given" };
  if (signed.includes("{timestamp}") && (places.length === 0 || row.timestampField !== undefined))
    return { key: "timestampHeader", problem: "is missing, and {timestamp} is signed" };
  if (signed.includes("{id}") && row.idHeader === undefined)
    return { key: "idHeader", problem: "is missing, and {id} is signed" };
  if (row.idHeader !== undefined && row.idField !== undefined)
    return { key: "idField", problem: "and idHeader are both given" };
  return null;
}

/** Null: no window. A time that nobody signs proves nothing, so only a place for it makes a window. */
export function windowOf({ windowSeconds = TOLERANCE_SECONDS }: SignatureRow): number | null {
  return windowSeconds === "none" ? null : windowSeconds;
}
