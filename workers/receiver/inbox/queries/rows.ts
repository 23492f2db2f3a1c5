import type { Sql } from "../../../../shared/durable/sql.ts";
import { hasInnerStar, segmentsChosen, typePrefix } from "../../../../shared/event-type.ts";
import type { Segment } from "../../archive/segments.ts";
import { type EventFilter, matchesText } from "../../event/filter.ts";
import { MASKING_VERSION } from "../../event/masking.ts";
import type { SeqRange, Wanted } from "../../event/page.ts";
import type { EventRow, Repeated } from "../../event/record.ts";
import { hashesOf, mayHold } from "../../event/text-sieve.ts";
import { isCleared, type Tombstone } from "../../event/tombstone.ts";
import { expiredBefore, oldestTail } from "../state/rules.ts";
import type { LogState, Timing } from "../state/state.ts";
import { overlaps } from "../state/unread-rules.ts";
import { SEGMENT_COLUMNS } from "../storage/ledger.ts";
import { leastWanted, type Part, SCAN_PARTS } from "./scan.ts";

/** Reads the rows of the Inbox's tables that a reader wants. Writes nothing. */

/** The log at one moment. Valid for the turn that made it: the next turn may change the tables. */
export type LogSnapshot = {
  sql: Sql;
  state: LogState;
  timing: Timing;
  now: number;
  tombstones: readonly Tombstone[];
  repeated: ReadonlyMap<number, Repeated>;
  unread: readonly SeqRange[];
};

type SummaryRow = Omit<EventRow, "headers" | "body">;

const SUMMARY_COLUMNS = "seq, at, source, type, bytes, id, verification";

/** The condition that a pattern with a star inside chooses a row's type. */
const SEGMENTS_CHOSEN = `EXISTS (SELECT 1 FROM (SELECT ? AS pattern) AS wanted WHERE ${segmentsChosen("tail.type", "wanted.pattern")})`;

/** Rows that a text search reads at once: the search of a tail ends soon after the last hit that is wanted. */
const SEARCHED_ROWS = 50;

/** One request looks at this many segments in SQL to find those worth reading: more would keep the object's turn long. */
const LOOK_SEGMENTS = 10_000;

/** One search looks at so many sieves, some 4 MiB of them, and reads them in steps: most searches end soon. */
const LOOK_SIEVES = 256;
const SIEVES_AT_ONCE = { first: 8, most: 64 };

/** Returns at most `left` wanted rows of a tail, without bodies: for a filter that asks for no text. */
export function summaryRows(log: LogSnapshot, tail: number, wanted: Wanted, left: number): SummaryRow[] {
  return rowsOf<SummaryRow>(log, tail, wanted, { columns: SUMMARY_COLUMNS, left });
}

/** Returns at most `left` wanted rows of a tail. */
export function wholeRows(log: LogSnapshot, tail: number, wanted: Wanted, left: number): EventRow[] {
  if (wanted.filter.q === null) return rowsOf<EventRow>(log, tail, wanted, { columns: "*", left });
  const found: EventRow[] = [];
  for (let range: SeqRange | null = wanted.range; range !== null && found.length < left; ) {
    const rows: EventRow[] = rowsOf<EventRow>(log, tail, { ...wanted, range }, { columns: "*", left: SEARCHED_ROWS });
    found.push(...rows.filter((row) => matchesText(wanted.filter, row)));
    range = rows.length < SEARCHED_ROWS ? null : beyond(rows.at(-1)?.seq ?? 0, range, wanted);
  }
  return found.slice(0, left);
}

/** Returns the part of a range that follows `seq` in the order of a page. */
function beyond(seq: number, { from, to }: SeqRange, { ascending }: Wanted): SeqRange {
  return ascending ? { from: seq + 1, to } : { from, to: seq - 1 };
}

function rowsOf<Row extends SummaryRow>(
  { sql, tombstones }: LogSnapshot,
  tail: number,
  { range, ascending, filter }: Wanted,
  { columns, left }: { columns: string; left: number },
): Row[] {
  const { source, type, since, until } = filter;
  const prefix = type === null ? null : typePrefix(type);
  const [condition, values] = allOf([
    ["seq >= ?", range.from],
    ["seq <= ?", range.to],
    ["source = ?", source],
    prefix === null ? ["type = ?", type] : ["instr(type, ?) = 1", prefix],
    [SEGMENTS_CHOSEN, type !== null && hasInnerStar(type) ? type : null],
    ["at >= ?", since],
    ["at < ?", until],
  ]);
  const isTouched = tombstones.some(({ seq }) => seq >= tail);
  // A negative limit is none.
  const limit = isTouched ? -1 : left;
  const query = `SELECT ${columns} FROM tail_${tail} AS tail WHERE ${condition} ORDER BY seq ${way(ascending)} LIMIT ?`;
  const rows = sql.run<Row>(query, ...values, limit);
  return isTouched ? rows.filter((row) => !isCleared(tombstones, row)).slice(0, left) : rows;
}

/** Returns the segments without a tail that may hold wanted events: as many as one request takes, and one more. */
export function segmentParts(log: LogSnapshot, wanted: Wanted): Iterable<Part> {
  const hashes = wanted.filter.q === null ? [] : hashesOf(wanted.filter.q);
  return hashes.length > 0 ? sievedParts(log, wanted, hashes) : unsievedParts(log, wanted);
}

function unsievedParts(log: LogSnapshot, wanted: Wanted): Part[] {
  const looked = segmentsInRange(log, wanted);
  const [fits, values] = fitting(wanted.filter);
  const order = `ORDER BY firstSeq ${way(wanted.ascending)}`;
  const query = `SELECT * FROM (${looked.query} LIMIT ${LOOK_SEGMENTS}) WHERE ${fits} ${order} LIMIT ${SCAN_PARTS + 1}`;
  const found = log.sql.run<SegmentRow>(query, ...looked.values, ...values);
  const parts = found.map((segment) => partOf(segment, log, wanted));
  if (found.length > SCAN_PARTS) return parts;
  const [edge] = log.sql.run<SegmentRow>(`${looked.query} LIMIT 1 OFFSET ${LOOK_SEGMENTS}`, ...looked.values);
  return edge === undefined ? parts : [...parts, { ...partOf(edge, log, wanted), in: "edge" }];
}

/** Yields the segments that may hold wanted events by their sieves, which are read as far as the request needs them. */
function* sievedParts(log: LogSnapshot, wanted: Wanted, hashes: readonly number[]): Generator<Part> {
  const [fits, values] = fitting(wanted.filter);
  let left = LOOK_SIEVES;
  let atOnce: number = SIEVES_AT_ONCE.first;
  for (let range: SeqRange = wanted.range; range.from <= range.to; ) {
    const looked = segmentsInRange(log, { ...wanted, range }, "sieve");
    const query = `SELECT *, ${fits} AS fits FROM (${looked.query} LIMIT ?)`;
    const rows: SievedRow[] = log.sql.run<SievedRow>(query, ...values, ...looked.values, atOnce);
    for (const row of rows) {
      const part = partOf(row, log, wanted);
      if (left-- === 0) return yield { ...part, in: "edge" };
      if (row.fits && !isSievedOut(row, log, hashes)) yield part;
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < atOnce) return;
    range = beyond(wanted.ascending ? last.lastSeq : last.firstSeq, range, wanted);
    atOnce = Math.min(4 * atOnce, SIEVES_AT_ONCE.most);
  }
}

/** Tells whether a segment surely holds no text with these hashes. One that could not be read lately is tried again. */
function isSievedOut({ firstSeq, lastSeq, sieve }: SievedRow, { unread }: LogSnapshot, hashes: readonly number[]) {
  if (sieve === null || overlaps(unread, { from: firstSeq, to: lastSeq })) return false;
  return !mayHold(new Uint8Array(sieve), hashes);
}

/** Builds the condition that a segment's row meets where the segment may hold events of a filter without text. */
function fitting(filter: EventFilter) {
  return allOf([
    ["(counts IS NULL OR EXISTS (SELECT 1 FROM json_each(counts) WHERE key = ?))", filter.source],
    ['"to" >= ?', filter.since],
    ['"from" < ?', filter.until],
  ]);
}

function segmentsInRange(log: LogSnapshot, { range, ascending }: Omit<Wanted, "filter">, ...columns: string[]) {
  // Segments do not overlap: the one that holds `from` begins last of those that begin at or before it.
  const inRange = `firstSeq <= ? AND lastSeq >= ?
    AND firstSeq >= coalesce((SELECT max(firstSeq) FROM seg WHERE firstSeq <= ?), 0) ORDER BY firstSeq ${way(ascending)}`;
  return segmentsWhere(log, inRange, [range.to, range.from, range.from], columns);
}

/** Returns the segment that holds `seq`, or null. */
export function segmentWith(log: LogSnapshot, seq: number): Segment | null {
  const { query, values } = segmentsWhere(log, "firstSeq <= ? ORDER BY firstSeq DESC LIMIT 1", [seq]);
  const [segment] = log.sql.run<SegmentRow>(query, ...values);
  return segment === undefined || segment.lastSeq < seq ? null : segment;
}

/** Returns the seq of the oldest event that can still be read, or of the next event. */
export function firstSeq(log: LogSnapshot): number {
  const { query, values } = segmentsWhere(log, "TRUE ORDER BY firstSeq LIMIT 1");
  const [segment] = log.sql.run<SegmentRow>(query, ...values);
  const cleared = log.tombstones.filter(({ source }) => source === null).map(({ seq }) => seq + 1);
  return Math.max(segment?.firstSeq ?? oldestTail(log.state), ...cleared);
}

type SegmentRow = Segment & { counts: string | null; masking: number | null };
type SievedRow = SegmentRow & { fits: number; sieve: ArrayBuffer | null };

/** Builds a query for segments that have no tail any more, are within the retention, and are surely kept in KV. */
function segmentsWhere(
  { state, timing, now }: LogSnapshot,
  rest: string,
  values: number[] = [],
  columns: string[] = [],
) {
  const kept = `"to" >= ? AND coalesce(expires > ?, TRUE)`;
  const all = [SEGMENT_COLUMNS, "counts", "masking", ...columns].join(", ");
  const query = `SELECT ${all} FROM seg WHERE firstSeq < ? AND ${kept} AND ${rest}`;
  return { query, values: [oldestTail(state), expiredBefore(now, timing), now, ...values] };
}

function partOf(segment: SegmentRow, log: LogSnapshot, wanted: { range: SeqRange; filter: EventFilter }): Part {
  const { firstSeq, lastSeq, epoch, bytes, counts, masking } = segment;
  const least = leastWanted(segment, { ...wanted, cleared: log.tombstones, counts });
  return { in: "segment", firstSeq, lastSeq, epoch, cost: bytes, least, masked: masking === MASKING_VERSION };
}

function way(ascending: boolean): "ASC" | "DESC" {
  return ascending ? "ASC" : "DESC";
}

/** Joins all conditions that have a value. */
function allOf(
  conditions: [condition: string, value: string | number | null][],
): [condition: string, values: (string | number)[]] {
  const given = conditions.filter((entry): entry is [string, string | number] => entry[1] !== null);
  const joined = given.map(([condition]) => condition).join(" AND ");
  return [joined === "" ? "TRUE" : joined, given.map(([, value]) => value)];
}
