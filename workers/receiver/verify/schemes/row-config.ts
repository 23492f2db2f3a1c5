import { type HmacRow, PLACEHOLDERS } from "./row.ts";

/** A row out of configuration: every mistake in it is named, so that nothing is verified by half a row. */

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
const PLACEHOLDER = /\{\w*\}/g;

const RULES: Record<keyof HmacRow, Rule> = {
  header,
  format: oneOf("plain", "pairs", "list", "numbered"),
  prefix: text,
  // Two headers of one name arrive joined like that, and are refused.
  separator: { takes: (value) => text.takes(value) && value !== ", ", says: 'a text other than ", "' },
  pair: text,
  encoding: oneOf("hex", "base64", "base64url"),
  signed: {
    takes: (value) =>
      typeof value === "string" &&
      (value.includes("{body}") || value.includes("{form}")) &&
      (value.match(PLACEHOLDER) ?? []).every((each) => PLACEHOLDERS.includes(each)),
    says: `a text with {body} or {form}, and no other placeholder than ${PLACEHOLDERS.join(" ")}`,
  },
  urlQuery: oneOf("called", "configured"),
  urlDecodes: text,
  urlPort: oneOf("either"),
  bodyDigest: text,
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
  typeField: text,
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
  return fault === undefined ? { ok: true, row } : { ok: false, key: fault.key, problem: fault.problem };
}

type Asked = { row: HmacRow; signs: (placeholder: string) => boolean; places: (keyof HmacRow)[] };

type Consistency = { key: keyof HmacRow; problem: string; broken: (asked: Asked) => boolean };

/** What one key asks of another; `broken` says that it is not so. */
const CONSISTENCY: Consistency[] = [
  { key: "header", problem: "is missing", broken: ({ row }) => row.header === undefined },
  {
    key: "pair",
    problem: "is missing, which `pairs` needs",
    broken: ({ row }) => row.format === "pairs" && row.pair === undefined,
  },
  ...(["pair", "separator", "timestampPair"] as const).map((key) => ({
    key,
    problem: "needs the format `pairs`",
    broken: ({ row }: Asked) => row.format !== "pairs" && row[key] !== undefined,
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
    // Anyone could write another time there.
    problem: "is given, and {timestamp} is not signed",
    broken: ({ row, signs }: Asked) => row[key] !== undefined && !signs("{timestamp}"),
  })),
  {
    key: "timestampField",
    problem: "is given, and {body} is not signed",
    broken: ({ row, signs }) => row.timestampField !== undefined && !signs("{body}"),
  },
  ...(["windowSeconds", "timestampUnit"] as const).map((key) => ({
    key,
    problem: "needs a place of the timestamp",
    broken: ({ row, places }: Asked) => row[key] !== undefined && places.length === 0,
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
    broken: ({ row, signs }: Asked) => row[key] !== undefined && !signs("{url}"),
  })),
];

function inconsistency(row: HmacRow): Consistency | undefined {
  const given: (keyof HmacRow)[] = ["timestampHeader", "timestampPair", "timestampField"];
  const asked: Asked = {
    row,
    signs: (placeholder) => (row.signed ?? "{body}").includes(placeholder),
    places: given.filter((place) => row[place] !== undefined),
  };
  return CONSISTENCY.find(({ broken }) => broken(asked));
}
