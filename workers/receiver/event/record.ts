import { fromBase64, fromUtf8, toBase64, utf8 } from "../../../shared/bytes.ts";
import type { HeaderList } from "./headers.ts";
import { type RequestLine, UNKNOWN_LINE } from "./request-line.ts";

/** The logged event: a row in a tail, a record in a segment's lines and in the API's answers, a summary in lists. */

/** `verified` by a signature, `authenticated` by a shared token, `unverified` because its source asks for nothing. */
export type Verification = "verified" | "authenticated" | "unverified";

/** Row of a tail; `at` in unix milliseconds, `headers` a HeaderList as JSON. */
export type EventRow = RequestLine & {
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

/** Repetitions of an event, which are not logged: how many came, and when the last one did (ISO 8601). */
export type Repeated = { times: number; lastAt: string };

/** An event in lists. `bytes` is the body's length as received, `receivedAt` ISO 8601; `repeated` only if it came again. */
export type EventSummary = {
  seq: number;
  id: string | null;
  source: string;
  type: string | null;
  receivedAt: string;
  bytes: number;
  verification: Verification;
  repeated?: Repeated;
};

/** The whole event. `body` is its text when the bytes are valid UTF-8, else their base64, marked by `encoding`. */
export type EventRecord = EventSummary & RequestLine & { headers: HeaderList; body: string; encoding?: "base64" };

export function toSummary(row: Omit<EventRow, keyof RequestLine | "headers" | "body">): EventSummary {
  const { seq, id, source, type, at, bytes, verification } = row;
  return { seq, id, source, type, receivedAt: new Date(at).toISOString(), bytes, verification };
}

export function toRecord(row: EventRow): EventRecord {
  const bytes = new Uint8Array(row.body);
  const text = fromUtf8(bytes);
  const { method, path, query } = row;
  const record = { ...toSummary(row), method, path, query, headers: JSON.parse(row.headers) as HeaderList };
  return text === null ? { ...record, body: toBase64(bytes), encoding: "base64" } : { ...record, body: text };
}

/** Returns the exact bytes received. */
export function bodyBytes(record: EventRecord): Uint8Array<ArrayBuffer> {
  if (record.encoding === undefined) return utf8(record.body);
  const bytes = fromBase64(record.body);
  if (bytes === null) throw new Error(`record ${record.seq} says base64 and is not`);
  return bytes;
}

export function summaryOf({ seq, id, source, type, receivedAt, bytes, verification }: EventSummary): EventSummary {
  return { seq, id, source, type, receivedAt, bytes, verification };
}

/** Returns the events, those that came again with their repetitions. */
export function withRepeated<Event extends EventSummary>(
  events: Event[],
  repeated: ReadonlyMap<number, Repeated>,
): Event[] {
  if (repeated.size === 0) return events;
  return events.map((event) => {
    const again = repeated.get(event.seq);
    return again === undefined ? event : { ...event, repeated: again };
  });
}

/**
 * Returns a record as a line of a segment. The same record gives the same bytes each time, so writing it twice does no
 * harm. A request line that is not known is left out, as version 0.1.0 did: its segments may be put
 * again, with the same bytes (I4, sealed is final).
 */
export function lineOf(record: EventRecord): string {
  return JSON.stringify(record.method === null ? { ...record, ...LEFT_OUT } : record);
}

const LEFT_OUT = { method: undefined, path: undefined, query: undefined };

/** Reads a line that `lineOf` wrote. */
export function fromLine(line: string): EventRecord {
  const record = JSON.parse(line) as EventRecord;
  return record.method === undefined ? { ...record, ...UNKNOWN_LINE } : record;
}
