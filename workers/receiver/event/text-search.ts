import { fromBase64, fromUtf8 } from "../../../shared/bytes.ts";
import type { EventFilter } from "./filter.ts";
import type { EventRecord, EventRow, HeaderList } from "./record.ts";

/**
 * Text search. Letters are alike as Unicode's simple case folding has them, which maps one character to one:
 * so what holds a text still holds it when both are escaped as JSON, and unparsed lines can be sieved.
 */

/** How a line of a segment ends when its body is base64; in a string of JSON the quotes would be escaped. */
const BINARY_END = '"encoding":"base64"}\n';

/** Headers are searched as `name: value`; this is what stands between the two, there and in JSON. */
const JOINT = { shown: ": ", stored: '","' };

/** What finds a text: `shown` in text itself, `stored` where that may hold it as JSON. */
export type TextSearch = { shown: RegExp; stored: RegExp };

export function textSearch(q: string): TextSearch {
  return { shown: new RegExp(RegExp.escape(q), "iu"), stored: storedPattern(q) };
}

/** Whether a header or the body holds the text; a body that is not text is searched as the text in its bytes. */
export function holdsText({ shown }: TextSearch, { headers, body, encoding }: EventRecord): boolean {
  return inHeaders(shown, headers) || shown.test(encoding ? looseText(fromBase64(body)) : body);
}

/** The same of a tail's row, whose headers are parsed only when they may hold it. */
export function rowHoldsText({ shown, stored }: TextSearch, row: Pick<EventRow, "headers" | "body">): boolean {
  const bytes = new Uint8Array(row.body);
  if (shown.test(fromUtf8(bytes) ?? looseText(bytes))) return true;
  return stored.test(row.headers) && inHeaders(shown, JSON.parse(row.headers));
}

/**
 * The lines of a segment's text that may hold an event the filter wants, in order: none that does is missing.
 * Only those need to be parsed.
 */
export function candidateLines(text: string, filter: EventFilter): string[] {
  const summary = summaryText(filter);
  if (filter.q !== null) {
    const lines = linesAt(text, [
      ...startsOf(text, new RegExp(storedPattern(filter.q), "giu")),
      ...startsOf(text, BINARY_END),
    ]);
    return summary === null ? lines : lines.filter((line) => line.includes(summary));
  }
  return summary === null ? text.split("\n").slice(0, -1) : linesAt(text, startsOf(text, summary));
}

/** The lines of a segment's text that hold this exact text. */
export function linesWith(text: string, part: string): string[] {
  return linesAt(text, startsOf(text, part));
}

function inHeaders(pattern: RegExp, headers: HeaderList): boolean {
  return headers.some(([name, value]) => pattern.test(`${name}${JOINT.shown}${value}`));
}

/** The text in bytes that are not all text; what is not UTF-8 matches nothing that a person types. */
function looseText(bytes: Uint8Array | null): string {
  return new TextDecoder().decode(bytes ?? new Uint8Array());
}

/** Finds what holds `q` where it is escaped as JSON, and where a header's name and value stand apart. */
function storedPattern(q: string): RegExp {
  const escaped = (part: string) => RegExp.escape(JSON.stringify(part).slice(1, -1));
  const either = (shown: string) => `(?:${shown}|${JOINT.stored})`;
  const [, first = "", middle = "", last = ""] = /^( ?)(.*?)(:?)$/su.exec(q) ?? [];
  const parts = [
    first && either(first),
    middle.split(JOINT.shown).map(escaped).join(either(JOINT.shown)),
    last && either(last),
  ];
  return new RegExp(parts.join(""), "iu");
}

/** What stands in the line of every event that the filter wants; a summary's members have this order. */
function summaryText({ source, type }: EventFilter): string | null {
  const parts: string[] = [];
  if (source !== null) parts.push(`"source":${JSON.stringify(source)}`);
  if (type !== null) {
    const prefix = type.endsWith(".*");
    parts.push(`"type":${prefix ? JSON.stringify(type.slice(0, -1)).slice(0, -1) : JSON.stringify(type)}`);
  }
  return parts.length === 0 ? null : parts.join(",");
}

/** Where the lines begin that hold `wanted`, each once; a pattern is global and never spans lines. */
function startsOf(text: string, wanted: string | RegExp): number[] {
  const starts: number[] = [];
  for (let at = find(text, wanted, 0); at !== -1; ) {
    starts.push(text.lastIndexOf("\n", at) + 1);
    const end = text.indexOf("\n", at);
    at = end === -1 ? -1 : find(text, wanted, end + 1);
  }
  return starts;
}

function find(text: string, wanted: string | RegExp, from: number): number {
  if (typeof wanted === "string") return text.indexOf(wanted, from);
  wanted.lastIndex = from;
  return wanted.exec(text)?.index ?? -1;
}

function linesAt(text: string, starts: number[]): string[] {
  const ordered = [...new Set(starts)].sort((a, b) => a - b);
  return ordered.map((start) => text.slice(start, text.indexOf("\n", start)));
}
