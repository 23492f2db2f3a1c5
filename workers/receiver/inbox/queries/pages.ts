import type { Sql } from "../../../../shared/durable/sql.ts";
import { Problem } from "../../../../shared/http/problem.ts";
import { logEvent } from "../../../../shared/log-event.ts";
import {
  type EventLocation,
  type PageQuery,
  type PageSlice,
  type SegmentRef,
  type SeqRange,
  type Slice,
  type Unread,
  type Wanted,
  wantedOf,
} from "../../event/page.ts";
import { type EventRow, type EventSummary, type Repeated, toSummary } from "../../event/record.ts";
import { isCleared } from "../../event/tombstone.ts";
import { overlaps } from "../state/unread-rules.ts";
import { firstSeq, type LogSnapshot, segmentParts, segmentWith, summaryRows, wholeRows } from "./rows.ts";
import { isOutside, type Part, scan } from "./scan.ts";

/** Answers readers of the log: with the events in the tails, and for all others with where to find them. */

/** Returns a page of summaries; bodies in the tails are read only when the filter asks for a text. */
export function page(log: LogSnapshot, query: PageQuery): PageSlice {
  const searched = query.filter.q !== null;
  return slice(log, query, searched, (tail, wanted, left, unread) =>
    (searched ? wholeRows : summaryRows)(log, tail, wanted, left).flatMap((row) => summaryIn(row, unread)),
  );
}

/** Returns the summary of a row, or notes that the row is damaged. */
function summaryIn(row: Omit<EventRow, "headers" | "body">, unread: Unread[]): EventSummary[] {
  try {
    return [toSummary(row)];
  } catch (error) {
    logEvent("event.damaged", { seq: row.seq, error: String(error) });
    unread.push({ from: row.seq, to: row.seq, answered: true });
    return [];
  }
}

/** Returns a page of whole rows, whose bytes count for the scan. */
export function records(log: LogSnapshot, query: PageQuery): Slice<EventRow> {
  return slice(log, query, true, (tail, wanted, left) => wholeRows(log, tail, wanted, left));
}

/** Returns the event or its segment; null when the log does not hold it, or no longer. */
export function findEvent(log: LogSnapshot, seq: number): EventLocation | null {
  const { sql, state, tombstones: cleared } = log;
  const repeated = log.repeated.get(seq) ?? null;
  const tail = [...state.sealed, state.open].findLast((tail) => tail.firstSeq <= seq);
  if (tail !== undefined) {
    const [row] = tailRow(sql, tail.firstSeq, seq);
    return row === undefined || isCleared(cleared, row) ? null : { in: "tail", row, repeated };
  }
  const segment = segmentWith(log, seq);
  return segment === null ? null : { in: "segment", segment: refOf(segment, log), cleared, repeated };
}

/** Reads an event of a tail. @throws Problem `segment_unavailable` */
function tailRow(sql: Sql, tail: number, seq: number): EventRow[] {
  try {
    return sql.run<EventRow>(`SELECT * FROM tail_${tail} WHERE seq = ?`, seq);
  } catch (error) {
    logEvent("tail.unread", { firstSeq: tail, error: String(error) });
    throw new Problem("segment_unavailable", `The storage of the event ${seq} could not be read.`);
  }
}

function slice<Row>(
  log: LogSnapshot,
  query: PageQuery,
  readsBodies: boolean,
  readTail: (tail: number, wanted: Wanted, left: number, unread: Unread[]) => Row[],
): Slice<Row> {
  const head = log.state.next - 1;
  const first = firstSeq(log);
  const wanted = wantedOf(query, head);
  const rows: Row[] = [];
  const segments: SegmentRef[] = [];
  const unread: Unread[] = [];
  const stop = scan(partsOf(log, wanted, readsBodies), query, (part, left) => {
    if (part.in === "segment") {
      segments.push(refOf(part, log));
      return part.least;
    }
    const found = orUnread(part, unread, () => readTail(part.firstSeq, wanted, left, unread));
    rows.push(...found);
    return found.length;
  });
  const end = wanted.ascending ? head : first;
  const beforeStop = stop && (wanted.ascending ? stop.firstSeq - 1 : stop.lastSeq + 1);
  const through = beforeStop ?? end;
  const looked = wanted.ascending ? { ...wanted.range, to: through } : { ...wanted.range, from: through };
  const repeated = repeatedWithin(log.repeated, looked);
  return { head, first, through, rows, segments, cleared: log.tombstones, repeated, unread };
}

/** Reads a tail; one that cannot be read must not hide the others. */
function orUnread<Row>({ firstSeq, lastSeq }: Part, unread: Unread[], read: () => Row[]): Row[] {
  try {
    return read();
  } catch (error) {
    logEvent("tail.unread", { firstSeq, lastSeq, error: String(error) });
    unread.push({ from: firstSeq, to: lastSeq, answered: true });
    return [];
  }
}

/** Returns the repetitions of a run of events, the cheaper way: the run of a live batch is short. */
function repeatedWithin(all: LogSnapshot["repeated"], { from, to }: SeqRange): Map<number, Repeated> {
  const length = Math.max(to - from + 1, 0);
  const seqs = length < all.size ? Array.from({ length }, (_, index) => from + index) : all.keys();
  const found = new Map<number, Repeated>();
  for (const seq of seqs) {
    const repeated = all.get(seq);
    if (repeated !== undefined && seq >= from && seq <= to) found.set(seq, repeated);
  }
  return found;
}

/** Yields the tails and segments in the page's way, in its order; segments are looked up only once the page needs them. */
function* partsOf(log: LogSnapshot, wanted: Wanted, readsBodies: boolean): Generator<Part> {
  const tails = tailParts(log, wanted, readsBodies);
  if (wanted.ascending) {
    yield* segmentParts(log, wanted);
    yield* tails;
  } else {
    yield* tails.reverse();
    yield* segmentParts(log, wanted);
  }
}

function tailParts({ state }: LogSnapshot, { range, filter }: Wanted, readsBodies: boolean): Part[] {
  const { open, lastAt, next } = state;
  const last = { ...open, lastSeq: next - 1, n: open.count, epoch: "", from: open.from ?? lastAt, to: lastAt };
  return [...state.sealed, last]
    .filter(({ n, firstSeq, lastSeq }) => n > 0 && lastSeq >= range.from && firstSeq <= range.to)
    .filter((tail) => !isOutside(filter, tail))
    .map(({ firstSeq, lastSeq, epoch, bytes }) => {
      return { in: "tail", firstSeq, lastSeq, epoch, cost: readsBodies ? bytes : 0, least: 0 };
    });
}

function refOf({ firstSeq, lastSeq, epoch, masked }: SegmentRef, { unread }: LogSnapshot): SegmentRef {
  const ref = { firstSeq, lastSeq, epoch, ...(masked && { masked }) };
  return overlaps(unread, { from: firstSeq, to: lastSeq }) ? { ...ref, noted: true } : ref;
}
