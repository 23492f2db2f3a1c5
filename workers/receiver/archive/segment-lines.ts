import { typePrefix } from "../../../shared/event-type.ts";
import type { EventFilter } from "../event/filter.ts";
import { isStoredAsShown, storedPattern } from "../event/text-search.ts";

/** Finds the lines of a segment's text that may hold wanted events, without parsing any. Pure. */

/** A line by its place in the text; `sure`: its body surely holds the text that the filter asks for. */
export type LineSpan = { start: number; end: number; sure: boolean };

/** The last member of a line. Within a string each quote has a backslash before it: no string holds this text. */
export const BODY = ',"body":';

/** The end of a line whose body is base64. */
const BINARY_END = '"encoding":"base64"}\n';
/** The end of any other. */
const TEXT_END = '"}';

/** Returns the lines that may hold an event the filter wants, in order. Every line that does hold one is among them. */
export function candidateLines(text: string, filter: EventFilter): LineSpan[] {
  const summary = summaryText(filter);
  if (filter.q === null) return summary === null ? allLines(text) : linesHolding(text, summary);
  const found = searchedLines(text, filter.q);
  const binary = linesHolding(text, BINARY_END);
  const lines = binary.length === 0 ? found : merged(found, binary);
  return summary === null ? lines : lines.filter(({ start, end }) => text.slice(start, end).includes(summary));
}

/** Returns the lines that hold this exact text. */
export function linesWith(text: string, part: string): string[] {
  return linesHolding(text, part).map(({ start, end }) => text.slice(start, end));
}

function allLines(text: string): LineSpan[] {
  const lines: LineSpan[] = [];
  for (let start = 0, end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
    lines.push({ start, end, sure: false });
    start = end + 1;
  }
  return lines;
}

function linesHolding(text: string, part: string): LineSpan[] {
  const lines: LineSpan[] = [];
  for (let at = text.indexOf(part); at !== -1; ) {
    const line = lineAround(text, at);
    if (line === null) break;
    lines.push(line);
    at = text.indexOf(part, line.end + 1);
  }
  return lines;
}

/** Returns the whole line at a place of the text; null where no line ends behind it. */
function lineAround(text: string, at: number): LineSpan | null {
  const end = text.indexOf("\n", at);
  return end === -1 ? null : { start: text.lastIndexOf("\n", at) + 1, end, sure: false };
}

/** Returns the lines that hold `q` as it is stored, wherever in the line. */
function searchedLines(text: string, q: string): LineSpan[] {
  const pattern = new RegExp(storedPattern(q), "giu");
  const next = (from: number) => {
    pattern.lastIndex = from;
    return pattern.exec(text);
  };
  const plain = isStoredAsShown(q);
  const lines: LineSpan[] = [];
  for (let hit = next(0); hit !== null; ) {
    const line = lineAround(text, hit.index);
    if (line === null) break;
    lines.push(line);
    const bodyAt = text.indexOf(BODY, line.start);
    const body = bodyAt === -1 ? line.end : bodyAt + BODY.length;
    // The first hit may lie before the body: the next one is in the body, or begins another line.
    if (plain && hit.index < body && body < line.end) hit = next(body);
    const inLine: boolean = hit !== null && hit.index < line.end;
    line.sure = plain && hit !== null && hit.index > body && isInString(text, hit, line) && isShown(text, hit);
    if (inLine) hit = next(line.end + 1);
  }
  return lines;
}

/** The longest escape of JSON, such as `\u00e9`, and that of a single character. */
const ESCAPES = { long: 6, short: 2 };

/** Tells whether what stands at a hit of a plain text in a string of JSON is shown like that: it is no part of an escape. */
function isShown(text: string, { index, 0: found }: RegExpExecArray): boolean {
  if (found.includes('"')) return false;
  for (let at = index - 1; at > index - ESCAPES.long; at--) {
    if (text[at] === "\\") return at + (text[at + 1] === "u" ? ESCAPES.long : ESCAPES.short) <= index;
  }
  return true;
}

/** Tells whether a hit behind the begin of a body lies in its text, before what ends each line. */
function isInString(text: string, { index, 0: found }: RegExpExecArray, { end }: LineSpan): boolean {
  return index + found.length <= end - TEXT_END.length && text.endsWith(TEXT_END, end) && !isBinary(text, end);
}

function isBinary(text: string, end: number): boolean {
  return text.endsWith(BINARY_END, end + 1);
}

/** Joins two lists of lines in order, each line once. */
function merged(found: LineSpan[], others: LineSpan[]): LineSpan[] {
  const known = new Set(found.map(({ start }) => start));
  return [...found, ...others.filter(({ start }) => !known.has(start))].sort((a, b) => a.start - b.start);
}

/** Returns the text that the line of every wanted event holds; the members of a summary always have this order. */
function summaryText({ source, type }: EventFilter): string | null {
  const parts: string[] = [];
  if (source !== null) parts.push(`"source":${JSON.stringify(source)}`);
  if (type !== null) {
    const prefix = typePrefix(type);
    parts.push(`"type":${prefix === null ? JSON.stringify(type) : JSON.stringify(prefix).slice(0, -1)}`);
  }
  return parts.length === 0 ? null : parts.join(",");
}
