import { utf8 } from "../../../shared/bytes.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { isMasked } from "../archive/masked-text.ts";
import { type StoredEvent, storedEventOf, storedEventsIn } from "../archive/read-segment.ts";
import { type EventFilter, wantsAll } from "../event/filter.ts";
import { type PageQuery, type SegmentRef, type SeqRange, type Slice, wantedOf } from "../event/page.ts";
import type { EventRow } from "../event/record.ts";
import { damagedAt, fetchSegment, gapsIn, type Reading, unreadable } from "./gaps.ts";
import type { LogReader } from "./logs.ts";
import { checkCursor, undamaged } from "./read.ts";

/**
 * The log, or a filter of it, as a file: oldest first, streamed, one segment in memory at a time. Each slice is bounded
 * by SCAN_BYTES, their number is not: one request reads the whole log, as fast as the client takes it. A `paged` export
 * ends after one slice.
 */

/** File format. `whole`: the text of a segment may stand, as it is, for all of the segment's records. */
type ExportFormat = {
  contentType: string;
  head: string;
  line(event: StoredEvent): string;
  /** Line in place of a part of the log that cannot be read. */
  missing(gap: SeqRange): string;
  whole: boolean;
};

export const ndjson: ExportFormat = {
  contentType: "application/x-ndjson",
  head: "",
  line: ({ line }) => `${line}\n`,
  missing: (gap) => `${JSON.stringify({ missing: gap })}\n`,
  whole: true,
};

/** Columns of a row. Those of later versions stand behind the others, so that a reader of an earlier one goes on. */
const COLUMNS = [
  ...(["seq", "id", "source", "type", "receivedAt", "bytes", "verification", "headers", "encoding", "body"] as const),
  ...(["method", "path", "query"] as const),
];

/** RFC 4180: lines end in CR LF. */
export const csv: ExportFormat = {
  contentType: "text/csv; charset=utf-8",
  head: `${COLUMNS.join(",")}\r\n`,
  line: csvLine,
  missing: csvGap,
  whole: false,
};

/** The formats by the name that a query gives. */
export const formats: Record<string, ExportFormat> = { ndjson, csv };

/** Returns an event's line: `encoding` is `base64` where the body is not text, `headers` are JSON. */
function csvLine({ record, headers }: StoredEvent): string {
  const cells = COLUMNS.map((column) => csvCell(String((column === "headers" ? headers : record[column]) ?? "")));
  return `${cells.join(",")}\r\n`;
}

/** Returns the line of a part that cannot be read; its seqs are no cell that a spreadsheet takes for a date. */
function csvGap({ from, to }: SeqRange): string {
  const cells: Record<string, string> = {
    seq: from === to ? String(from) : `${from} to ${to}`,
    verification: "missing",
  };
  return `${COLUMNS.map((column) => cells[column] ?? "").join(",")}\r\n`;
}

/** Place before a formula, which full-width signs begin as well, and which blanks or quotes may precede. */
const FORMULA = /(^|[;\t\r\n])(?=[[\s"\p{Cc}\p{Cf}]--[\t\r\n]]*[=+\-@＝＋－＠])/gv;

const FORMULA_BEGIN = /^[\s"\p{Cc}\p{Cf}]*[=+\-@＝＋－＠]/v;

/** A control character or a byte-order mark that a cell begins with: a spreadsheet may drop it, and run the rest. */
const HIDDEN_BEGIN = /^[\p{Cc}\ufeff]/u;

const QUOTED = /[",;\t\r\n]/;

/** A short cell of characters that no spreadsheet takes for anything but text. */
const PLAIN_CELL = /^[\w.:/][\w.:/ -]*$/;
/** Characters behind which a cell may begin anew. */
const SPLITTING = /[;\t\r\n]/;

/**
 * Returns a text as a cell. An apostrophe makes a spreadsheet show a stranger's formula, and not run it. One stands at
 * every place that may become the beginning of a cell: of this cell, and behind each `;`, tab and line end, as a
 * spreadsheet that splits at those does not know the quotes of this one.
 */
function csvCell(text: string): string {
  if (text === "" || PLAIN_CELL.test(text)) return text;
  const marked = SPLITTING.test(text) || FORMULA_BEGIN.test(text) ? text.replace(FORMULA, "$1'") : text;
  const safe = HIDDEN_BEGIN.test(marked) ? `'${marked}` : marked;
  return QUOTED.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Request for an export. `after` null: from the log's beginning, with the file's head; `paged`: one scan's worth. */
export type ExportQuery = {
  format: ExportFormat;
  after: number | null;
  paged: boolean;
  filter: EventFilter;
  scanBytes: number;
};

/** File under way. `next`: the cursor of what this export leaves out, null for nothing; known before the stream is read. */
type LogExport = { stream: ReadableStream<Uint8Array>; next: number | null };

/** Only the scan limits an export, not a count of events. */
const NO_LIMIT = 1_000_000_000;

/** Chunks made ahead of the client: the next segment is fetched while one is on its way. */
const CHUNKS_AHEAD = 2;

/**
 * Waits of one export for parts that could not be read just now, all together. A part takes seven of them at most: it
 * counts as missing after a minute, and has a line then. While KV does not answer at all, no wait would be long enough.
 */
const AGAIN = { waits: 12, ms: 10_000 };

/**
 * Exports the events that the log holds now. A part that could not be read for long has a line that says so. One that
 * could not be read just now is tried again for a while; then the stream ends with an error.
 *
 * @throws Problem `cursor_ahead`, or `segment_unavailable` when the first part could not be read just now.
 */
export async function exportLog(reader: LogReader, query: ExportQuery): Promise<LogExport> {
  const { after, filter, scanBytes, paged, format } = query;
  const from: PageQuery = { order: "after", seq: after, limit: NO_LIMIT, scanBytes, filter };
  const slice: Slice<EventRow> = await reader.inbox.records(from);
  checkCursor(from, slice.head);
  const last = paged ? slice.through : slice.head;
  const patience = new Patience(reader.log);
  const chunks = chunksOf(reader, from, { slice, format, last, patience });
  const first = await chunks.next();
  patience.begin();
  const head = after === null ? format.head : "";
  const stream = streamOf(`${head}${first.done ? "" : first.value}`, chunks, patience);
  return { stream, next: last < slice.head ? last : null };
}

/** Waits of an export that is under way. Before that there is a status to answer, and the client comes back. */
class Patience {
  readonly #log: string;
  readonly #over = new AbortController();
  #left = 0;

  constructor(log: string) {
    this.#log = log;
  }

  begin(): void {
    this.#left = AGAIN.waits;
  }

  /** Waits until a read that failed so may be tried again. @throws the error when it is none of these, or no wait is left */
  async waitAfter(error: unknown): Promise<void> {
    if (!(error instanceof Problem && error.code === "segment_unavailable") || this.#left === 0) throw error;
    this.#left--;
    logEvent("export.waits", { log: this.#log, error: error.message, waitsLeft: this.#left });
    await scheduler.wait(AGAIN.ms, { signal: this.#over.signal });
  }

  /** Notes the error with which the export ends, unless the client has left. */
  failed(error: unknown): void {
    const waited = AGAIN.waits - this.#left;
    if (!this.#over.signal.aborted) logEvent("export.failed", { log: this.#log, error: String(error), waited });
  }

  /** Ends a wait under way: the client has left. */
  end(): void {
    this.#over.abort();
  }
}

/**
 * Yields the text up to the event `last`, none of it empty, slice by slice: an event that was in a tail at the beginning
 * may be in a segment by then, also when a part is tried again.
 */
async function* chunksOf(
  reader: LogReader,
  from: PageQuery,
  { slice, format, last, patience }: Omit<Exported, "part"> & { slice: Slice<EventRow>; patience: Patience },
): AsyncGenerator<string> {
  for (let query = from, part = slice; ; part = await reader.inbox.records(query)) {
    try {
      for (const segment of part.segments) {
        const text = await exportedSegment(reader, query, { segment, part, format, last });
        query = { ...query, seq: Math.min(segment.lastSeq, last) };
        if (text !== "") yield text;
      }
      const rows = await exportedRows(reader, query, { part, format, last });
      if (rows !== "") yield rows;
      if (part.through >= last) return;
      query = { ...query, seq: part.through };
    } catch (error) {
      await patience.waitAfter(error);
    }
  }
}

type Exported = { part: Slice<EventRow>; format: ExportFormat; last: number };

/** Returns the wanted lines of a segment, unparsed where all of them are wanted. */
async function exportedSegment(
  reader: LogReader,
  query: PageQuery,
  { segment, part, format, last }: Exported & { segment: SegmentRef },
): Promise<string> {
  const reading: Reading = { unread: [], read: [] };
  const found = await fetchSegment(reader, segment, reading);
  const wanted = { ...wantedOf(query, last), cleared: part.cleared };
  const { from, to } = wanted.range;
  const inRange = segment.firstSeq >= from && segment.lastSeq <= to;
  const untouched = wanted.cleared.every(({ seq }) => seq < segment.firstSeq);
  const wantsWhole = format.whole && inRange && untouched && wantsAll(query.filter);
  const isAsStored = wantsWhole && found?.damaged.length === 0 && (segment.masked || isMasked(found.text));
  const { events, damaged } = found === null || isAsStored ? NONE : storedEventsIn(found, segment, wanted);
  reading.unread.push(...damaged.map(damagedAt));
  const text = await linesOf(reader, { events, reading, range: wanted.range, format });
  return isAsStored ? found.text : text;
}

const NONE = { events: [], damaged: [] };

/** Returns the lines of the tails' rows. */
function exportedRows(reader: LogReader, query: PageQuery, { part, format, last }: Exported): Promise<string> {
  const reading: Reading = { unread: [...part.unread], read: [] };
  const events = part.rows
    .filter(({ seq }) => seq <= last)
    .flatMap((row) => {
      const record = undamaged(row);
      if (record === null) reading.unread.push(damagedAt(row.seq));
      return record === null ? [] : storedEventOf(record);
    });
  return linesOf(reader, { events, reading, range: wantedOf(query, last).range, format });
}

type Lines = { events: StoredEvent[]; reading: Reading; range: SeqRange; format: ExportFormat };

/** Returns events as lines, and among them one for each part that is missing. @throws Problem `segment_unavailable` */
async function linesOf(reader: LogReader, { events, reading, range, format }: Lines): Promise<string> {
  const gaps = await gapsIn(reader, reading, range);
  if (gaps.passing.length > 0) throw unreadable({ ...gaps, missing: [] });
  const lines = events.map((event) => ({ seq: event.seq, line: format.line(event) }));
  if (gaps.missing.length === 0) return lines.map(({ line }) => line).join("");
  const missing = gaps.missing.map((gap) => ({ seq: gap.from, line: format.missing(gap) }));
  return [...lines, ...missing]
    .sort((a, b) => a.seq - b.seq)
    .map(({ line }) => line)
    .join("");
}

function streamOf(first: string, chunks: AsyncGenerator<string>, patience: Patience): ReadableStream<Uint8Array> {
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
          // Too late for a status: every client notices a cut connection.
          patience.failed(error);
          controller.error(error);
        }
      },
      cancel: async () => {
        patience.end();
        await chunks.return(undefined);
      },
    },
    { highWaterMark: CHUNKS_AHEAD },
  );
}
