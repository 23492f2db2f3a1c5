import { logEvent } from "../../../shared/log-event.ts";
import type { Config } from "../config.ts";
import { type EventFilter, NO_FILTER } from "../event/filter.ts";
import type { Page, SeqRange } from "../event/page.ts";
import type { EventRecord, EventSummary } from "../event/record.ts";
import type { TextMatch } from "../event/text-match.ts";
import type { HourlyCounts } from "../inbox/queries/hourly.ts";
import type { InboxStatus } from "../inbox/status.ts";
import { summariesByKey } from "../log/find-id.ts";
import { type Env, inboxOf, type LogReader, readLog, sourcesOf } from "../log/logs.ts";
import { matchesIn } from "../log/matches.ts";
import { readPage, readRecord, recordAt } from "../log/read.ts";
import { sameBytes } from "../log/same-bytes.ts";
import type { ListedRejection } from "../rejected/rejections.ts";
import type { ViewAddress } from "./parts/address.ts";

/** Reads from a log what the pages show, and clears it. */

const EVENTS_PER_PAGE = 50;
/** Limits of the search for the event beside another: the page of one event must not cost more than a list. */
const NEIGHBOUR_LIMITS = { limit: 1, scanBytes: 256 * 1024 };

/** A person sees what can be read, and what is missing, at once. */
const PASS_GAPS = true;

export type ListCursor = { order: "before" | "after"; seq: number | null };

type ListData = {
  events: EventSummary[];
  newer: number | null;
  older: number | null;
  atHead: boolean;
  missing: SeqRange[];
  status: InboxStatus;
  hourly: HourlyCounts;
  /** Events whose id is the text that is searched. */
  named: EventSummary[];
  /** Number of requests that were rejected in the last day. */
  rejected: number;
  /** Places of the searched text, by seq. */
  matches: ReadonlyMap<number, TextMatch>;
};

/**
 * Reads one page of the list, newest first. The status is asked for before the page, and an object answers the calls of
 * one stub in order: so no event falls between what the page shows and what it follows live.
 *
 * @throws Problem `cursor_ahead`
 */
export function listData(env: Env, config: Config, address: ViewAddress, cursor: ListCursor): Promise<ListData> {
  return readLog(env, address.log, (reader) => readList(reader, config, address, cursor));
}

async function readList(
  reader: LogReader,
  config: Config,
  { log, filter }: ViewAddress,
  cursor: ListCursor,
): Promise<ListData> {
  const query = { ...cursor, limit: EVENTS_PER_PAGE, scanBytes: config.scanBytes, filter };
  const [status, hourly, page, older, named, { lastDay: rejected }] = await Promise.all([
    reader.inbox.status(),
    reader.inbox.hourly(),
    readPage(reader, query, PASS_GAPS),
    cursor.order === "after" ? cursorFrom(reader, filter, cursor.seq ?? 0) : null,
    filter.q === null ? [] : orIfUnreadable([], summariesByKey(reader, filter.q, sourcesOf(config, log))),
    reader.inbox.rejectionCount(),
  ]);
  // The page may have read what the status, which is older, still calls unread.
  const isShown = ({ from, to }: SeqRange) => page.events.some(({ seq }) => from <= seq && seq <= to);
  const unread = status.unread.filter((part) => !isShown(part));
  const matches = await orIfUnreadable(new Map(), matchesIn(reader, query, page.events));
  return { ...listOf(page, cursor, older), status: { ...status, unread }, hourly, named, rejected, matches };
}

/**
 * Turns an `after` page, which is read oldest first, into a list like any other, with its cursors the other way round.
 */
function listOf({ events, next, end, missing = [] }: Page, { order, seq }: ListCursor, older: number | null) {
  if (order === "before") {
    return { events, missing, newer: seq === null ? null : seq - 1, older: next, atHead: seq === null };
  }
  return { events: events.toReversed(), missing, newer: end === true ? null : next, older, atHead: false };
}

/** Returns the cursor of the page from `seq` down; null if that page is known to be empty. */
function cursorFrom(reader: LogReader, filter: EventFilter, seq: number): Promise<number | null> {
  const cursor = seq + 1;
  const page = readPage(reader, { order: "before", seq: cursor, ...NEIGHBOUR_LIMITS, filter }, PASS_GAPS);
  return orIfUnreadable(
    cursor,
    page.then(({ events, next, missing }) => (events.length === 0 && next === null && !missing ? null : cursor)),
  );
}

type EventData = {
  record: EventRecord;
  head: number;
  older: number | null;
  newer: number | null;
  same: EventSummary[];
};

/** Reads one event and its neighbours; null if the log does not hold it. @throws Problem `segment_unavailable` */
export function eventData(env: Env, address: ViewAddress, seq: number): Promise<EventData | null> {
  return readLog(env, address.log, (reader) => readEvent(reader, address.filter, seq));
}

async function readEvent(reader: LogReader, filter: EventFilter, seq: number): Promise<EventData | null> {
  const [{ head }, record] = await Promise.all([reader.inbox.status(), readRecord(reader, seq)]);
  if (record === null) return null;
  const [older, newer, same] = await Promise.all([
    orIfUnreadable(null, neighbour(reader, filter, { order: "before", seq })),
    orIfUnreadable(null, neighbour(reader, filter, { order: "after", seq })),
    orIfUnreadable([], sameBytes(reader, record)),
  ]);
  return { record, head, older, newer, same };
}

/** Reads two events of a log, in the order of the log. @throws Problem `not_found` */
export async function comparedData(env: Env, log: string, seqs: [number, number]): Promise<[EventRecord, EventRecord]> {
  const [first, second] = seqs[0] < seqs[1] ? seqs : [seqs[1], seqs[0]];
  return Promise.all([recordAt(env, log, first), recordAt(env, log, second)]);
}

/** Returns the seq of the event of the same type and source before another one; null if none is near. @throws Problem `not_found` */
export async function sameTypeBefore(env: Env, log: string, seq: number): Promise<number | null> {
  const { type, source } = await recordAt(env, log, seq);
  const filter = { ...NO_FILTER, type, source };
  return readLog(env, log, (reader) => neighbour(reader, filter, { order: "before", seq }));
}

/** Resolves to `instead` if a part of the log cannot be read now. That part must not hide the event beside it. */
function orIfUnreadable<Found>(instead: Found, reading: Promise<Found>): Promise<Found> {
  return reading.catch((error) => {
    logEvent("viewer.incomplete", { error: String(error) });
    return instead;
  });
}

async function neighbour(reader: LogReader, filter: EventFilter, cursor: ListCursor): Promise<number | null> {
  const page = await readPage(reader, { ...cursor, ...NEIGHBOUR_LIMITS, filter }, PASS_GAPS);
  return page.events[0]?.seq ?? null;
}

/** Reads the rejected requests of a log, the newest first, and how many there were in all. */
export async function rejectedData(env: Env, { log, filter: { source } }: ViewAddress) {
  const { kept, counts } = await readLog(env, log, ({ inbox }) => inbox.rejections(source));
  const rejected = source === null ? Object.values(counts) : [counts[source] ?? 0];
  // Types lose their tuples across a call, and headers are tuples.
  return { rejections: kept as ListedRejection[], total: rejected.reduce((sum, count) => sum + count, 0) };
}

/** Clears one source of the log, or all of it (null). */
export async function clearLog(env: Env, log: string, source: string | null) {
  return inboxOf(env, log).clear(source);
}
