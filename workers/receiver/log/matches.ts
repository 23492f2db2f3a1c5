import { recordsIn } from "../archive/read-segment.ts";
import { type PageQuery, type Slice, wantedOf } from "../event/page.ts";
import type { EventRow, EventSummary } from "../event/record.ts";
import { matchIn, type TextMatch } from "../event/text-match.ts";
import { textSearch } from "../event/text-search.ts";
import { fetchSegment, gapsIn, type Reading } from "./gaps.ts";
import type { LogReader } from "./logs.ts";
import { undamaged } from "./read.ts";

/** The places of a searched text in the events that a page has found: a second read of the same part of the log. */

/**
 * Returns by seq where the text of the filter stands in `events`, which the query has found; events of parts of the log
 * that cannot be read are left out.
 */
export async function matchesIn(
  reader: LogReader,
  { filter, order, scanBytes }: PageQuery,
  events: readonly EventSummary[],
): Promise<ReadonlyMap<number, TextMatch>> {
  const matches = new Map<number, TextMatch>();
  if (filter.q === null || events.length === 0) return matches;
  const seqs = events.map(({ seq }) => seq);
  // The page of exactly these events: from the first one in its order on.
  const seq = order === "after" ? Math.min(...seqs) - 1 : Math.max(...seqs) + 1;
  const query: PageQuery = { order, seq, limit: events.length, scanBytes, filter };
  const slice: Slice<EventRow> = await reader.inbox.records(query);
  const wanted = { ...wantedOf(query, slice.head), cleared: slice.cleared };
  const reading: Reading = { unread: [], read: [] };
  const holding = slice.segments.filter(({ firstSeq, lastSeq }) => seqs.some((at) => firstSeq <= at && at <= lastSeq));
  const found = await Promise.all(
    holding.map(async (segment) => {
      const text = await fetchSegment(reader, segment, reading);
      return text === null ? [] : recordsIn(text, segment, wanted, events.length).events;
    }),
  );
  await gapsIn(reader, reading, { from: 0, to: slice.head });
  const search = textSearch(filter.q);
  for (const record of [...found.flat(), ...slice.rows.flatMap((row) => undamaged(row) ?? [])]) {
    const match = matchIn(search, record);
    if (match !== null) matches.set(record.seq, match);
  }
  return matches;
}
