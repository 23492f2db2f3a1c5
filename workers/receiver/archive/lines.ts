import type { EventFilter } from "../event/filter.ts";
import { storedPattern } from "../event/text-search.ts";

/** How a line of a segment ends when its body is base64; in a string of JSON the quotes would be escaped. */
const BINARY_END = '"encoding":"base64"}\n';

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
  for (let at = findFrom(text, wanted, 0); at !== -1; ) {
    starts.push(text.lastIndexOf("\n", at) + 1);
    const end = text.indexOf("\n", at);
    at = end === -1 ? -1 : findFrom(text, wanted, end + 1);
  }
  return starts;
}

function findFrom(text: string, wanted: string | RegExp, from: number): number {
  if (typeof wanted === "string") return text.indexOf(wanted, from);
  wanted.lastIndex = from;
  return wanted.exec(text)?.index ?? -1;
}

function linesAt(text: string, starts: number[]): string[] {
  const ordered = [...new Set(starts)].sort((a, b) => a - b);
  return ordered.map((start) => text.slice(start, text.indexOf("\n", start)));
}
