import { isSecretName } from "../../../../shared/secret-name.ts";
import type { HmacRow, SignatureRow, TokenRow } from "./row.ts";
import { coversBody, hasValue, runsTogether, type TemplatePart, templateParts } from "./template.ts";

/** Rules between the keys of a row, whose values were checked before. */

/** Mistake in a row: "<key> <problem>". */
export type Fault<Row> = { key: keyof Row; problem: string };

/** A row, and what the rules below ask for: the parts of its template, and its places of a timestamp. */
type RowView = {
  row: HmacRow;
  parts: readonly TemplatePart[];
  signs: (kind: Parameters<typeof hasValue>[1]) => boolean;
  places: (keyof SignatureRow)[];
};

/** Rule between keys. `broken` tells whether a row breaks it; `key` is then named. */
type CrossRule = Fault<HmacRow> & { broken: (view: RowView) => boolean };

const CROSS_RULES: CrossRule[] = [
  {
    key: "header",
    problem: "is missing",
    broken: ({ row }) => row.header === undefined && row.signatureField === undefined,
  },
  {
    key: "signatureField",
    problem: "and header are both given",
    broken: ({ row }) => row.header !== undefined && row.signatureField !== undefined,
  },
  {
    key: "signatureField",
    problem: "has one value: it takes no other format",
    broken: ({ row }) => row.signatureField !== undefined && (row.format ?? "plain") !== "plain",
  },
  {
    key: "signatureField",
    problem: "is part of the body, which it cannot sign: sign fields of it",
    broken: ({ row, parts }) => row.signatureField !== undefined && coversBody(parts),
  },
  {
    key: "signed",
    problem: "has two values of any length side by side: nobody knows where the first one ends",
    broken: ({ parts }) => runsTogether(parts),
  },
  {
    key: "mac",
    problem: 'is missing: {secret} needs `mac = "digest"`',
    broken: ({ row, signs }) => signs("secret") && row.mac !== "digest",
  },
  {
    key: "signed",
    problem: "lacks the {secret}: without it anyone can compute the digest",
    broken: ({ row, signs }) => row.mac === "digest" && !signs("secret"),
  },
  {
    key: "format",
    problem: "has the timestamp as its first value, and {timestamp} is not signed",
    broken: ({ row, signs }) => row.format === "values" && !signs("timestamp"),
  },
  {
    key: "pair",
    problem: "is missing, which `pairs` needs",
    broken: ({ row }) => row.format === "pairs" && row.pair === undefined,
  },
  ...(["pair", "separator", "timestampPair"] as const).map((key) => ({
    key,
    problem: "needs the format `pairs`",
    broken: ({ row }: RowView) =>
      row[key] !== undefined && row.format !== "pairs" && !(key === "separator" && row.format === "values"),
  })),
  {
    key: "timestampHeader",
    problem: "and another place of the timestamp are both given",
    broken: ({ places }) => places.length > 1,
  },
  {
    key: "timestampHeader",
    problem: "is missing, and {timestamp} is signed",
    broken: ({ signs, places }) => signs("timestamp") && places.length === 0,
  },
  ...(["timestampHeader", "timestampPair"] as const).map((key) => ({
    key,
    // Anyone could write another time into an unsigned place.
    problem: "is given, and {timestamp} is not signed",
    broken: ({ row, signs }: RowView) => row[key] !== undefined && !signs("timestamp"),
  })),
  {
    key: "timestampField",
    problem: "is given, and {body} is not signed",
    broken: ({ row, parts, signs }) =>
      row.timestampField !== undefined && !signs("timestamp") && (!coversBody(parts) || signs("form")),
  },
  ...(["windowSeconds", "timestampUnit"] as const).map((key) => ({
    key,
    problem: "needs a place of the timestamp",
    broken: ({ row, places }: RowView) => row[key] !== undefined && places.length === 0,
  })),
  {
    key: "idHeader",
    problem: "is missing, and {id} is signed",
    broken: ({ row, signs }) => signs("id") && row.idHeader === undefined,
  },
  {
    key: "idField",
    problem: "and idHeader are both given",
    broken: ({ row }) => row.idHeader !== undefined && row.idField !== undefined,
  },
  {
    key: "idField",
    problem: "is given, and {body} is not signed",
    broken: ({ row, signs }) => row.idField !== undefined && signs("form") && !signs("body"),
  },
  ...(["urlQuery", "urlDecodes", "urlPort", "bodyDigest"] as const).map((key) => ({
    key,
    problem: "needs {url} to be signed",
    broken: ({ row, signs }: RowView) => row[key] !== undefined && !signs("url"),
  })),
];

/** Returns the first rule that a row breaks. */
export function brokenRule(row: HmacRow): Fault<SignatureRow & HmacRow> | undefined {
  const given: (keyof SignatureRow)[] = ["timestampHeader", "timestampPair", "timestampField"];
  const parts = templateParts(row.signed ?? "{body}") ?? [];
  const view: RowView = {
    row,
    parts,
    signs: (kind) => hasValue(parts, kind),
    places: [
      ...given.filter((place) => row[place] !== undefined),
      ...(row.format === "values" ? ["format" as const] : []),
    ],
  };
  return CROSS_RULES.find(({ broken }) => broken(view));
}

/** Returns the first rule that a row of a token breaks. */
export function brokenTokenRule({ header, authScheme, query, field, idHeader, idField }: TokenRow) {
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
