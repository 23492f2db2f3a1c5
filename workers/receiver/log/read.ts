import type { Context } from "hono";
import { withDeadline } from "../../../shared/deadline.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { recordsIn } from "../archive/read-segment.ts";
import { readSegment } from "../archive/segments.ts";
import { type Page, type PageQuery, type SegmentRef, type Slice, wantedOf } from "../event/page.ts";
import { type EventRecord, type EventSummary, fromLine, summaryOf, toRecord } from "../event/record.ts";
import { isCleared } from "../event/tombstone.ts";
import type { Env } from "./env.ts";
import { type LogReader, readerOf } from "./logs.ts";

import { readAgain } from "./read-again.ts";

/** Reads one log: the Inbox says what its tails hold and which segments hold the rest; those are read here. */

/** A reader is told to come back rather than kept waiting. */
const KV_DEADLINE_MS = 10_000;

/** @throws Problem `cursor_ahead` or `segment_unavailable`. */
export async function readPage(reader: LogReader, query: PageQuery): Promise<Page> {
  const slice: Slice<EventSummary> = await reader.inbox.page(query);
  checkCursor(query, slice.head);
  const stored = await storedIn(reader, query, slice);
  const ascending = query.order === "after";
  const all = ascending ? [...stored.map(summaryOf), ...slice.rows] : [...slice.rows, ...stored.map(summaryOf)];
  const events = all.slice(0, query.limit);
  // A full page goes on behind its last event, any other behind all that was looked at.
  const last = events.length === query.limit ? events.at(-1)?.seq : undefined;
  const next = last ?? slice.through;
  if (ascending) return next === slice.head ? { events, next, end: true } : { events, next };
  return { events, next: next <= slice.first ? null : next };
}

/** The whole event, or null. @throws Problem `segment_unavailable`. */
export async function readRecord(reader: LogReader, seq: number): Promise<EventRecord | null> {
  const found = await reader.inbox.find(seq);
  if (found === null) return null;
  if (found.in === "tail") return toRecord(found.row);
  // A tail has no gaps, so neither has its segment.
  const line = (await textOf(reader, found.segment)).split("\n")[seq - found.segment.firstSeq];
  const record = line === undefined ? null : fromLine(line);
  return record === null || isCleared(found.cleared, record) ? null : record;
}

/** @throws Problem `cursor_ahead`: a reader who is ahead reads another log, or one that was made anew. */
export function checkCursor({ order, seq }: PageQuery, head: number): void {
  // A `before` cursor may stand right behind the newest event.
  const furthest = order === "after" ? head : head + 1;
  if (seq === null || seq <= furthest) return;
  throw new Problem("cursor_ahead", `The newest event is ${head}.`, { extra: { head } });
}

/** A segment that the Inbox names exists, so one that cannot be read is an error: a page never shows a gap. */
export async function textOf({ kv, log }: LogReader, segment: SegmentRef): Promise<string> {
  const text = await withDeadline(readSegment(kv, log, segment), KV_DEADLINE_MS).catch((error: unknown) => {
    logEvent("segment.unread", { firstSeq: segment.firstSeq, error: String(error) });
    return null;
  });
  if (text !== null) return text;
  throw new Problem(
    "segment_unavailable",
    `The events ${segment.firstSeq} to ${segment.lastSeq} are stored and did not arrive.`,
    {
      headers: { "retry-after": "5" },
    },
  );
}

/** What a slice's segments hold for the query, at most its limit. */
async function storedIn(reader: LogReader, query: PageQuery, slice: Slice<unknown>): Promise<EventRecord[]> {
  const wanted = { ...wantedOf(query, slice.head), cleared: slice.cleared };
  const found: EventRecord[] = [];
  for (let read = 0; read < slice.segments.length && found.length < query.limit; ) {
    const wave = slice.segments.slice(read, read + waveOf(read, found.length, query.limit));
    read += wave.length;
    const texts = await Promise.all(wave.map((segment) => textOf(reader, segment)));
    for (const [index, segment] of wave.entries()) {
      found.push(...recordsIn(texts[index] ?? "", segment, wanted, query.limit - found.length));
    }
  }
  return found;
}

/**
 * How many segments are read together next: the first alone, then as many as fill the page if they hold as much as
 * those before, and all that are left where nothing was found yet. So none are read in vain, nor one after the other.
 */
function waveOf(read: number, found: number, limit: number): number {
  if (read === 0) return 1;
  return found === 0 ? Number.POSITIVE_INFINITY : Math.ceil(((limit - found) * read) / found);
}

/** The record that the path names. @throws Problem `not_found` or `segment_unavailable` */
export async function recordOf(c: Context<{ Bindings: Env }>): Promise<EventRecord> {
  const seq = Number(c.req.param("seq"));
  const record = await readAgain(() => readRecord(readerOf(c), seq));
  if (record === null) throw new Problem("not_found", `The log does not hold an event ${seq}, or no longer.`);
  return record;
}
