import type { HmacRow, MessageSignatureRow, PublicKeyRow, SignatureRow, TokenRow } from "./row.ts";
import { brokenRule, brokenTokenRule, type Fault } from "./row-rules.ts";
import { coversBody, hasValue, PLACEHOLDERS, templateParts } from "./template.ts";

/** Reads a row of the configuration: a mistake in it is named, so that nothing is verified by half a row. */

/** A row, or the first mistake in it: "<key> <problem>". */
export type ParsedRow<Row> = { ok: true; row: Row } | { ok: false; key: string; problem: string };

/** Rule for the value of a key; `says` completes "is not …". */
type KeyRule = { takes: (value: unknown) => boolean; says: string };

const oneOf = (...values: string[]): KeyRule => ({
  takes: (value) => typeof value === "string" && values.includes(value),
  says: `one of ${values.join(", ")}`,
});
const anyText: KeyRule = { takes: (value) => typeof value === "string" && value !== "", says: "a text" };
const headerName: KeyRule = { takes: isHeaderName, says: "a header's name in lower case" };
const SIGNATURE_RULES: Record<keyof SignatureRow, KeyRule> = {
  header: headerName,
  signatureField: anyText,
  format: oneOf("plain", "pairs", "list", "numbered", "values"),
  prefix: anyText,
  separator: anyText,
  pair: anyText,
  encoding: oneOf("hex", "base64", "base64url"),
  signed: {
    takes: isSignedTemplate,
    says: `a text with {body} or another value of the event, and no other placeholder than ${PLACEHOLDERS.join(" ")}`,
  },
  urlQuery: oneOf("called", "configured"),
  urlDecodes: anyText,
  urlPort: oneOf("either"),
  bodyDigest: anyText,
  timestampHeader: headerName,
  timestampPair: anyText,
  timestampField: anyText,
  timestampUnit: oneOf("s", "ms", "iso", "http"),
  windowSeconds: {
    takes: (value) => value === "none" || (typeof value === "number" && value >= 0 && value <= 86_400),
    says: 'a number from 0 to 86400, or "none"',
  },
  idHeader: headerName,
  idField: anyText,
  typeField: anyText,
  typeHeader: headerName,
};

const HMAC_RULES: Record<keyof HmacRow, KeyRule> = {
  ...SIGNATURE_RULES,
  digest: oneOf("md5", "sha1", "sha256", "sha512"),
  mac: oneOf("hmac", "digest"),
  key: oneOf("text", "base64", "hex", "whsec"),
};

const PUBLIC_KEY_RULES: Record<keyof PublicKeyRow, KeyRule> = {
  ...SIGNATURE_RULES,
  algorithm: oneOf("ed25519", "p256", "rsa", "rsa_pss"),
  digest: oneOf("sha1", "sha256", "sha512"),
};

const someTexts: KeyRule = {
  takes: (value) =>
    Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === "string" && each !== ""),
  says: "a list of texts",
};

const MESSAGE_RULES: Record<keyof MessageSignatureRow, KeyRule> = {
  algorithm: oneOf("hmac-sha256", "ed25519", "ecdsa-p256-sha256", "rsa-v1_5-sha256", "rsa-pss-sha512"),
  key: HMAC_RULES.key,
  keyIds: someTexts,
  covers: someTexts,
  windowSeconds: SIGNATURE_RULES.windowSeconds,
  idHeader: headerName,
  typeField: anyText,
  typeHeader: headerName,
};

/** Returns the row of HTTP Message Signatures, or the first mistake in its table. */
export function parseMessageRow(table: object): ParsedRow<MessageSignatureRow> {
  return parseRow(table, MESSAGE_RULES, ({ algorithm, key }) => {
    if (algorithm === undefined) return { key: "algorithm", problem: "is missing" };
    return key === undefined || algorithm === "hmac-sha256" ? undefined : { key: "key", problem: "needs hmac-sha256" };
  });
}

/** Tells whether a value is a template that covers something that only this event has. */
function isSignedTemplate(value: unknown): boolean {
  const parts = typeof value === "string" ? templateParts(value) : null;
  if (parts === null || parts.some((part) => "filter" in part && part.filter?.startsWith("hmac"))) return false;
  return coversBody(parts) || (["crc32", "query", "field"] as const).some((kind) => hasValue(parts, kind));
}

/** Tells whether a value of the configuration is a header's name in lower case. */
export function isHeaderName(value: unknown): value is string {
  return typeof value === "string" && /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(value);
}

/** Returns the row that a table of the configuration describes, or the first mistake in the table. */
export function parseHmacRow(table: object): ParsedRow<HmacRow> {
  return parseRow(table, HMAC_RULES, brokenRule);
}

/** Returns the row of a signature by a private key, or the first mistake in its table. */
export function parsePublicKeyRow(table: object): ParsedRow<PublicKeyRow> {
  return parseRow(table, PUBLIC_KEY_RULES, (row) =>
    row.algorithm === undefined ? { key: "algorithm", problem: "is missing" } : brokenRule(row),
  );
}

/** Returns the place of a token that a table of the configuration describes, or the first mistake in the table. */
export function parseTokenRow(table: object): ParsedRow<TokenRow> {
  return parseRow(table, TOKEN_RULES, brokenTokenRule);
}

function parseRow<Row>(
  table: object,
  rules: Record<keyof Row, KeyRule>,
  broken: (row: Row) => Fault<Row> | undefined,
): ParsedRow<Row> {
  for (const [key, given] of Object.entries(table)) {
    const rule = Object.hasOwn(rules, key) ? rules[key as keyof Row] : undefined;
    if (rule === undefined)
      return { ok: false, key, problem: `is unknown; known are ${Object.keys(rules).join(", ")}` };
    if (!rule.takes(given)) return { ok: false, key, problem: `is not ${rule.says}` };
  }
  const row = table as Row;
  const fault = broken(row);
  return fault === undefined ? { ok: true, row } : { ok: false, key: String(fault.key), problem: fault.problem };
}

const TOKEN_RULES: Record<keyof TokenRow, KeyRule> = {
  header: headerName,
  authScheme: {
    takes: (value) => typeof value === "string" && /^[!#$%&'*+.^`|~\w-]+$/.test(value),
    says: "the name of a scheme, such as Bearer, Token or Basic",
  },
  query: anyText,
  field: anyText,
  idHeader: headerName,
  idField: anyText,
  typeField: anyText,
  typeHeader: headerName,
};
