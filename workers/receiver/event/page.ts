import type { EventFilter } from "./filter.ts";
import type { EventRow, EventSummary, Repeated } from "./record.ts";
import type { Tombstone } from "./tombstone.ts";

/** Pages of a log: the query, the Inbox's part of the answer, and the page that a reader gets. */

/** `before`: newest first, below `seq` (null: from the head); `after`: oldest first, above `seq`. */
export type PageQuery = {
  order: "before" | "after";
  seq: number | null;
  limit: number;
  scanBytes: number;
  filter: EventFilter;
};

/** A run of seqs, both ends included. */
export type SeqRange = { from: number; to: number };

/** A part of the log to search: a run of seqs, the end to begin at, and the filter. */
export type Wanted = { range: SeqRange; ascending: boolean; filter: EventFilter };

/**
 * The name of a segment in KV, and its last seq. `noted`: some of it could not be read lately. `masked`: nothing in its
 * text is to be masked.
 */
export type SegmentRef = { firstSeq: number; lastSeq: number; epoch: string; noted?: boolean; masked?: boolean };

/** A part of the log that could not be read. `answered`: its storage said that it is not there, or is damaged. */
export type Unread = SeqRange & { answered: boolean };

/**
 * One page in two parts, which follow each other in the log without repeat: `segments` that may hold wanted events, in
 * the page's order, and the wanted `rows` of the tails. `head` is the newest seq, `first` the oldest that can still be
 * read, `through` the last in the page's order that was looked at. Events that are `cleared` are not among the rows; the
 * reader leaves them out of the segments. `unread` are the parts of the tails that could not be read.
 */
export type Slice<Row> = {
  head: number;
  first: number;
  through: number;
  rows: Row[];
  segments: SegmentRef[];
  cleared: readonly Tombstone[];
  /** Repetitions by seq, of events in the rows and segments. */
  repeated: ReadonlyMap<number, Repeated>;
  unread: Unread[];
};

export type PageSlice = Slice<EventSummary>;

/** The place of an event: its row in a tail, or the segment to read it from. `repeated`: its repetitions, null for none. */
export type EventLocation = { repeated: Repeated | null } & (
  | { in: "tail"; row: EventRow }
  | { in: "segment"; segment: SegmentRef; cleared: readonly Tombstone[] }
);

/**
 * A page as a reader gets it. `next` is the cursor to go on with, null at the start of the log; `end`: an `after` page
 * reached the head. With a filter a page may be short, or empty, and still have a `next`: one request scans so much.
 * `missing` names the parts on the page's way that cannot be read; without any, the member is left out.
 */
export type Page = { events: EventSummary[]; next: number | null; end?: true; missing?: SeqRange[] };

/** One batch holds at most this many events, or bytes of them, but at least one event. */
export const BATCH_EVENTS = 100;

/** An event that came again while a viewer watched. */
export type RepeatedEvent = Repeated & { seq: number };

/**
 * Events on their way to a viewer; `end`: with them the viewer has all there are. `repeated`: events that came again.
 * `missing` as on a page.
 */
export type Batch = {
  events: EventSummary[];
  repeated?: RepeatedEvent[];
  next: number;
  end?: true;
  missing?: SeqRange[];
};

/** Returns the part of a log with this head that a query asks for. */
export function wantedOf({ order, seq, filter }: PageQuery, head: number): Wanted {
  const ascending = order === "after";
  const range = ascending ? { from: (seq ?? 0) + 1, to: head } : { from: 1, to: (seq ?? head + 1) - 1 };
  return { range, ascending, filter };
}
