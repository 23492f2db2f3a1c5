import { Problem } from "../../../shared/http/problem.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { recordIn, summariesIn } from "../archive/read-segment.ts";
import { maskedAnew } from "../event/headers.ts";
import { type Page, type PageQuery, type SegmentRef, type SeqRange, type Slice, wantedOf } from "../event/page.ts";
import {
  type EventRecord,
  type EventRow,
  type EventSummary,
  type Repeated,
  toRecord,
  withRepeated,
} from "../event/record.ts";
import { isCleared } from "../event/tombstone.ts";
import { damagedAt, fetchSegment, type Gaps, gapsIn, type Reading, unreadable } from "./gaps.ts";
import { type Env, type LogReader, readLog } from "./logs.ts";

/** Pages and events of one log: the Inbox answers from its tails and names the segments that hold the rest. */

/**
 * Returns one page. It ends before a part that could not be read just now, so that a cursor passes none silently; with
 * `pass`, for people, it names such a part like one that could not be read for longer.
 *
 * @throws Problem `cursor_ahead`, or `segment_unavailable` when the page would begin with such a part.
 */
export async function readPage(reader: LogReader, query: PageQuery, pass = false): Promise<Page> {
  const slice: Slice<EventSummary> = await reader.inbox.page(query);
  checkCursor(query, slice.head);
  const reading: Reading = { unread: [...slice.unread], read: [] };
  const { events: stored, through } = await readSegments(reader, query, { slice, reading });
  const ascending = query.order === "after";
  const all = ascending ? [...stored, ...slice.rows] : [...slice.rows, ...stored];
  const events = withRepeated(all.slice(0, query.limit), slice.repeated);
  // The next page follows the last event of a full page, and everything that was scanned for any other.
  const last = events.length === query.limit ? events.at(-1)?.seq : undefined;
  const scanned = scannedBy(query, slice.head, last ?? through);
  const gaps = await gapsIn(reader, reading, scanned);
  const cut = pass || gaps.passing.length === 0 ? scanned : beforeGaps(query, scanned, gaps);
  const missing = (pass ? [...gaps.missing, ...gaps.passing] : gaps.missing).filter((gap) => contains(cut, gap));
  const shown = cut === scanned ? events : events.filter(({ seq }) => contains(cut, { from: seq, to: seq }));
  const page = { events: shown, ...(missing.length > 0 && { missing: missing.sort((a, b) => a.from - b.from) }) };
  if (ascending) return cut.to === slice.head ? { ...page, next: cut.to, end: true } : { ...page, next: cut.to };
  return { ...page, next: cut.from <= slice.first ? null : cut.from };
}

/** Returns the seqs that a page has looked at, up to `last` in its order. */
function scannedBy(query: PageQuery, head: number, last: number): SeqRange {
  const { range, ascending } = wantedOf(query, head);
  return ascending ? { from: range.from, to: last } : { from: last, to: range.to };
}

/** Returns the part of a page before the first passing gap in its order. @throws Problem `segment_unavailable` */
function beforeGaps({ order }: PageQuery, { from, to }: SeqRange, gaps: Gaps): SeqRange {
  const [first, last] = [gaps.passing[0], gaps.passing.at(-1)];
  if (order === "after") {
    const end = (first?.from ?? to + 1) - 1;
    if (end < from) throw unreadable({ ...gaps, missing: [] });
    return { from, to: end };
  }
  const begin = (last?.to ?? from - 1) + 1;
  if (begin > to) throw unreadable({ ...gaps, missing: [] });
  return { from: begin, to };
}

function contains(range: SeqRange, { from, to }: SeqRange): boolean {
  return range.from <= from && to <= range.to;
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
  if (found.in === "segment") {
    const record = await readStored(reader, found.segment, seq);
    return isCleared(found.cleared, record) ? null : shown(record, found.repeated);
  }
  const record = undamaged(found.row);
  if (record !== null) return shown(record, found.repeated);
  throw unreadable(await gapsIn(reader, { unread: [damagedAt(seq)], read: [] }, { from: seq, to: seq }));
}

/** Returns the event `seq` of a segment. @throws Problem `segment_unavailable` */
async function readStored(reader: LogReader, segment: SegmentRef, seq: number): Promise<EventRecord> {
  const reading: Reading = { unread: [], read: [] };
  const found = await fetchSegment(reader, segment, reading);
  // A tail has no gaps, so neither has its segment.
  const record = recordIn(found?.text.split("\n")[seq - segment.firstSeq] ?? "");
  if (record === null && found?.damaged.includes(seq) === false) reading.unread.push(damagedAt(seq));
  const gaps = await gapsIn(reader, reading, { from: seq, to: seq });
  if (record === null) throw unreadable(gaps);
  return record;
}

/** Returns the record of a tail's row as readers get it, or null for a row that is damaged. */
export function undamaged(row: EventRow): EventRecord | null {
  try {
    return maskedAnew(toRecord(row));
  } catch (error) {
    logEvent("event.damaged", { seq: row.seq, error: String(error) });
    return null;
  }
}

function shown(record: EventRecord, repeated: Repeated | null): EventRecord {
  return repeated === null ? record : { ...record, repeated };
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
 * Returns the wanted events of a slice's segments, at most as many as the query's limit, and the last seq that was looked
 * at in the query's order; notes what it cannot read.
 */
async function readSegments(
  reader: LogReader,
  query: PageQuery,
  { slice, reading }: { slice: Slice<unknown>; reading: Reading },
): Promise<{ events: EventSummary[]; through: number }> {
  const wanted = { ...wantedOf(query, slice.head), cleared: slice.cleared };
  const all: EventSummary[] = [];
  for (let read = 0; read < slice.segments.length && all.length < query.limit; ) {
    if (endsWithSegment(query, slice.segments, { read, found: all.length })) {
      const { firstSeq, lastSeq } = slice.segments[read - 1] as SegmentRef;
      return { events: all, through: wanted.ascending ? lastSeq : firstSeq };
    }
    const together = slice.segments.slice(read, read + countTogether(read, all.length, query.limit));
    read += together.length;
    const calls = together.map((segment) => ({ segment, call: fetchSegment(reader, segment, reading) }));
    // Each is searched as soon as it is there, while the others are on their way.
    for (const { segment, call } of calls) {
      const text = await call;
      if (text === null) continue;
      const { events, damaged } = summariesIn(text, segment, wanted, query.limit - all.length);
      all.push(...events);
      reading.unread.push(...damaged.map(damagedAt));
    }
  }
  return { events: all, through: slice.through };
}

/** The page of a search is long enough with this part of its limit. */
const LONG_ENOUGH = 0.25;

/**
 * Tells whether the page of a search ends with the segments read so far. It does where the next one seems to hold more than
 * the page takes: the next page would read that segment again.
 */
function endsWithSegment(
  { filter, limit }: PageQuery,
  segments: readonly SegmentRef[],
  { read, found }: { read: number; found: number },
): boolean {
  const next = segments[read];
  if (next === undefined || found < limit * LONG_ENOUGH || filter.q === null) return false;
  const searched = segments.slice(0, read).reduce((sum, segment) => sum + eventCountOf(segment), 0);
  return found + (found / searched) * eventCountOf(next) > limit;
}

function eventCountOf({ firstSeq, lastSeq }: SegmentRef): number {
  return lastSeq - firstSeq + 1;
}

/**
 * Returns how many segments to read together next: one at first; then as many as fill the page if they hold as much as
 * those before; all that are left where nothing was found. So few are read in vain, and few one after the other.
 */
function countTogether(read: number, found: number, limit: number): number {
  if (read === 0) return 1;
  return found === 0 ? Number.POSITIVE_INFINITY : Math.ceil(((limit - found) * read) / found);
}
