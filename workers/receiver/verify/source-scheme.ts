import { hmacScheme } from "./schemes/hmac.ts";
import { schemes } from "./schemes/index.ts";
import { messageSignatureScheme } from "./schemes/message-signature.ts";
import { publicKeyScheme } from "./schemes/public-key.ts";
import {
  type ParsedRow,
  parseHmacRow,
  parseMessageRow,
  parsePublicKeyRow,
  parseTokenRow,
} from "./schemes/row-config.ts";
import type { Scheme } from "./schemes/scheme.ts";
import { tokenScheme } from "./schemes/token.ts";
import { isTable, type SourceTable, TableFault } from "./table.ts";

/** The scheme of a source: one of the table of schemes, or one made of the row that the source's table holds. */

/** A scheme that a row describes, and the key of the source's table that holds the row. */
type DescribedScheme = { key: string; make: (row: SourceTable) => ParsedRow<Scheme> };

const ROWS: Record<string, DescribedScheme> = {
  hmac: { key: "hmac", make: (row) => made(parseHmacRow(row), hmacScheme) },
  http_signature: { key: "httpSignature", make: (row) => made(parseMessageRow(row), messageSignatureScheme) },
  public_key: { key: "publicKey", make: (row) => made(parsePublicKeyRow(row), publicKeyScheme) },
  token: { key: "token", make: (row) => made(parseTokenRow(row), tokenScheme) },
};

/** Schemes that are nothing without a row. */
const NEEDS_ROW: readonly string[] = ["hmac", "http_signature", "public_key"];

/** The scheme of a source by its name, and the public URL where it signs one. */
type SourceScheme = { scheme: Scheme; schemeName: string; url: string | null };

/** Returns the scheme that a source's table names or describes. @throws TableFault */
export function schemeOf(table: SourceTable): SourceScheme {
  const { scheme: name, url } = table;
  if (typeof name !== "string") throw new TableFault("scheme is missing");
  const other = Object.entries(ROWS).find(([scheme, { key }]) => scheme !== name && table[key] !== undefined);
  if (other !== undefined) throw new TableFault(`${other[1].key} needs scheme = "${other[0]}"`);
  const own = Object.hasOwn(ROWS, name) ? ROWS[name] : undefined;
  const isDescribed = own !== undefined && (NEEDS_ROW.includes(name) || table[own.key] !== undefined);
  const scheme = isDescribed ? configuredScheme(own, table) : schemeNamed(name);
  if (url === undefined && scheme.signedUrl) throw new TableFault("url is missing, and this scheme signs it");
  if (url !== undefined && (typeof url !== "string" || !/^https?:$/.test(URL.parse(url)?.protocol ?? "")))
    throw new TableFault("url is not an http or https URL");
  return { scheme, schemeName: name, url: url ?? null };
}

function configuredScheme({ key, make }: DescribedScheme, table: SourceTable): Scheme {
  const row = table[key];
  if (!isTable(row)) throw new TableFault(`${key} is not a table`);
  const parsed = make(row);
  if (!parsed.ok) throw new TableFault(`${key}.${parsed.key} ${parsed.problem}`);
  return parsed.row;
}

function made<Row extends object>(parsed: ParsedRow<Row>, make: (row: Row) => Scheme): ParsedRow<Scheme> {
  return parsed.ok ? { ok: true, row: { ...make(parsed.row), described: parsed.row } } : parsed;
}

/** Returns a scheme of the table. @throws TableFault */
export function schemeNamed(name: string): Scheme {
  const scheme = Object.hasOwn(schemes, name) ? schemes[name] : undefined;
  if (scheme !== undefined) return scheme;
  throw new TableFault(`scheme ${JSON.stringify(name)} is unknown; known are ${known()}`);
}

function known(): string {
  return [...new Set([...Object.keys(schemes), ...NEEDS_ROW])].join(", ");
}
