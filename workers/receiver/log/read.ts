import { withDeadline } from "../../../shared/deadline.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { recordsIn } from "../archive/read-segment.ts";
import { readSegment } from "../archive/segments.ts";
import { maskedHeaders } from "../event/headers.ts";
import { maskedQuery } from "../event/masking.ts";
import { type Page, type PageQuery, type SegmentRef, type Slice, wantedOf } from "../event/page.ts";
import {
  type EventRecord,
  type EventSummary,
  fromLine,
  type Repeated,
  summaryOf,
  toRecord,
  withRepeated,
} from "../event/record.ts";
import { isCleared } from "../event/tombstone.ts";
import { type Env, type LogReader, RETRY_SOON, readLog } from "./logs.ts";

/** Pages and events of one log: the Inbox answers from its tails and names the segments that hold the rest. */

/** A reader is told to come back rather than kept waiting. */
const READ_DEADLINE_MS = 10_000;

/**
 * Returns one page.
 *
 * @throws Problem `cursor_ahead` or `segment_unavailable`.
 */
export async function readPage(reader: LogReader, query: PageQuery): Promise<Page> {
  const slice: Slice<EventSummary> = await reader.inbox.page(query);
  checkCursor(query, slice.head);
  const stored = await readSegments(reader, query, slice);
  const ascending = query.order === "after";
  const all = ascending ? [...stored.map(summaryOf), ...slice.rows] : [...slice.rows, ...stored.map(summaryOf)];
  const events = withRepeated(all.slice(0, query.limit), slice.repeated);
  // The next page follows the last event of a full page, and everything that was scanned for any other.
  const last = events.length === query.limit ? events.at(-1)?.seq : undefined;
  const next = last ?? slice.through;
  if (ascending) return next === slice.head ? { events, next, end: true } : { events, next };
  return { events, next: next <= slice.first ? null : next };
}

/**
 * Returns the event `seq` of the log called `name` (null: the default one).
 *
 * @throws Problem `not_found`, `segment_unavailable` or `log_unavailable`.
 */
export async function recordAt(env: Env, name: string | null, seq: number): Promise<EventRecord> {
  const record = await readLog(env, name, (reader) => readRecord(reader, seq));
  if (record === null) throw notLogged(seq);
  return record;
}

/** Returns the failure of a request for an event that its log does not hold. */
export function notLogged(seq: number): Problem {
  return new Problem("not_found", `The log holds no event ${seq}; it may have expired or been cleared.`);
}

/** Returns the event `seq`, or null. @throws Problem `segment_unavailable`. */
export async function readRecord(reader: LogReader, seq: number): Promise<EventRecord | null> {
  const found = await reader.inbox.find(seq);
  if (found === null) return null;
  if (found.in === "tail") return shown(toRecord(found.row), found.repeated);
  // A tail has no gaps, so neither has its segment.
  const line = (await fetchSegment(reader, found.segment)).split("\n")[seq - found.segment.firstSeq];
  const record = line === undefined ? null : fromLine(line);
  return record === null || isCleared(found.cleared, record) ? null : shown(record, found.repeated);
}

/** Returns a record with its repetitions, masked anew: it may be older than a name that the rule knows now. */
function shown(record: EventRecord, repeated: Repeated | null): EventRecord {
  const query = record.query === null ? null : maskedQuery(record.query);
  const headers = maskedHeaders(record.headers, record.query ?? "");
  return { ...record, ...(repeated === null ? {} : { repeated }), query, headers };
}

/** @throws Problem `cursor_ahead`: the reader's cursor is of another log, or of this one before it lost its head. */
export function checkCursor({ order, seq }: PageQuery, head: number): void {
  // A `before` cursor may stand right behind the newest event.
  const furthest = order === "after" ? head : head + 1;
  if (seq !== null && seq > furthest) throw cursorAhead(head);
}

/** Returns the failure of a request with a cursor beyond the newest event, `head`. */
export function cursorAhead(head: number): Problem {
  return new Problem("cursor_ahead", `The newest event is ${head}.`, { extra: { head } });
}

/**
 * Returns the text of a segment that the Inbox named. The segment exists, I3 (listed means stored), so one that cannot
 * be read is an error: a page never has a gap.
 *
 * @throws Problem `segment_unavailable`
 */
export async function fetchSegment({ kv, log }: LogReader, segment: SegmentRef): Promise<string> {
  const text = await withDeadline(readSegment(kv, log, segment), READ_DEADLINE_MS).catch((error: unknown) => {
    logEvent("segment.unread", { firstSeq: segment.firstSeq, error: String(error) });
    return null;
  });
  if (text !== null) return text;
  const detail = `The events ${segment.firstSeq} to ${segment.lastSeq} are stored, but could not be read. Ask again.`;
  throw new Problem("segment_unavailable", detail, { headers: RETRY_SOON });
}

/** Returns the wanted events of a slice's segments, at most as many as the query's limit. */
async function readSegments(reader: LogReader, query: PageQuery, slice: Slice<unknown>): Promise<EventRecord[]> {
  const wanted = { ...wantedOf(query, slice.head), cleared: slice.cleared };
  const found: EventRecord[] = [];
  for (let read = 0; read < slice.segments.length && found.length < query.limit; ) {
    const together = slice.segments.slice(read, read + countTogether(read, found.length, query.limit));
    read += together.length;
    const texts = await Promise.all(together.map((segment) => fetchSegment(reader, segment)));
    for (const [index, segment] of together.entries()) {
      found.push(...recordsIn(texts[index] ?? "", segment, wanted, query.limit - found.length));
    }
  }
  return found;
}

/**
 * Returns how many segments to read together next: one at first; then as many as fill the page if they hold as much as
 * those before; all that are left where nothing was found. So few are read in vain, and few one after the other.
 */
function countTogether(read: number, found: number, limit: number): number {
  if (read === 0) return 1;
  return found === 0 ? Number.POSITIVE_INFINITY : Math.ceil(((limit - found) * read) / found);
}
