import { expiredBefore, type Segment, type State, type Timing } from "./inbox-plan.ts";
import { SEGMENT_COLUMNS } from "./inbox-schema.ts";
import { type EventRow, type EventSummary, toSummary } from "./record.ts";
import { isCleared, type Tombstone } from "./tombstone.ts";

/** What the Inbox answers of the log's events: those in its tails themselves, for the others where to find them. */

/** `before`: newest first, below `seq` (null: from the head); `after`: oldest first, above `seq`. */
export type PageQuery = { order: "before" | "after"; seq: number | null; limit: number; scanBytes: number };

/** What names a segment in KV. */
export type SegmentRef = Pick<Segment, "firstSeq" | "lastSeq" | "epoch">;

/**
 * One page, in two parts that follow each other in the log without gap or repeat: `segments` in the page's
 * order, and `rows` of the tails. `head` is the newest seq, `first` the oldest one that can still be read.
 * `rows` is empty on an `after` page whose segments alone fill the limit or the scan. Cleared events are among
 * both: the reader counts them as scanned, and leaves them out by `tombstones`.
 */
export type PageSlice = {
  head: number;
  first: number;
  rows: EventSummary[];
  segments: SegmentRef[];
  tombstones: readonly Tombstone[];
};

/** An event in a segment may be cleared: `tombstones` say so. */
export type Found =
  | { in: "tail"; row: EventRow }
  | { in: "segment"; segment: SegmentRef; tombstones: readonly Tombstone[] };

/** Keeps one request's reads of KV, and their parsing, in bounds. */
const SCAN_SEGMENTS = 40;

const SUMMARY_COLUMNS = "seq, at, source, type, bytes, id, verification";

type View = { sql: SqlStorage; state: State; timing: Timing; now: number; tombstones: readonly Tombstone[] };

export function page(view: View, query: PageQuery): PageSlice {
  const head = view.state.next - 1;
  const first = firstSeq(view);
  return query.order === "after"
    ? { head, first, tombstones: view.tombstones, ...pageAfter(view, query.seq ?? 0, query) }
    : { head, first, tombstones: view.tombstones, ...pageBefore(view, query.seq ?? head + 1, query) };
}

/** The event, its segment, or null when the log does not hold it, or no longer. */
export function find(view: View, seq: number): Found | null {
  const tail = tailsOf(view.state).findLast((begin) => begin <= seq);
  if (tail !== undefined) {
    const [row] = view.sql.exec<EventRow>(`SELECT * FROM tail_${tail} WHERE seq = ?`, seq).toArray();
    return row === undefined || isCleared(view.tombstones, row) ? null : { in: "tail", row };
  }
  const [segment] = segmentsWhere(view, "firstSeq <= ? ORDER BY firstSeq DESC LIMIT 1", seq);
  if (segment === undefined || segment.lastSeq < seq) return null;
  return { in: "segment", segment: refOf(segment), tombstones: view.tombstones };
}

function pageBefore(view: View, seq: number, { limit, scanBytes }: PageQuery) {
  const rows: EventSummary[] = [];
  for (const tail of tailsOf(view.state).reverse()) {
    if (rows.length >= limit) break;
    if (tail < seq) rows.push(...summaries(view, tail, "seq < ? ORDER BY seq DESC", seq, limit - rows.length));
  }
  const candidates = segmentsWhere(view, `firstSeq < ? ORDER BY firstSeq DESC LIMIT ${SCAN_SEGMENTS}`, seq);
  const countIn = (segment: Segment) => Math.min(segment.lastSeq, seq - 1) - segment.firstSeq + 1;
  return { rows, segments: within(candidates, countIn, limit - rows.length, scanBytes).map(refOf) };
}

function pageAfter(view: View, seq: number, { limit, scanBytes }: PageQuery) {
  // Segments do not overlap: the one that holds `seq` begins last of those that begin at or before it.
  const begin = `coalesce((SELECT max(firstSeq) FROM seg WHERE firstSeq <= ?), 0)`;
  const candidates = segmentsWhere(
    view,
    `lastSeq > ? AND firstSeq >= ${begin} ORDER BY firstSeq LIMIT ${SCAN_SEGMENTS + 1}`,
    seq,
    seq,
  );
  const countIn = (segment: Segment) => segment.lastSeq - Math.max(segment.firstSeq, seq + 1) + 1;
  const segments = within(candidates.slice(0, SCAN_SEGMENTS), countIn, limit, scanBytes);
  const rows: EventSummary[] = [];
  let left = limit - segments.reduce((sum, segment) => sum + countIn(segment), 0);
  if (segments.length < candidates.length) left = 0;
  for (const tail of tailsOf(view.state)) {
    if (left <= 0) break;
    const found = summaries(view, tail, "seq > ? ORDER BY seq", seq, left);
    rows.push(...found);
    left -= found.length;
  }
  return { rows, segments: segments.map(refOf) };
}

/** As many of `candidates` as `limit` events need and `scanBytes` allows, but at least one if any is needed. */
function within(candidates: Segment[], countIn: (segment: Segment) => number, limit: number, scanBytes: number) {
  const taken: Segment[] = [];
  let events = 0;
  let bytes = 0;
  for (const segment of candidates) {
    bytes += segment.bytes;
    if (events >= limit || (taken.length > 0 && bytes > scanBytes)) break;
    taken.push(segment);
    events += countIn(segment);
  }
  return taken;
}

/** The segments that have no tail any more and are within the retention. */
function segmentsWhere({ sql, state, timing, now }: View, rest: string, ...values: number[]): Segment[] {
  const kept = `"to" >= ? AND coalesce(expires > ?, TRUE)`;
  const query = `SELECT ${SEGMENT_COLUMNS} FROM seg WHERE firstSeq < ? AND ${kept} AND ${rest}`;
  return sql.exec<Segment>(query, oldestTail(state), expiredBefore(now, timing), now, ...values).toArray();
}

function summaries({ sql }: View, tail: number, rest: string, seq: number, limit: number): EventSummary[] {
  type Row = Omit<EventRow, "headers" | "body">;
  const query = `SELECT ${SUMMARY_COLUMNS} FROM tail_${tail} WHERE ${rest} LIMIT ?`;
  return sql.exec<Row>(query, seq, limit).toArray().map(toSummary);
}

function firstSeq(view: View): number {
  const [segment] = segmentsWhere(view, "firstSeq > 0 ORDER BY firstSeq LIMIT 1");
  return segment?.firstSeq ?? oldestTail(view.state);
}

function tailsOf({ sealed, open }: State): number[] {
  return [...sealed.map((segment) => segment.firstSeq), open.firstSeq];
}

function oldestTail({ sealed, open }: State): number {
  return sealed[0]?.firstSeq ?? open.firstSeq;
}

function refOf({ firstSeq, lastSeq, epoch }: Segment): SegmentRef {
  return { firstSeq, lastSeq, epoch };
}
