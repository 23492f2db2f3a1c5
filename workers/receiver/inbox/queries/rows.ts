import { typePrefix } from "../../../../shared/event-type.ts";
import type { Segment } from "../../archive/segments.ts";
import { type EventFilter, matchesText } from "../../event/filter.ts";
import type { SeqRange, Wanted } from "../../event/page.ts";
import type { EventRow } from "../../event/record.ts";
import { isCleared, type Tombstone } from "../../event/tombstone.ts";
import { expiredBefore } from "../state/rules.ts";
import type { LogState, Timing } from "../state/state.ts";
import { SEGMENT_COLUMNS } from "../storage/schema.ts";
import { leastWanted, type Part, SCAN_PARTS } from "./scan.ts";

/** Looks into the Inbox's tables for what a reader wants. Each statement is read to its end at once. */

export type LogSnapshot = {
  sql: SqlStorage;
  state: LogState;
  timing: Timing;
  now: number;
  tombstones?: readonly Tombstone[];
};

export type SummaryRow = Omit<EventRow, "headers" | "body">;

const SUMMARY_COLUMNS = "seq, at, source, type, bytes, id, verification";

/** Segments that one request looks at in SQL to find those worth reading: keeps the object's turn short. */
const LOOK_SEGMENTS = 10_000;

/** At most `left` wanted rows of a tail, without bodies: for a filter that asks for no text. */
export function summaryRows(view: LogSnapshot, tail: number, wanted: Wanted, left: number): SummaryRow[] {
  return rowsOf<SummaryRow>(view, tail, wanted, { columns: SUMMARY_COLUMNS, left });
}

/** At most `left` wanted rows of a tail. */
export function wholeRows(view: LogSnapshot, tail: number, wanted: Wanted, left: number): EventRow[] {
  if (wanted.filter.q === null) return rowsOf<EventRow>(view, tail, wanted, { columns: "*", left });
  const rows = rowsOf<EventRow>(view, tail, wanted, { columns: "*", left: null });
  return rows.filter((row) => matchesText(wanted.filter, row)).slice(0, left);
}

function rowsOf<Row extends SummaryRow>(
  { sql, tombstones = [] }: LogSnapshot,
  tail: number,
  { range, ascending, filter }: Wanted,
  { columns, left }: { columns: string; left: number | null },
): Row[] {
  const { source, type, since, until } = filter;
  const prefix = type === null ? null : typePrefix(type);
  const [condition, values] = allOf([
    ["seq >= ?", range.from],
    ["seq <= ?", range.to],
    ["source = ?", source],
    prefix === null ? ["type = ?", type] : ["instr(type, ?) = 1", prefix],
    ["at >= ?", since],
    ["at < ?", until],
  ]);
  const some = tombstones.some(({ seq }) => seq >= tail);
  // A negative limit is none.
  const limit = some || left === null ? -1 : left;
  const query = `SELECT ${columns} FROM tail_${tail} WHERE ${condition} ORDER BY seq ${way(ascending)} LIMIT ?`;
  const rows = sql.exec<Row>(query, ...values, limit).toArray();
  return some ? rows.filter((row) => !isCleared(tombstones, row)).slice(0, left ?? rows.length) : rows;
}

/** The segments without a tail that may hold wanted events, as many as one request takes and one more. */
export function segmentParts(view: LogSnapshot, { range, ascending, filter }: Wanted): Part[] {
  // Segments do not overlap: the one that holds `from` begins last of those that begin at or before it.
  const inRange = `firstSeq <= ? AND lastSeq >= ?
    AND firstSeq >= coalesce((SELECT max(firstSeq) FROM seg WHERE firstSeq <= ?), 0)`;
  const order = `ORDER BY firstSeq ${way(ascending)}`;
  const looked = segmentsWhere(view, `${inRange} ${order}`, range.to, range.from, range.from);
  const [mayHold, values] = allOf([
    ["(counts IS NULL OR EXISTS (SELECT 1 FROM json_each(counts) WHERE key = ?))", filter.source],
    ['"to" >= ?', filter.since],
    ['"from" < ?', filter.until],
  ]);
  const query = `SELECT * FROM (${looked.query} LIMIT ${LOOK_SEGMENTS}) WHERE ${mayHold} ${order} LIMIT ${SCAN_PARTS + 1}`;
  const found = view.sql.exec<SegmentRow>(query, ...looked.values, ...values).toArray();
  const parts = found.map((segment) => partOf(segment, view, { range, filter }));
  if (found.length > SCAN_PARTS) return parts;
  const [edge] = view.sql
    .exec<SegmentRow>(`${looked.query} LIMIT 1 OFFSET ${LOOK_SEGMENTS}`, ...looked.values)
    .toArray();
  return edge === undefined ? parts : [...parts, { ...partOf(edge, view, { range, filter }), in: "edge" }];
}

/** The segment that holds `seq`, or null. */
export function segmentWith(view: LogSnapshot, seq: number): Segment | null {
  const { query, values } = segmentsWhere(view, "firstSeq <= ? ORDER BY firstSeq DESC LIMIT 1", seq);
  const [segment] = view.sql.exec<SegmentRow>(query, ...values).toArray();
  return segment === undefined || segment.lastSeq < seq ? null : segment;
}

/** The seq of the oldest event that can still be read, or of the next one. */
export function firstSeq(view: LogSnapshot): number {
  const { query, values } = segmentsWhere(view, "TRUE ORDER BY firstSeq LIMIT 1");
  const [segment] = view.sql.exec<SegmentRow>(query, ...values).toArray();
  const cleared = (view.tombstones ?? []).filter(({ source }) => source === null).map(({ seq }) => seq + 1);
  return Math.max(segment?.firstSeq ?? oldestTail(view.state), ...cleared);
}

type SegmentRow = Segment & { counts: string | null };

/** Of the segments that have no tail any more, are within the retention, and are surely kept in KV. */
function segmentsWhere({ state, timing, now }: LogSnapshot, rest: string, ...values: number[]) {
  const kept = `"to" >= ? AND coalesce(expires > ?, TRUE)`;
  const query = `SELECT ${SEGMENT_COLUMNS}, counts FROM seg WHERE firstSeq < ? AND ${kept} AND ${rest}`;
  return { query, values: [oldestTail(state), expiredBefore(now, timing), now, ...values] };
}

function partOf(
  segment: SegmentRow,
  view: LogSnapshot,
  { range, filter }: { range: SeqRange; filter: EventFilter },
): Part {
  const { firstSeq, lastSeq, epoch, bytes, counts } = segment;
  const least = leastWanted(segment, { filter, range, cleared: view.tombstones ?? [], counts });
  return { in: "segment", firstSeq, lastSeq, epoch, cost: bytes, least };
}

/** The seq with which the tails begin. */
export function oldestTail({ sealed, open }: LogState): number {
  return sealed[0]?.firstSeq ?? open.firstSeq;
}

function way(ascending: boolean): "ASC" | "DESC" {
  return ascending ? "ASC" : "DESC";
}

/** All conditions that have a value. */
function allOf(
  conditions: [condition: string, value: string | number | null][],
): [condition: string, values: (string | number)[]] {
  const given = conditions.filter((entry): entry is [string, string | number] => entry[1] !== null);
  const joined = given.map(([condition]) => condition).join(" AND ");
  return [joined === "" ? "TRUE" : joined, given.map(([, value]) => value)];
}
