import type { EventFilter } from "./filter.ts";
import type { EventRow, EventSummary } from "./record.ts";
import type { Tombstone } from "./tombstone.ts";

/** `before`: newest first, below `seq` (null: from the head); `after`: oldest first, above `seq`. */
export type PageQuery = {
  order: "before" | "after";
  seq: number | null;
  limit: number;
  scanBytes: number;
  filter: EventFilter;
};

/** What names a segment in KV. */
export type SegmentRef = { firstSeq: number; lastSeq: number; epoch: string };

/**
 * One page, in two parts that follow each other in the log without repeat: `segments` that may hold wanted events,
 * in the page's order, and the wanted `rows` of the tails. `head` is the newest seq, `first` the oldest one that can
 * still be read, `through` the last one in the page's order that is looked at. What is `cleared` is left out of the
 * rows; the reader leaves it out of the segments.
 */
export type Slice<Row> = {
  head: number;
  first: number;
  through: number;
  rows: Row[];
  segments: SegmentRef[];
  cleared: readonly Tombstone[];
};

export type PageSlice = Slice<EventSummary>;

export type EventLocation =
  | { in: "tail"; row: EventRow }
  | { in: "segment"; segment: SegmentRef; cleared: readonly Tombstone[] };

/** What a query wants of a log with this head. */
export function wantedOf({ order, seq, filter }: PageQuery, head: number): Wanted {
  const ascending = order === "after";
  const range = ascending ? { from: (seq ?? 0) + 1, to: head } : { from: 1, to: (seq ?? head + 1) - 1 };
  return { range, ascending, filter };
}

/** The run of seqs that a page looks at. */
export type SeqRange = { from: number; to: number };

/** What is wanted of a run of the log, and from which end on. */
export type Wanted = { range: SeqRange; ascending: boolean; filter: EventFilter };

/**
 * `next` is the cursor to go on with: null at the start of the log; `end`: an `after` page reached the head. With a
 * filter, a page may hold less than its limit, even nothing, and yet have a `next`: one request scans so much.
 */
export type Page = { events: EventSummary[]; next: number | null; end?: true };

/** One batch holds at most this many events, or bytes of them, but at least one event. */
export const BATCH_EVENTS = 100;

/** `end`: with this batch the viewer has everything there is. */
export type Batch = { events: EventSummary[]; next: number; end?: true };
