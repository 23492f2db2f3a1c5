import type { Bytes } from "../../../shared/bytes.ts";
import { dedupKeyOf } from "../event/arrival.ts";
import { matches } from "../event/filter.ts";
import type { Page, PageQuery } from "../event/page.ts";
import { type EventSummary, summaryOf } from "../event/record.ts";
import type { Source } from "../verify/source.ts";
import type { LogReader } from "./logs.ts";
import { readPage, readRecord } from "./read.ts";

/**
 * Finds events by their id. A signed id leads to its event by the key that tells repetitions, however old it is; any
 * other is looked for page by page.
 */

/** Events that one request looks through for an id that no key leads to; SCAN_BYTES ends it sooner. */
const SCANNED_EVENTS = 2_000;

/** Returns the page of the events with this id: at once by the key, else as much of the log as one request scans. */
export async function pageOfId(
  reader: LogReader,
  { id, sources }: { id: string; sources: readonly Source[] },
  query: PageQuery,
): Promise<Page> {
  const known = query.seq === null ? await eventsByKey(reader, id, sources) : [];
  const events = known.filter(({ record }) => matches(query.filter, record)).map(({ summary }) => summary);
  if (events.length > 0) return { events, next: null };
  const page = await readPage(reader, { ...query, limit: SCANNED_EVENTS });
  return { ...page, events: page.events.filter((event) => event.id === id) };
}

/** Returns the events to which the id leads by its keys, the newest first: one read each, wherever it is. */
export async function summariesByKey(
  reader: LogReader,
  id: string,
  sources: readonly Source[],
): Promise<EventSummary[]> {
  return (await eventsByKey(reader, id, sources)).map(({ summary }) => summary);
}

async function eventsByKey(reader: LogReader, id: string, sources: readonly Source[]) {
  const keys = await Promise.all(sources.flatMap(({ name }) => [idKeyOf(name, id, false), idKeyOf(name, id, true)]));
  const seqs = await reader.inbox.seqsOf(keys.filter((key) => key !== null));
  const records = await Promise.all(seqs.map((seq) => readRecord(reader, seq)));
  return records.flatMap((record) => {
    if (record === null || record.id !== id) return [];
    const { repeated } = record;
    return [{ record, summary: { ...summaryOf(record), ...(repeated && { repeated }) } }];
  });
}

/** Returns the key of a source's signed id, where its scheme has it, or where the source names its `own`. */
function idKeyOf(source: string, id: string, own: boolean): Promise<Bytes | null> {
  return dedupKeyOf({ source, id, own, signed: true, dated: null, body: new Uint8Array() });
}
