import { fromBase64, fromUtf8 } from "../../../shared/bytes.ts";
import { type HeaderList, maskedHeaders } from "./headers.ts";
import { maskedQuery } from "./masking.ts";
import type { EventRecord, EventRow } from "./record.ts";
import { targetText } from "./request-line.ts";

/**
 * Text search in URLs, headers and bodies. Upper and lower case are alike by Unicode's simple case folding, which maps
 * one character to one: a text that holds another still holds it when both are escaped as JSON, so lines can be sieved
 * before they are parsed.
 */

/** The text between name and value: headers are searched as `name: value`, and stored as JSON. */
const JOINT = { shown: ": ", stored: '","' };

/** The text between path and query, which are searched as one text, and stored as JSON. */
const QUERY_JOINT = { shown: "?", stored: '","query":"' };

/** Patterns of one search: `shown` for text as it is, `stored` for text escaped as JSON. */
export type TextSearch = { shown: RegExp; stored: RegExp };

export function textSearch(q: string): TextSearch {
  return { shown: new RegExp(RegExp.escape(q), "iu"), stored: storedPattern(q) };
}

/** Searches a record's URL, headers and body; a body that is not text is searched as the text in its bytes. */
export function holdsText({ shown }: TextSearch, record: EventRecord): boolean {
  return searchedTexts(record).some((text) => shown.test(text));
}

/** Searches a tail's row as readers get it; its headers are parsed only when they may hold the text. */
export function rowHoldsText({ shown, stored }: TextSearch, row: SearchedRow): boolean {
  const query = row.query === null ? null : maskedQuery(row.query);
  if (shown.test(targetText({ path: row.path, query }))) return true;
  const bytes = new Uint8Array(row.body);
  if (shown.test(fromUtf8(bytes) ?? looseText(bytes))) return true;
  return stored.test(row.headers) && inHeaders(shown, maskedHeaders(JSON.parse(row.headers), row.query ?? ""));
}

/** Returns the texts of a record that a search looks at, one by one. */
export function searchedTexts(record: EventRecord): string[] {
  const { headers, body, encoding } = record;
  const shown = encoding ? looseText(fromBase64(body)) : body;
  return [shown, targetText(record), ...headers.map(headerText)];
}

type SearchedRow = Pick<EventRow, "path" | "query" | "headers" | "body">;

function inHeaders(pattern: RegExp, headers: HeaderList): boolean {
  return headers.some((header) => pattern.test(headerText(header)));
}

function headerText([name, value]: HeaderList[number]): string {
  return `${name}${JOINT.shown}${value}`;
}

/** Decodes bytes that are not all text; bytes that are not UTF-8 match nothing that a person types. */
export function looseText(bytes: Uint8Array | null): string {
  return new TextDecoder().decode(bytes ?? new Uint8Array());
}

/** Tells whether a text is written in JSON as it is shown, also where it stands in a header or a query. */
export function isStoredAsShown(q: string): boolean {
  return JSON.stringify(q) === `"${q}"`;
}

/**
 * Returns a pattern for `q` in JSON: characters escaped, a header's name and value standing apart, and so path and query.
 */
export function storedPattern(q: string): RegExp {
  const plain = (part: string) => RegExp.escape(JSON.stringify(part).slice(1, -1));
  const question = `(?:${plain(QUERY_JOINT.shown)}|${QUERY_JOINT.stored})`;
  const escaped = (part: string) => part.split(QUERY_JOINT.shown).map(plain).join(question);
  const either = (shown: string) => `(?:${shown}|${JOINT.stored})`;
  const [, first = "", middle = "", last = ""] = /^( ?)(.*?)(:?)$/su.exec(q) ?? [];
  const parts = [
    first && either(first),
    middle.split(JOINT.shown).map(escaped).join(either(JOINT.shown)),
    last && either(last),
  ];
  return new RegExp(parts.join(""), "iu");
}
