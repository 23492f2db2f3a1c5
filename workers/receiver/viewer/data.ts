import { logEvent } from "../../../shared/log-event.ts";
import type { Config } from "../config.ts";
import type { EventFilter } from "../event/filter.ts";
import type { Page } from "../event/page.ts";
import type { EventRecord, EventSummary } from "../event/record.ts";
import type { HourlyCounts } from "../inbox/queries/hourly.ts";
import type { InboxStatus } from "../inbox/status.ts";
import { type Env, inboxOf, type LogReader, readLog } from "../log/logs.ts";

import { readPage, readRecord } from "../log/read.ts";

import { sameBytes } from "../log/same-bytes.ts";
import type { Rejection } from "../rejected/rejections.ts";
import type { Place } from "./parts/address.ts";

/** What the pages show, read from the log: the one place where the viewer calls the rest of the receiver. */

const EVENTS_PER_PAGE = 50;
/** Looked through for the event beside another: a page with one event on it must not cost more than a list. */
const BESIDE = { limit: 1, scanBytes: 256 * 1024 };

export type Cursor = { order: "before" | "after"; seq: number | null };

export type ListData = {
  events: EventSummary[];
  newer: number | null;
  older: number | null;
  atHead: boolean;
  status: InboxStatus;
  arrivals: HourlyCounts;
};

/**
 * One page of the list, newest first. The status is asked for before the page, and an object answers the calls of one
 * stub in their order: so no event is between what the page shows and what is followed live.
 *
 * @throws Problem `cursor_ahead` or `segment_unavailable`
 */
export function listData(env: Env, config: Config, place: Place, cursor: Cursor): Promise<ListData> {
  return readLog(env, place.log, (reader) => readList(reader, config, place, cursor));
}

async function readList(reader: LogReader, config: Config, place: Place, cursor: Cursor): Promise<ListData> {
  const query = { ...cursor, limit: EVENTS_PER_PAGE, scanBytes: config.scanBytes, filter: place.filter };
  const [status, arrivals, page, older] = await Promise.all([
    reader.inbox.status(),
    reader.inbox.hourly(),
    readPage(reader, query),
    cursor.order === "after" ? olderThan(reader, place.filter, cursor.seq ?? 0) : null,
  ]);
  return { ...sides(page, cursor, older), status, arrivals };
}

/** An `after` page is read oldest first, and shown like the others; what is beside it is the other way round. */
function sides({ events, next, end }: Page, { order, seq }: Cursor, older: number | null) {
  if (order === "before") {
    return { events, newer: seq === null ? null : seq - 1, older: next, atHead: seq === null };
  }
  return { events: events.toReversed(), newer: end === true ? null : next, older, atHead: false };
}

/** The cursor of the page that begins with `seq` and what is older; null when it is known that there is nothing. */
function olderThan(reader: LogReader, filter: EventFilter, seq: number): Promise<number | null> {
  const older = seq + 1;
  const page = readPage(reader, { order: "before", seq: older, ...BESIDE, filter });
  return orNothing(
    page.then(({ events, next }) => (events.length === 0 && next === null ? null : older)),
    older,
  );
}

export type DetailData = { record: EventRecord; older: number | null; newer: number | null; same: EventSummary[] };

/** One event and what is beside it; null when the log does not hold it. @throws Problem `segment_unavailable` */
export function detailData(env: Env, place: Place, seq: number): Promise<DetailData | null> {
  return readLog(env, place.log, (reader) => readDetail(reader, place, seq));
}

async function readDetail(reader: LogReader, place: Place, seq: number): Promise<DetailData | null> {
  const record = await readRecord(reader, seq);
  if (record === null) return null;
  const [older, newer, same] = await Promise.all([
    orNothing(beside(reader, place.filter, { order: "before", seq }), null),
    orNothing(beside(reader, place.filter, { order: "after", seq }), null),
    orNothing(sameBytes(reader, record), []),
  ]);
  return { record, older, newer, same };
}

/** A part of the log that cannot be read just now hides what it holds, not the event beside it. */
function orNothing<Found>(found: Promise<Found>, nothing: Found): Promise<Found> {
  return found.catch((error) => {
    logEvent("viewer.incomplete", { error: String(error) });
    return nothing;
  });
}

async function beside(reader: LogReader, filter: EventFilter, cursor: Cursor): Promise<number | null> {
  const page = await readPage(reader, { ...cursor, ...BESIDE, filter });
  return page.events[0]?.seq ?? null;
}

/** The refused requests of a log, the newest first, and how many there were in all. */
export async function rejectedData(env: Env, { log, filter: { source } }: Place) {
  const { kept, counts } = await readLog(env, log, ({ inbox }) => inbox.rejections(source));
  const refused = source === null ? Object.values(counts) : [counts[source] ?? 0];
  // Tuples lose their length on the way through a call.
  return { rejections: kept as Rejection[], total: refused.reduce((sum, count) => sum + count, 0) };
}

/** Clears one source of the log, or all of it. */
export async function clearLog(env: Env, log: string, source: string | null) {
  return inboxOf(env, log).clear(source);
}
