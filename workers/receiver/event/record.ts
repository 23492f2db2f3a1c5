import { fromBase64, fromUtf8, toBase64, utf8 } from "../../../shared/bytes.ts";
import type { HeaderList } from "./headers.ts";

/** The logged event: a row in a tail, a record in a segment's lines and in the API's answers, a summary in lists. */

/** `verified` by a signature, `authenticated` by a shared token, `unverified` because its source asks for nothing. */
export type Verification = "verified" | "authenticated" | "unverified";

/** Row of a tail; `at` in unix milliseconds, `headers` a HeaderList as JSON. */
export type EventRow = {
  seq: number;
  at: number;
  source: string;
  id: string | null;
  type: string | null;
  verification: Verification;
  bytes: number;
  headers: string;
  body: ArrayBuffer;
};

/** An event in lists. `bytes` is the body's length as received, `receivedAt` ISO 8601. */
export type EventSummary = {
  seq: number;
  id: string | null;
  source: string;
  type: string | null;
  receivedAt: string;
  bytes: number;
  verification: Verification;
};

/** The whole event. `body` is its text when the bytes are valid UTF-8, else their base64, marked by `encoding`. */
export type EventRecord = EventSummary & { headers: HeaderList; body: string; encoding?: "base64" };

export function toSummary(row: Omit<EventRow, "headers" | "body">): EventSummary {
  const { seq, id, source, type, at, bytes, verification } = row;
  return { seq, id, source, type, receivedAt: new Date(at).toISOString(), bytes, verification };
}

export function toRecord(row: EventRow): EventRecord {
  const bytes = new Uint8Array(row.body);
  const text = fromUtf8(bytes);
  const record = { ...toSummary(row), headers: JSON.parse(row.headers) as HeaderList };
  return text === null ? { ...record, body: toBase64(bytes), encoding: "base64" } : { ...record, body: text };
}

/** Returns the exact bytes received. */
export function bodyBytes(record: EventRecord): Uint8Array<ArrayBuffer> {
  if (record.encoding === undefined) return utf8(record.body);
  const bytes = fromBase64(record.body);
  if (bytes === null) throw new Error(`record ${record.seq} says base64 and is not`);
  return bytes;
}

export function summaryOf({
  headers: _headers,
  body: _body,
  encoding: _encoding,
  ...summary
}: EventRecord): EventSummary {
  return summary;
}

/** Returns one line of a segment. The same row gives the same bytes each time, so writing it twice does no harm. */
export function toLine(row: EventRow): string {
  return JSON.stringify(toRecord(row));
}

/** Reads a line that `toLine` wrote. */
export function fromLine(line: string): EventRecord {
  return JSON.parse(line) as EventRecord;
}
