import { type EventFilter, matches, matchesBody, matchesSummary, wantsAll } from "../event/filter.ts";
import { maskedAnew } from "../event/headers.ts";
import type { SegmentRef, Wanted } from "../event/page.ts";
import { type EventRecord, type EventSummary, fromLine, lineOf, summaryOf } from "../event/record.ts";
import { isCleared, type Tombstone } from "../event/tombstone.ts";
import { BODY, candidateLines, type LineSpan } from "./segment-lines.ts";
import type { SegmentText } from "./segments.ts";

/** Reads the wanted events of a segment's text. Only lines that may hold one are parsed. Pure. */

/** Wanted events of a segment; `damaged` are the seqs of further lines that might have held more. */
type FoundEvents<Event> = { events: Event[]; damaged: number[] };

type WantedOf = Wanted & { cleared: readonly Tombstone[] };

/** A line that may hold an event; `sure`: its body holds the filter's text; `masked`: nothing in it is to be masked. */
type StoredLine = { line: string; sure: boolean; masked: boolean };

/** Reads a line's event; null where the line holds none, `unwanted` where the filter leaves it out. */
type LineReader<Event> = (stored: StoredLine, filter: EventFilter) => Event | "unwanted" | null;

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

/** An event as an export writes it: `line` is its whole record as JSON, `headers` are those of the record, as JSON too. */
export type StoredEvent = {
  seq: number;
  source: string;
  record: Omit<EventRecord, "headers">;
  headers: string;
  line: string;
};

/** Returns the wanted events of a whole segment for an export. */
export function storedEventsIn(
  segmentText: SegmentText,
  segment: SegmentRef,
  wanted: WantedOf,
): FoundEvents<StoredEvent> {
  const read = wantsAll(wanted.filter) && segment.masked ? storedEvent : wantedEvent;
  return eventsIn(segmentText, segment, { wanted, limit: Number.POSITIVE_INFINITY, read });
}

/** Returns an event for an export. */
export function storedEventOf(record: EventRecord): StoredEvent {
  const { seq, source, headers } = record;
  return { seq, source, record, headers: JSON.stringify(headers), line: lineOf(record) };
}

function eventsIn<Event extends { seq: number; source: string }>(
  { text, damaged }: SegmentText,
  segment: SegmentRef,
  { wanted, limit, read }: { wanted: WantedOf; limit: number; read: LineReader<Event> },
): FoundEvents<Event> {
  const { range, ascending, filter, cleared } = wanted;
  const found: FoundEvents<Event> = { events: [], damaged: [] };
  if (limit <= 0) return found;
  const { masked = false } = segment;
  const candidates = linesWithin(candidateLines(text, filter), segment, range);
  for (const { start, end, sure } of ascending ? candidates : candidates.reverse()) {
    if (found.events.length >= limit) break;
    const line = text.slice(start, end);
    const event = read({ line, sure, masked }, filter);
    if (event === "unwanted") continue;
    if (event === null) found.damaged.push(seqAt(line));
    else if (event.seq >= range.from && event.seq <= range.to && !isCleared(cleared, event)) found.events.push(event);
  }
  found.damaged = found.damaged.filter((seq) => seq > 0 && !damaged.includes(seq));
  return found;
}

function wantedRecord({ line, masked }: StoredLine, filter: EventFilter): EventRecord | "unwanted" | null {
  const record = recordIn(line, masked);
  return record === null || matches(filter, record) ? record : "unwanted";
}

function wantedSummary(stored: StoredLine, filter: EventFilter): EventSummary | "unwanted" | null {
  const { line, sure, masked } = stored;
  const summary = summaryOfLine(line);
  if (summary !== null) {
    if (!matchesSummary(filter, summary)) return "unwanted";
    if (filter.q === null || sure) return summary;
  }
  const body = textBodyIn(line);
  if (summary !== null && matchesBody(filter, body)) return summary;
  const rest = body === null ? line : withoutBody(line);
  const record = wantedRecord({ line: rest, sure, masked }, filter);
  return record === null || record === "unwanted" ? record : summaryOf(record);
}

function wantedEvent(stored: StoredLine, filter: EventFilter): StoredEvent | "unwanted" | null {
  const record = wantedRecord(stored, filter);
  return record === null || record === "unwanted" ? record : storedEventOf(record);
}

/** Reads the event of a line that is masked. Its headers are not parsed: the writer made them of a list. */
function storedEvent({ line }: StoredLine): StoredEvent | null {
  const [headersAt, bodyAt] = [line.indexOf(HEADERS), line.indexOf(BODY)];
  if (headersAt === -1 || bodyAt < headersAt) return null;
  const record = parsed<EventRecord>(line.slice(0, headersAt) + line.slice(bodyAt));
  const headers = line.slice(headersAt + HEADERS.length, bodyAt);
  return record === null ? null : { seq: record.seq, source: record.source, record, headers, line };
}

/** The member before the body, which like that of the body stands between members alone. */
const HEADERS = ',"headers":';
/** The members that follow a summary. */
const AFTER_SUMMARY = [',"method":', HEADERS];

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

/** Returns the record of a line as readers get it, or null for a line that holds none; `masked`: it is stored like that. */
export function recordIn(line: string, masked = false): EventRecord | null {
  try {
    const record = fromLine(line);
    // A line that stands for a lost event has its seq alone.
    if (!Array.isArray(record.headers)) return null;
    return masked ? record : maskedAnew(record);
  } catch {
    return null;
  }
}

/** Returns the seq with which a damaged line begins, 0 for none. */
function seqAt(line: string): number {
  return Number(/^\{"seq":(\d{1,15}),/.exec(line)?.[1] ?? 0);
}

/** Returns the lines in the range when no line is missing: seqs have no gaps, so a line's place tells its seq. */
function linesWithin(lines: LineSpan[], { firstSeq, lastSeq }: SegmentRef, { from, to }: Wanted["range"]): LineSpan[] {
  if (lines.length !== lastSeq - firstSeq + 1) return lines;
  return lines.slice(Math.max(from - firstSeq, 0), Math.max(to - firstSeq + 1, 0));
}
