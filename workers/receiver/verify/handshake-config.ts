import { hmacOracleGuard } from "./schemes/handshake-guard.ts";
import { answeredParts, signsAnswer } from "./schemes/handshake-row.ts";
import { isHeaderName } from "./schemes/row-config.ts";
import type { HandshakeRow, Scheme } from "./schemes/scheme.ts";
import { templateParts } from "./schemes/template.ts";
import { isTable, type SourceTable, TableFault } from "./table.ts";

/** Reads the handshakes of a source's table: one table, or a list of them. */

/** Rule for the value of a key; `says` completes "is not …". */
type HandshakeRule = { takes: (value: unknown) => boolean; says: string };

const anyOf = (...values: unknown[]): HandshakeRule => ({
  takes: (value) => values.includes(value),
  says: `one of ${values.join(", ")}`,
});

const RULES: Record<keyof HandshakeRow, HandshakeRule> = {
  method: anyOf("GET", "POST"),
  signed: anyOf(true, false),
  when: {
    takes: (value) => isTable(value) && Object.entries(value).every(([place, wanted]) => isCondition(place, wanted)),
    says: 'a table of places, such as "query:name", "field:a.b" or "header:x-name", each with a text, a number, true or false',
  },
  answer: {
    takes: (value) =>
      typeof value === "string" &&
      (templateParts(value)?.every(({ kind }) => ["text", "header", "query", "field"].includes(kind)) ?? false),
    says: "a text with no other placeholder than {header:…} {query:…} {field:…}",
  },
  contentType: anyOf("text/plain", "application/json"),
  status: anyOf(200, 204),
  verifyToken: { takes: isPlace, says: 'a place, such as "query:hub.verify_token"' },
};

/** A place that a provider hands over a secret in. Whoever answers such a request lets a stranger choose the secret. */
const HANDS_OVER = /secret|verification_token$/i;

/** Returns the handshakes and the scheme that is safe beside them. @throws TableFault */
export function handshakesIn(
  { handshake }: SourceTable,
  scheme: Scheme,
): { handshakes: readonly HandshakeRow[]; scheme: Scheme } {
  if (handshake === undefined) return { handshakes: scheme.handshakes ?? [], scheme };
  const handshakes = (Array.isArray(handshake) ? handshake : [handshake]).map(handshakeRow);
  const anyoneAsks = handshakes.some((row) => row.signed === false && signsAnswer(row));
  if (!anyoneAsks) return { handshakes, scheme };
  if (scheme.row === undefined || (scheme.row.signed ?? "{body}") !== "{body}" || scheme.row.mac === "digest")
    throw new TableFault("handshake.answer signs a text for anyone: that needs an HMAC over {body} alone");
  return { handshakes, scheme: hmacOracleGuard(scheme) };
}

function handshakeRow(table: unknown): HandshakeRow {
  if (!isTable(table)) throw new TableFault("handshake is not a table");
  for (const [key, value] of Object.entries(table)) {
    const rule = Object.hasOwn(RULES, key) ? RULES[key as keyof HandshakeRow] : undefined;
    if (rule === undefined)
      throw new TableFault(`handshake.${key} is unknown; known are ${Object.keys(RULES).join(", ")}`);
    if (!rule.takes(value)) throw new TableFault(`handshake.${key} is not ${rule.says}`);
  }
  const row = table as HandshakeRow;
  const echoed = answeredParts(row);
  const secret = echoed.find(({ name }) => HANDS_OVER.test(name));
  if (secret !== undefined)
    throw new TableFault(
      `handshake.answer names ${secret.name}, which hands over a secret: no such request is answered`,
    );
  if (row.method === "GET") return checkedRow({ ...row, signed: row.signed ?? false }, echoed.length);
  return checkedRow(row, echoed.length);
}

function checkedRow(row: HandshakeRow, echoed: number): HandshakeRow {
  if (row.method === "GET" && row.signed !== false)
    throw new TableFault("handshake.signed is true, and nobody signs a GET");
  const bare = Object.keys(row.when ?? {}).length === 0;
  if (bare && (echoed === 0 || row.method !== "GET"))
    throw new TableFault("handshake.when is missing: without it every request would be a handshake");
  if (row.status === 204 && row.answer !== undefined)
    throw new TableFault("handshake.answer is given, and status 204 has none");
  return row;
}

function isCondition(place: string, wanted: unknown): boolean {
  if (place === "body") return typeof wanted === "string";
  return isPlace(place) && ["string", "number", "boolean"].includes(typeof wanted);
}

function isPlace(value: unknown): boolean {
  if (typeof value !== "string") return false;
  return (
    /^(?:query|field):./.test(value) || (value.startsWith("header:") && isHeaderName(value.slice("header:".length)))
  );
}
