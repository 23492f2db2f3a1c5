import { Problem } from "../../shared/problem.ts";
import type { Inbox } from "./inbox.ts";
import type { PageQuery, SegmentRef } from "./inbox-pages.ts";
import { readSegment } from "./log.ts";
import { type EventRecord, type EventSummary, summaryOf, toRecord } from "./record.ts";
import { isCleared } from "./tombstone.ts";

/** Reads one log: the Inbox says what its tails hold and which segments hold the rest; those are read here. */

export type LogReader = { inbox: DurableObjectStub<Inbox>; kv: KVNamespace; log: string };

/** `next` is the cursor to go on with: null at the start of the log; `end`: an `after` page reached the head. */
export type Page = { events: EventSummary[]; next: number | null; end?: true };

/** @throws Problem `cursor_ahead` or `segment_unavailable`. */
export async function readPage(reader: LogReader, query: PageQuery): Promise<Page> {
  const { head, first, rows, segments, tombstones } = await reader.inbox.page(query);
  // A `before` cursor may stand right behind the newest event.
  const furthest = query.order === "after" ? head : head + 1;
  if (query.seq !== null && query.seq > furthest) {
    throw new Problem("cursor_ahead", `The newest event is ${head}.`, { extra: { head } });
  }
  const range =
    query.order === "after" ? { from: (query.seq ?? 0) + 1, to: head } : { from: 1, to: (query.seq ?? head + 1) - 1 };
  const shown = (events: EventSummary[]) => events.filter((event) => !isCleared(tombstones, event));
  const read = await Promise.all(segments.map((segment) => summariesOf(reader, segment, range)));
  if (query.order === "after") {
    const scanned = [...read.flat(), ...rows].slice(0, query.limit);
    const next = scanned.at(-1)?.seq ?? head;
    return next === head ? { events: shown(scanned), next, end: true } : { events: shown(scanned), next };
  }
  const scanned = [...rows, ...read.flatMap((part) => part.reverse())].slice(0, query.limit);
  const last = scanned.at(-1)?.seq;
  return { events: shown(scanned), next: last === undefined || last <= first ? null : last };
}

/** The whole event, or null. @throws Problem `segment_unavailable`. */
export async function readRecord(reader: LogReader, seq: number): Promise<EventRecord | null> {
  const found = await reader.inbox.find(seq);
  if (found === null) return null;
  if (found.in === "tail") return toRecord(found.row);
  const [record] = await recordsOf(reader, found.segment, { from: seq, to: seq });
  return record === undefined || isCleared(found.tombstones, record) ? null : record;
}

async function summariesOf(reader: LogReader, segment: SegmentRef, range: { from: number; to: number }) {
  return (await recordsOf(reader, segment, range)).map(summaryOf);
}

/** A segment that the Inbox names exists, so one that cannot be read is an error: a page never shows a gap. */
async function recordsOf({ kv, log }: LogReader, segment: SegmentRef, range: { from: number; to: number }) {
  const records = await readSegment(kv, log, segment, range);
  if (records !== null) return records;
  throw new Problem(
    "segment_unavailable",
    `The events ${segment.firstSeq} to ${segment.lastSeq} are stored and did not arrive.`,
    {
      headers: { "retry-after": "5" },
    },
  );
}
