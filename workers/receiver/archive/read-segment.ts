import { typePrefix } from "../../../shared/event-type.ts";
import { type EventFilter, matches, matchesBody, matchesSummary } from "../event/filter.ts";
import { maskedAnew } from "../event/headers.ts";
import { isSecretName, MASK, maskedQuery } from "../event/masking.ts";
import type { SegmentRef, Wanted } from "../event/page.ts";
import { type EventRecord, type EventSummary, fromLine, summaryOf } from "../event/record.ts";
import { storedPattern } from "../event/text-search.ts";
import { isCleared, type Tombstone } from "../event/tombstone.ts";
import type { SegmentText } from "./segments.ts";

/** Finds events in a segment's text. Only lines that may hold a wanted event are parsed. Pure. */

/** The end of a line whose body is base64; inside a JSON string these quotes would be escaped. */
const BINARY_END = '"encoding":"base64"}\n';

/** Wanted events of a segment; `damaged` are the seqs of further lines that might have held more. */
type FoundEvents<Event> = { events: Event[]; damaged: number[] };

type WantedOf = Wanted & { cleared: readonly Tombstone[] };

/** Reads a line's event; null where the line holds none, `unwanted` where the filter leaves it out. */
type LineReader<Event> = (line: string, filter: EventFilter) => Event | "unwanted" | null;

/** Returns at most `limit` wanted records of a whole segment, in the order asked for. */
export function recordsIn(
  segmentText: SegmentText,
  segment: SegmentRef,
  wanted: WantedOf,
  limit: number,
): FoundEvents<EventRecord> {
  return eventsIn(segmentText, segment, { wanted, limit, read: wantedRecord });
}

/**
 * Returns at most `limit` wanted summaries of a whole segment, in the order asked for. Most lines are not parsed beyond
 * their summary: damage behind it shows when the event is read.
 */
export function summariesIn(
  segmentText: SegmentText,
  segment: SegmentRef,
  wanted: WantedOf,
  limit: number,
): FoundEvents<EventSummary> {
  return eventsIn(segmentText, segment, { wanted, limit, read: wantedSummary });
}

function eventsIn<Event extends EventSummary>(
  { text, damaged }: SegmentText,
  segment: SegmentRef,
  { wanted, limit, read }: { wanted: WantedOf; limit: number; read: LineReader<Event> },
): FoundEvents<Event> {
  const { range, ascending, filter, cleared } = wanted;
  const found: FoundEvents<Event> = { events: [], damaged: [] };
  if (limit <= 0) return found;
  const candidates = linesWithin(candidateLines(text, filter), segment, range);
  for (const line of ascending ? candidates : candidates.reverse()) {
    if (found.events.length >= limit) break;
    const event = read(line, filter);
    if (event === "unwanted") continue;
    if (event === null) found.damaged.push(seqAt(line));
    else if (event.seq >= range.from && event.seq <= range.to && !isCleared(cleared, event)) found.events.push(event);
  }
  found.damaged = found.damaged.filter((seq) => seq > 0 && !damaged.includes(seq));
  return found;
}

function wantedRecord(line: string, filter: EventFilter): EventRecord | "unwanted" | null {
  const record = recordIn(line);
  return record === null || matches(filter, record) ? record : "unwanted";
}

function wantedSummary(line: string, filter: EventFilter): EventSummary | "unwanted" | null {
  const summary = summaryOfLine(line);
  if (summary !== null) {
    if (!matchesSummary(filter, summary)) return "unwanted";
    if (filter.q === null) return summary;
  }
  const body = textBodyIn(line);
  if (summary !== null && matchesBody(filter, body)) return summary;
  const record = wantedRecord(body === null ? line : withoutBody(line), filter);
  return record === null || record === "unwanted" ? record : summaryOf(record);
}

/**
 * The members that follow a summary, and the last one. Within a string each quote has a backslash before it, so these
 * texts stand between members alone.
 */
const AFTER_SUMMARY = [',"method":', ',"headers":'];
const BODY = ',"body":';

/** Returns the summary with which a line begins, or null where the line must be parsed whole. */
function summaryOfLine(line: string): EventSummary | null {
  const end = AFTER_SUMMARY.map((member) => line.indexOf(member)).find((at) => at !== -1);
  return end === undefined ? null : parsed<EventSummary>(`${line.slice(0, end)}}`);
}

/** Returns the body with which a line ends if it is text, else null. */
function textBodyIn(line: string): string | null {
  const at = line.indexOf(BODY);
  const body = at === -1 ? null : parsed<unknown>(line.slice(at + BODY.length, -1));
  return typeof body === "string" ? body : null;
}

/** Returns a line with an empty body in place of one that was searched already. */
function withoutBody(line: string): string {
  return `${line.slice(0, line.indexOf(BODY))}${BODY}""}`;
}

function parsed<Value>(text: string): Value | null {
  try {
    return JSON.parse(text) as Value;
  } catch {
    return null;
  }
}

/** Returns a segment with all of its damaged lines, found by parsing each: for one of which some could not be read. */
export function withAllDamaged({ text }: SegmentText, { firstSeq }: SegmentRef): SegmentText {
  const lines = text.split("\n").slice(0, -1);
  return { text, damaged: lines.flatMap((line, index) => (recordIn(line) === null ? [firstSeq + index] : [])) };
}

/** Returns the record of a line as readers get it, or null for a line that holds none. */
export function recordIn(line: string): EventRecord | null {
  try {
    const record = fromLine(line);
    // A line that stands for a lost event has its seq alone.
    return Array.isArray(record.headers) ? maskedAnew(record) : null;
  } catch {
    return null;
  }
}

/** The beginning of a header, and of what follows a name: within a string these quotes would be escaped. */
const HEADER_BEGIN = '["';
const MASKED_END = `","${MASK}"]`;
const STORED_QUERY = /"query":"((?:[^"\\]|\\.)*)"/g;

/**
 * Tells whether nothing in a segment's text would be masked today that was not when it was logged. A text may pass for
 * one with a secret where it has none, never the other way round.
 */
export function isMasked(text: string): boolean {
  for (let at = text.indexOf(HEADER_BEGIN); at !== -1; at = text.indexOf(HEADER_BEGIN, at + 1)) {
    const name = text.slice(at + HEADER_BEGIN.length, text.indexOf('"', at + HEADER_BEGIN.length));
    if (isSecretName(name) && !text.startsWith(MASKED_END, at + HEADER_BEGIN.length + name.length)) return false;
  }
  return text.matchAll(STORED_QUERY).every(([, query = ""]) => maskedQuery(query) === query);
}

/** Returns the seq with which a damaged line begins, 0 for none. */
function seqAt(line: string): number {
  return Number(/^\{"seq":(\d{1,15}),/.exec(line)?.[1] ?? 0);
}

/** Returns the lines that may hold an event the filter wants, in order. Every line that does hold one is among them. */
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

/** Returns the lines that hold this exact text. */
export function linesWith(text: string, part: string): string[] {
  return linesAt(text, startsOf(text, part));
}

/** Returns the lines in the range when no line is missing: seqs have no gaps, so a line's place tells its seq. */
function linesWithin(lines: string[], { firstSeq, lastSeq }: SegmentRef, { from, to }: Wanted["range"]): string[] {
  if (lines.length !== lastSeq - firstSeq + 1) return lines;
  return lines.slice(Math.max(from - firstSeq, 0), Math.max(to - firstSeq + 1, 0));
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

/** Returns where each line begins that holds `wanted`; a pattern is global and never spans lines. */
function startsOf(text: string, wanted: string | RegExp): number[] {
  const starts: number[] = [];
  for (let at = indexFrom(text, wanted, 0); at !== -1; ) {
    starts.push(text.lastIndexOf("\n", at) + 1);
    const end = text.indexOf("\n", at);
    at = end === -1 ? -1 : indexFrom(text, wanted, end + 1);
  }
  return starts;
}

function indexFrom(text: string, wanted: string | RegExp, from: number): number {
  if (typeof wanted === "string") return text.indexOf(wanted, from);
  wanted.lastIndex = from;
  return wanted.exec(text)?.index ?? -1;
}

function linesAt(text: string, starts: number[]): string[] {
  const ordered = [...new Set(starts)].sort((a, b) => a - b);
  return ordered.map((start) => text.slice(start, text.indexOf("\n", start)));
}
