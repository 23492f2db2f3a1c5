import type { EventFilter } from "../../event/filter.ts";
import {
  BATCH_EVENTS,
  type Batch,
  type EventLocation,
  type PageQuery,
  type PageSlice,
  type SegmentRef,
  type Slice,
  type Wanted,
  wantedOf,
} from "../../event/page.ts";

import { type EventRow, toSummary } from "../../event/record.ts";
import { isCleared } from "../../event/tombstone.ts";
import type { Extent } from "../state/state.ts";
import { firstSeq, type LogSnapshot, segmentParts, segmentWith, summaryRows, wholeRows } from "./rows.ts";

import { isOutside, type Part, scan } from "./scan.ts";

/** What the Inbox answers of the log's events: those in its tails themselves, for the others where to find them. */

/** A page of summaries; bodies in the tails are read only when the filter asks for a text. */
export function page(view: LogSnapshot, query: PageQuery): PageSlice {
  const searched = query.filter.q !== null;
  return slice(view, query, searched, (tail, wanted, left) =>
    (searched ? wholeRows : summaryRows)(view, tail, wanted, left).map(toSummary),
  );
}

/** The same with whole rows, whose bytes count for the scan. */
export function records(view: LogSnapshot, query: PageQuery): Slice<EventRow> {
  return slice(view, query, true, (tail, wanted, left) => wholeRows(view, tail, wanted, left));
}

/** The event, its segment, or null when the log does not hold it, or no longer. */
export function findEvent(view: LogSnapshot, seq: number): EventLocation | null {
  const cleared = view.tombstones ?? [];
  const tail = [...view.state.sealed, view.state.open].findLast((tail) => tail.firstSeq <= seq);
  if (tail !== undefined) {
    const [row] = view.sql.exec<EventRow>(`SELECT * FROM tail_${tail.firstSeq} WHERE seq = ?`, seq).toArray();
    return row === undefined || isCleared(cleared, row) ? null : { in: "tail", row };
  }
  const segment = segmentWith(view, seq);
  return segment === null ? null : { in: "segment", segment: refOf(segment), cleared };
}

function slice<Row>(
  view: LogSnapshot,
  query: PageQuery,
  readsBodies: boolean,
  readTail: (tail: number, wanted: Wanted, left: number) => Row[],
): Slice<Row> {
  const head = view.state.next - 1;
  const first = firstSeq(view);
  const wanted = wantedOf(query, head);
  const rows: Row[] = [];
  const segments: SegmentRef[] = [];
  const stop = scan(partsOf(view, wanted, readsBodies), query, (part, left) => {
    if (part.in === "segment") {
      segments.push(refOf(part));
      return part.least;
    }
    const found = readTail(part.firstSeq, wanted, left);
    rows.push(...found);
    return found.length;
  });
  const end = wanted.ascending ? head : first;
  const beforeStop = stop && (wanted.ascending ? stop.firstSeq - 1 : stop.lastSeq + 1);
  return { head, first, through: beforeStop ?? end, rows, segments, cleared: view.tombstones ?? [] };
}

/** Everything in the page's way, in its order; segments are looked up only when the page gets to them. */
function* partsOf(view: LogSnapshot, wanted: Wanted, readsBodies: boolean): Generator<Part> {
  const tails = tailParts(view, wanted, readsBodies);
  if (wanted.ascending) {
    yield* segmentParts(view, wanted);
    yield* tails;
  } else {
    yield* tails.reverse();
    yield* segmentParts(view, wanted);
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

function refOf({ firstSeq, lastSeq, epoch }: SegmentRef): SegmentRef {
  return { firstSeq, lastSeq, epoch };
}

/** Read for one round of one filter: the object accepts nothing meanwhile. */
const ROUND_SCAN_BYTES = 1024 * 1024;

export function extentOf({ state }: Pick<LogSnapshot, "state">): Extent {
  const oldest = state.sealed[0]?.firstSeq ?? state.open.firstSeq;
  return { head: state.next - 1, floor: oldest - 1 };
}

/**
 * The events after `after` that a filter wants, at most a batch of them, and `next`, the last one looked at: an
 * ordinary page, which from the extent's floor on is all in the tails.
 */
export function readBatch(view: LogSnapshot, after: number, filter: EventFilter): Pick<Batch, "events" | "next"> {
  const query = { order: "after", seq: after, limit: BATCH_EVENTS, scanBytes: ROUND_SCAN_BYTES, filter } as const;
  const { rows: events, through } = page(view, query);
  const next = events.length === BATCH_EVENTS ? events.at(-1)?.seq : undefined;
  return { events, next: next ?? through };
}
