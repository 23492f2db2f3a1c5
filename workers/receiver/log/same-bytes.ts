import { equalBytes } from "../../../shared/bytes.ts";
import { recordIn } from "../archive/read-segment.ts";
import { linesWith } from "../archive/segment-lines.ts";
import { NO_FILTER } from "../event/filter.ts";
import { type PageQuery, type Slice, wantedOf } from "../event/page.ts";
import {
  bodyBytes,
  type EventRecord,
  type EventRow,
  type EventSummary,
  summaryOf,
  toSummary,
} from "../event/record.ts";
import { isCleared } from "../event/tombstone.ts";
import { fetchSegment, gapsIn, type Reading } from "./gaps.ts";
import type { LogReader } from "./logs.ts";

/** The same bytes, logged more than once: two events, or one that its sender sent twice. A person can tell. */

/** Bytes read on both sides together: the page of one event costs no more than a list. */
const SAME_BYTES_SCAN = 1024 * 1024;

/** Events shown on each side at most, the nearest ones. */
const SAME_BYTES_SHOWN = 10;

/**
 * Returns the events near `record`, on both sides of it, that hold the very same bytes, by seq; none of parts of the log
 * that cannot be read.
 */
export async function sameBytes(
  reader: LogReader,
  record: EventRecord,
  scanBytes = SAME_BYTES_SCAN,
): Promise<EventSummary[]> {
  const [before, after] = await Promise.all(
    (["before", "after"] as const).map((order) => sameOnSide(reader, record, { order, scanBytes: scanBytes / 2 })),
  );
  return [...(before ?? []).reverse(), ...(after ?? [])];
}

async function sameOnSide(
  reader: LogReader,
  record: EventRecord,
  { order, scanBytes }: Pick<PageQuery, "order" | "scanBytes">,
): Promise<EventSummary[]> {
  const query = { order, seq: record.seq, limit: 1_000_000, scanBytes, filter: NO_FILTER };
  const slice: Slice<EventRow> = await reader.inbox.records(query);
  const reading: Reading = { unread: [], read: [] };
  const found = await Promise.all(slice.segments.map((segment) => fetchSegment(reader, segment, reading)));
  await gapsIn(reader, reading, { from: 0, to: slice.head });
  const texts = found.flatMap((segment) => segment?.text ?? []);
  const { range, ascending } = wantedOf(query, slice.head);
  const stored = texts.flatMap((text) => {
    const records = linesWith(text, `"body":${JSON.stringify(record.body)}`).flatMap((line) => recordIn(line) ?? []);
    return ascending ? records : records.reverse();
  });
  const same = stored
    .filter(({ body, encoding }) => body === record.body && encoding === record.encoding)
    .filter((other) => other.seq >= range.from && other.seq <= range.to && !isCleared(slice.cleared, other))
    .map(summaryOf);
  const wanted = bodyBytes(record);
  const rows = slice.rows.filter((row) => equalBytes(new Uint8Array(row.body), wanted)).map(toSummary);
  return (ascending ? [...same, ...rows] : [...rows, ...same]).slice(0, SAME_BYTES_SHOWN);
}
