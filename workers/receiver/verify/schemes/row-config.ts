import { isSecretName } from "../../event/masking.ts";
import { type HmacRow, PLACEHOLDERS, type TokenRow } from "./row.ts";

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
const PLACEHOLDER = /\{\w*\}/g;

const KEY_RULES: Record<keyof HmacRow, KeyRule> = {
  header: headerName,
  format: oneOf("plain", "pairs", "list", "numbered"),
  prefix: anyText,
  separator: anyText,
  pair: anyText,
  encoding: oneOf("hex", "base64", "base64url"),
  signed: {
    takes: (value) =>
      typeof value === "string" &&
      (value.includes("{body}") || value.includes("{form}")) &&
      (value.match(PLACEHOLDER) ?? []).every((each) => PLACEHOLDERS.includes(each)),
    says: `a text with {body} or {form}, and no other placeholder than ${PLACEHOLDERS.join(" ")}`,
  },
  urlQuery: oneOf("called", "configured"),
  urlDecodes: anyText,
  urlPort: oneOf("either"),
  bodyDigest: anyText,
  timestampHeader: headerName,
  timestampPair: anyText,
  timestampField: anyText,
  timestampUnit: oneOf("s", "ms", "iso"),
  windowSeconds: {
    takes: (value) => value === "none" || (typeof value === "number" && value >= 0 && value <= 86_400),
    says: 'a number from 0 to 86400, or "none"',
  },
  idHeader: headerName,
  idField: anyText,
  typeField: anyText,
  typeHeader: headerName,
  digest: oneOf("sha1", "sha256", "sha512"),
  key: oneOf("text", "base64", "hex", "whsec"),
};

/** Tells whether a value of the configuration is a header's name in lower case. */
export function isHeaderName(value: unknown): value is string {
  return typeof value === "string" && /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(value);
}

/** Returns the row that a table of the configuration describes, or the first mistake in the table. */
export function parseHmacRow(table: object): ParsedRow<HmacRow> {
  return parseRow(table, KEY_RULES, brokenRule);
}

/** Returns the place of a token that a table of the configuration describes, or the first mistake in the table. */
export function parseTokenRow(table: object): ParsedRow<TokenRow> {
  return parseRow(table, TOKEN_RULES, brokenTokenRule);
}

type Fault<Row> = { key: keyof Row; problem: string };

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

function brokenTokenRule({ header, authScheme, query, field, idHeader, idField }: TokenRow) {
  const places = [header, query, field].filter((place) => place !== undefined).length;
  const rules: [keyof TokenRow, boolean, string][] = [
    ["header", places === 0, "is missing, and so are query and field: name the one place of the token"],
    ["header", places > 1, "and another place of the token are both given"],
    ["authScheme", authScheme !== undefined && header === undefined, "needs a header"],
    ["idField", idHeader !== undefined && idField !== undefined, "and idHeader are both given"],
    [
      "idHeader",
      idHeader !== undefined && (isSecretName(idHeader) || idHeader === header),
      "names a header that holds a secret",
    ],
    ["idField", idField !== undefined && idField === field, "names the field with the token"],
  ];
  const found = rules.find(([, broken]) => broken);
  return found && { key: found[0], problem: found[2] };
}

/** A row, and two views of it that the rules below ask for: its signed placeholders and its places of a timestamp. */
type RowView = { row: HmacRow; signs: (placeholder: string) => boolean; places: (keyof HmacRow)[] };

/** Rule between keys. `broken` tells whether a row breaks it; `key` is then named. */
type CrossRule = { key: keyof HmacRow; problem: string; broken: (view: RowView) => boolean };

const CROSS_RULES: CrossRule[] = [
  { key: "header", problem: "is missing", broken: ({ row }) => row.header === undefined },
  {
    key: "pair",
    problem: "is missing, which `pairs` needs",
    broken: ({ row }) => row.format === "pairs" && row.pair === undefined,
  },
  ...(["pair", "separator", "timestampPair"] as const).map((key) => ({
    key,
    problem: "needs the format `pairs`",
    broken: ({ row }: RowView) => row.format !== "pairs" && row[key] !== undefined,
  })),
  {
    key: "timestampHeader",
    problem: "and another place of the timestamp are both given",
    broken: ({ places }) => places.length > 1,
  },
  {
    key: "timestampHeader",
    problem: "is missing, and {timestamp} is signed",
    broken: ({ signs, places }) => signs("{timestamp}") && !places.some((place) => place !== "timestampField"),
  },
  ...(["timestampHeader", "timestampPair"] as const).map((key) => ({
    key,
    // Anyone could write another time into an unsigned place.
    problem: "is given, and {timestamp} is not signed",
    broken: ({ row, signs }: RowView) => row[key] !== undefined && !signs("{timestamp}"),
  })),
  {
    key: "timestampField",
    problem: "is given, and {body} is not signed",
    broken: ({ row, signs }) => row.timestampField !== undefined && !signs("{body}"),
  },
  ...(["windowSeconds", "timestampUnit"] as const).map((key) => ({
    key,
    problem: "needs a place of the timestamp",
    broken: ({ row, places }: RowView) => row[key] !== undefined && places.length === 0,
  })),
  {
    key: "idHeader",
    problem: "is missing, and {id} is signed",
    broken: ({ row, signs }) => signs("{id}") && row.idHeader === undefined,
  },
  {
    key: "idField",
    problem: "and idHeader are both given",
    broken: ({ row }) => row.idHeader !== undefined && row.idField !== undefined,
  },
  {
    key: "idField",
    problem: "is given, and {body} is not signed",
    broken: ({ row, signs }) => row.idField !== undefined && !signs("{body}"),
  },
  ...(["urlQuery", "urlDecodes", "urlPort", "bodyDigest"] as const).map((key) => ({
    key,
    problem: "needs {url} to be signed",
    broken: ({ row, signs }: RowView) => row[key] !== undefined && !signs("{url}"),
  })),
];

function brokenRule(row: HmacRow): CrossRule | undefined {
  const given: (keyof HmacRow)[] = ["timestampHeader", "timestampPair", "timestampField"];
  const view: RowView = {
    row,
    signs: (placeholder) => (row.signed ?? "{body}").includes(placeholder),
    places: given.filter((place) => row[place] !== undefined),
  };
  return CROSS_RULES.find(({ broken }) => broken(view));
}
