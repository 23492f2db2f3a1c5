import { utf8 } from "../../../shared/bytes.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { recordsIn } from "../archive/read-segment.ts";
import { type EventFilter, wantsAll } from "../event/filter.ts";
import { type PageQuery, type SegmentRef, type Slice, wantedOf } from "../event/page.ts";
import { type EventRecord, type EventRow, toRecord } from "../event/record.ts";

import type { LogReader } from "./logs.ts";
import { checkCursor, textOf } from "./read.ts";

/**
 * The log, or a filter of it, as a file: oldest first, streamed, one segment in memory at a time. Each slice is bounded
 * by SCAN_BYTES; their number is not, unless the export is `paged`: one request then reads the whole log, as fast as
 * the client takes it.
 */

/** `whole`: a segment's text as it is may stand for all of its records. */
type Format = { contentType: string; head: string; line(record: EventRecord): string; whole: boolean };

export const ndjson: Format = {
  contentType: "application/x-ndjson",
  head: "",
  line: (record) => `${JSON.stringify(record)}\n`,
  whole: true,
};

/** CSV after RFC 4180: lines end in CR LF. A spreadsheet must run nothing of what strangers sent. */
const COLUMNS = ["seq", "id", "source", "type", "receivedAt", "bytes", "verification", "headers", "encoding", "body"];

export const csvHead = `${COLUMNS.join(",")}\r\n`;

/** Spreadsheets take a cell for a formula by its beginning; a byte-order mark or a control character may hide it. */
const UNSAFE = /^[=+\-@\p{Cc}\ufeff]/u;

const QUOTED = /[",\r\n]/;

/** One line; `encoding` says `base64` where the body is not text, `headers` are JSON. */
export function toCsv(record: EventRecord): string {
  const { seq, id, source, type, receivedAt, bytes, verification, headers, encoding, body } = record;
  const texts = [id, source, type, receivedAt, String(bytes), verification, JSON.stringify(headers), encoding, body];
  return `${[String(seq), ...texts.map((text) => cell(text ?? ""))].join(",")}\r\n`;
}

/** An apostrophe before what could be a formula: spreadsheets show the text. */
function cell(text: string): string {
  const safe = UNSAFE.test(text) ? `'${text}` : text;
  return QUOTED.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const csv: Format = { contentType: "text/csv; charset=utf-8", head: csvHead, line: toCsv, whole: false };

export const formats: Record<string, Format> = { ndjson, csv };

/** `paged`: what one scan reaches, and no more; `after` is null for the beginning, where the file's head stands. */
export type ExportQuery = {
  format: Format;
  after: number | null;
  paged: boolean;
  filter: EventFilter;
  scanBytes: number;
};

/** `next`: where the rest begins, when this is not all; known before the stream is read. */
export type Export = { stream: ReadableStream<Uint8Array>; next: number | null };

/** No limit but that of the scan. */
const ALL = 1_000_000_000;

/** Chunks made ahead of the reader: the next segment is fetched while one is on its way. */
const AHEAD = 2;

/**
 * The events that are there now. What cannot be read later ends the stream with an error, never with a gap.
 *
 * @throws Problem `cursor_ahead`, or `segment_unavailable` when the first part cannot be read.
 */
export async function exportLog(reader: LogReader, query: ExportQuery): Promise<Export> {
  const { after, filter, scanBytes, paged, format } = query;
  const from: PageQuery = { order: "after", seq: after, limit: ALL, scanBytes, filter };
  const slice: Slice<EventRow> = await reader.inbox.records(from);
  checkCursor(from, slice.head);
  const last = paged ? slice.through : slice.head;
  const chunks = chunksOf(reader, from, { slice, format, last });
  const first = await chunks.next();
  const head = after === null ? format.head : "";
  const stream = streamOf(`${head}${first.done ? "" : first.value}`, chunks, reader.log);
  return { stream, next: last < slice.head ? last : null };
}

/**
 * Text up to the event `last`, never empty, slice by slice: what was in a tail at the beginning may be in a segment by
 * then.
 */
async function* chunksOf(
  reader: LogReader,
  from: PageQuery,
  { slice, format, last }: { slice: Slice<EventRow>; format: Format; last: number },
): AsyncGenerator<string> {
  for (let query = from, part = slice; ; ) {
    for (const segment of part.segments) {
      const text = await segmentText(reader, query, { segment, part, format, last });
      if (text !== "") yield text;
    }
    const rows = part.rows.filter(({ seq }) => seq <= last);
    if (rows.length > 0) yield rows.map((row) => format.line(toRecord(row))).join("");
    if (part.through >= last) return;
    query = { ...query, seq: part.through };
    part = await reader.inbox.records(query);
  }
}

async function segmentText(
  reader: LogReader,
  query: PageQuery,
  { segment, part, format, last }: { segment: SegmentRef; part: Slice<EventRow>; format: Format; last: number },
): Promise<string> {
  const text = await textOf(reader, segment);
  const wanted = { ...wantedOf(query, last), cleared: part.cleared };
  const { from, to } = wanted.range;
  const inRange = segment.firstSeq >= from && segment.lastSeq <= to;
  const untouched = wanted.cleared.every(({ seq }) => seq < segment.firstSeq);
  if (format.whole && inRange && untouched && wantsAll(query.filter)) return text;
  return recordsIn(text, segment, wanted, ALL).map(format.line).join("");
}

function streamOf(first: string, chunks: AsyncGenerator<string>, log: string): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      start: (controller) => {
        if (first !== "") controller.enqueue(utf8(first));
      },
      pull: async (controller) => {
        try {
          const { done, value } = await chunks.next();
          if (done) controller.close();
          else controller.enqueue(utf8(value));
        } catch (error) {
          // Too late for a status: a cut connection is what every client notices.
          logEvent("export.failed", { log, error: String(error) });
          controller.error(error);
        }
      },
      cancel: async () => {
        await chunks.return(undefined);
      },
    },
    { highWaterMark: AHEAD },
  );
}
