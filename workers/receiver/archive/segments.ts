import { utf8 } from "../../../shared/bytes.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { DAY_MS } from "../../../shared/time.ts";
import { MASKING_VERSION } from "../event/masking.ts";
import type { SegmentRef } from "../event/page.ts";
import { type EventRow, lineOf, toRecord } from "../event/record.ts";
import { searchedTexts } from "../event/text-search.ts";
import { SieveBuilder } from "../event/text-sieve.ts";
import type { Tombstone } from "../event/tombstone.ts";
import { isMasked } from "./masked-text.ts";

/**
 * The log in KV: immutable segments of many events, NDJSON, one record a line. Nothing outside this file names KV keys.
 * Values, metadata and when each goes: the section "Storage" of workers/receiver/README.md.
 *
 * - `events/<tenant>/<log>/<inverted first seq>-<epoch>`: one segment; inverted, so that a list shows the newest first
 * - `cleared/<tenant>/<log>`: the Inbox's tombstones, for a rebuild
 */

/**
 * A sealed run of events. `bytes` counts bodies, headers and URLs, and once the segment was put its text in KV: the cost of
 * reading it. `putAt` is when KV took it, or null; `misses` counts the looks since then that did not find it. Times in
 * unix milliseconds.
 */
export type Segment = {
  firstSeq: number;
  lastSeq: number;
  epoch: string;
  n: number;
  bytes: number;
  from: number;
  to: number;
  putAt: number | null;
  misses: number;
};

/** The parts of a segment that name its key in KV. */
export type SegmentKey = { firstSeq: number; epoch: string };

/** Events by source. */
export type EventCounts = Readonly<Record<string, number>>;

/** A segment with its events by source; `counts` is null where they are not known. */
export type CountedSegment = SegmentKey & { lastSeq: number; n: number; counts: EventCounts | null };

/** A segment as KV lists it. KV surely keeps it until `expires`. Times in unix milliseconds. */
export type ListedSegment = CountedSegment & { bytes: number; from: number; to: number; expires: number };

/** One page of KV's list of a log; the next page begins at `cursor`, which is null after the last. */
export type SegmentPage = { segments: ListedSegment[]; cursor: string | null };

/**
 * Notes about the text of a segment, which spare its readers work. `masking`: the version of the rules by which nothing in
 * it is to be masked any more; null where something is. `sieve`: of all texts that a search looks at; null where some are
 * not known.
 */
export type TextNotes = { masking: number | null; sieve: Uint8Array<ArrayBuffer> | null };

/** The value of a segment's key; `bytes` is its size, which escapes and base64 make larger than that of the rows. */
type EncodedSegment = { text: string; bytes: number; notes: TextNotes };

/** A segment on its way to KV: `rows` are its events, `now` is in unix milliseconds. */
type SegmentPut = { segment: Segment; text: string; rows: EventRow[]; retentionMs: number; now: number };

/** KV's metadata of a segment; `counts` are there only if they fit. */
type Metadata = Omit<ListedSegment, "epoch" | "n" | "counts"> & { count: number; counts?: EventCounts };

/** 15 digits hold every seq that a JavaScript number counts exactly, and more. */
const SEQ_DIGITS = 15;
const SEQ_LIMIT = 10 ** SEQ_DIGITS;

const KEY_PATTERN = /^(\d{15})-([0-9a-f]+)$/;

/** Segments never change, so a location may keep one for a while; only keys that were seen before are read so. */
const CACHE_SECONDS = 3600;

/** KV takes no more metadata with a key. */
const METADATA_BYTES = 1024;

/** End of the line that stands for an event whose row was lost or damaged; inside a JSON string these quotes would be escaped. */
const DAMAGED_END = '"damaged":true}';

/**
 * Returns the text of a segment; the same rows give the same text. An event whose row is gone, or cannot be read, has a
 * line that says so: a line's place tells its seq.
 */
export function encodeSegment({ firstSeq, lastSeq }: SegmentRef, rows: EventRow[]): EncodedSegment {
  const bySeq = new Map(rows.map((row) => [row.seq, row]));
  const sieve = new SieveBuilder();
  const lines = Array.from({ length: lastSeq - firstSeq + 1 }, (_, index) => {
    const row = bySeq.get(firstSeq + index);
    return row === undefined ? null : lineOrNull(row, sieve);
  });
  const text = lines.map((line, index) => `${line ?? `{"seq":${firstSeq + index},${DAMAGED_END}`}\n`).join("");
  const notes = {
    masking: isMasked(text) ? MASKING_VERSION : null,
    sieve: lines.includes(null) ? null : sieve.sieve(),
  };
  return { text, bytes: utf8(text).byteLength, notes };
}

/** Returns the line of a row and adds its texts to the sieve; null for a row that is damaged. */
function lineOrNull(row: EventRow, sieve: SieveBuilder): string | null {
  try {
    const record = toRecord(row);
    for (const text of searchedTexts(record)) sieve.add(text);
    return lineOf(record);
  } catch (error) {
    logEvent("event.damaged", { seq: row.seq, error: String(error) });
    return null;
  }
}

/** Writes a segment. The same segment gives the same key and value, so a repeated put does no harm. */
export async function putSegment(
  kv: KVNamespace,
  log: string,
  { segment, text, rows, retentionMs, now }: SegmentPut,
): Promise<void> {
  await kv.put(segmentKey(log, segment), text, {
    expirationTtl: Math.ceil((retentionMs + DAY_MS) / 1000),
    metadata: metadataOf(segment, rows, now + retentionMs),
  });
}

/** Lists a log's segments, the newest first, a page at a time. Leaves out keys that no segment of this project has. */
export async function listSegments(kv: KVNamespace, log: string, cursor: string | null): Promise<SegmentPage> {
  const page = await kv.list<unknown>({ prefix: segmentPrefix(log), cursor });
  const segments = page.keys.flatMap(({ name, metadata }) => {
    const listed = listedOf(name.slice(segmentPrefix(log).length), metadata);
    if (listed === null) logEvent("segment.unknown", { key: name });
    return listed ?? [];
  });
  return { segments, cursor: page.list_complete ? null : page.cursor };
}

/** Text of a segment, one record a line, and the seqs of those lines that hold none. */
export type SegmentText = { text: string; damaged: number[] };

/** Reads a segment; null when KV does not show the whole of it. `anew`: KV may have remembered that it did not. */
export async function readSegment(
  kv: KVNamespace,
  log: string,
  segment: SegmentRef,
  way: "cached" | "anew",
): Promise<SegmentText | null> {
  const cached = way === "cached" ? { cacheTtl: CACHE_SECONDS } : {};
  const text = await kv.get(segmentKey(log, segment), { type: "text", ...cached });
  const damaged = text === null ? null : damagedLines(text, segment);
  return text === null || damaged === null ? null : { text, damaged };
}

/** Returns the seqs of lines that are no record, by their ends alone; null when there are not as many lines as events. */
function damagedLines(text: string, { firstSeq, lastSeq }: SegmentRef): number[] | null {
  const damaged: number[] = [];
  let start = 0;
  for (let seq = firstSeq; seq <= lastSeq; seq++) {
    const end = text.indexOf("\n", start);
    if (end === -1) return null;
    const isRecord = beginsWith(seq, text, start) && text[end - 1] === "}";
    if (!isRecord || text.endsWith(DAMAGED_END, end)) damaged.push(seq);
    start = end + 1;
  }
  return start === text.length ? damaged : null;
}

/** The beginning of a line, before its seq. */
const SEQ_BEGIN = '{"seq":';
/** The comma behind a seq, and the first digit, as codes. */
const SEQ_END_CODE = 44;
const ZERO_CODE = 48;

/** Tells whether a line at `start` begins as the record of `seq`. Makes no text: each read of a segment asks of every line. */
function beginsWith(seq: number, text: string, start: number): boolean {
  if (!text.startsWith(SEQ_BEGIN, start)) return false;
  let at = start + SEQ_BEGIN.length;
  let found = 0;
  for (; text.charCodeAt(at) !== SEQ_END_CODE; at++) {
    const digit = text.charCodeAt(at) - ZERO_CODE;
    if (!(digit >= 0 && digit <= 9) || found > seq) return false;
    found = found * 10 + digit;
  }
  return found === seq;
}

/** Counts the events that KV shows under the segment's key; null when KV shows no such key. */
export async function countSegment(kv: KVNamespace, log: string, segment: SegmentRef): Promise<number | null> {
  const text = await kv.get(segmentKey(log, segment));
  return text === null ? null : countLines(text);
}

export async function deleteSegment(kv: KVNamespace, log: string, segment: SegmentKey): Promise<void> {
  await kv.delete(segmentKey(log, segment));
}

/** Writes the tombstones of a log for a rebuild; KV keeps them longer than every segment that was put before. */
export async function putTombstones(
  kv: KVNamespace,
  log: string,
  { tombstones, retentionMs }: { tombstones: readonly Tombstone[]; retentionMs: number },
): Promise<void> {
  const expirationTtl = Math.ceil((retentionMs + 2 * DAY_MS) / 1000);
  await kv.put(clearedKey(log), JSON.stringify(tombstones), { expirationTtl });
}

export async function readTombstones(kv: KVNamespace, log: string): Promise<Tombstone[]> {
  return (await kv.get<Tombstone[]>(clearedKey(log), "json")) ?? [];
}

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) count += 1;
  return count;
}

function metadataOf({ n, firstSeq, lastSeq, from, to, bytes }: Segment, rows: EventRow[], expires: number): Metadata {
  const metadata = { count: n, firstSeq, lastSeq, from, to, bytes, expires };
  const bySource = Object.entries(Object.groupBy(rows, ({ source }) => source));
  const counts = Object.fromEntries(bySource.map(([source, own = []]) => [source, own.length]));
  const whole = { ...metadata, counts };
  return utf8(JSON.stringify(whole)).byteLength <= METADATA_BYTES ? whole : metadata;
}

function listedOf(key: string, metadata: unknown): ListedSegment | null {
  const [, inverted, epoch] = KEY_PATTERN.exec(key) ?? [];
  if (epoch === undefined || typeof metadata !== "object" || metadata === null) return null;
  const { count, counts = null, ...range } = metadata as Metadata;
  const whole = SEQ_LIMIT - 1 - Number(inverted) === range.firstSeq && range.lastSeq - range.firstSeq + 1 >= count;
  return whole ? { ...range, epoch, n: count, counts } : null;
}

function segmentPrefix(log: string): string {
  return `events/${log}/`;
}

function segmentKey(log: string, { firstSeq, epoch }: SegmentKey): string {
  return `${segmentPrefix(log)}${String(SEQ_LIMIT - 1 - firstSeq).padStart(SEQ_DIGITS, "0")}-${epoch}`;
}

function clearedKey(log: string): string {
  return `cleared/${log}`;
}
