import { utf8 } from "../../../shared/bytes.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { DAY_MS } from "../../../shared/time.ts";
import type { SegmentRef } from "../event/page.ts";
import { type EventRow, toLine } from "../event/record.ts";
import type { Tombstone } from "../event/tombstone.ts";
import type { EventCounts, ListedSegment, Segment, SegmentKey } from "./segment.ts";

/**
 * The log in KV: immutable segments of many events, NDJSON, one record a line. Nothing else names KV keys.
 *
 * | key | purpose | example | written | goes |
 * |---|---|---|---|---|
 * | events/‹tenant›/‹log›/‹inverted first seq›-‹epoch› | one segment; a list shows the newest first; metadata `{count, firstSeq, lastSeq, from, to, bytes, expires, counts}`: until when it is surely kept, and the events of each source, if that fits | events/default/main/999999999999998-9f3c01ab | once a segment | by TTL, a day after its newest event's retention, or when it is cleared |
 * | cleared/‹tenant›/‹log› | what was cleared, for a rebuild: the Inbox's tombstones as JSON | cleared/default/main | once a clear | by TTL, after the segments that were there |
 */

// 15 digits hold every seq that a JavaScript number counts exactly, with room.
const SEQ_DIGITS = 15;
const SEQ_LIMIT = 10 ** SEQ_DIGITS;

/** Segments never change, so a location may keep one for a while; only keys that were seen before are read so. */
const CACHE_SECONDS = 3600;

/** KV takes no more metadata with a key. */
const METADATA_BYTES = 1024;

type Metadata = Omit<ListedSegment, "epoch" | "n" | "counts"> & { count: number; counts?: EventCounts };

/** One page of what KV lists of a log; `cursor` is where the next page begins, null after the last. */
export type SegmentPage = { segments: ListedSegment[]; cursor: string | null };

/** A segment as KV keeps it; `bytes` is what reading it takes, which escapes and base64 make more than the rows hold. */
export type EncodedSegment = { text: string; bytes: number };

/** The same rows give the same text. */
export function encodeSegment(rows: EventRow[]): EncodedSegment {
  const text = rows.map((row) => `${toLine(row)}\n`).join("");
  return { text, bytes: utf8(text).byteLength };
}

/** A segment to be put: `rows` are its events, `now` in unix milliseconds. */
export type Putting = { segment: Segment; text: string; rows: EventRow[]; retentionMs: number; now: number };

/** The same segment gives the same key and value, so that a repeated put is harmless. */
export async function putSegment(
  kv: KVNamespace,
  log: string,
  { segment, text, rows, retentionMs, now }: Putting,
): Promise<void> {
  await kv.put(segmentKey(log, segment), text, {
    expirationTtl: Math.ceil((retentionMs + DAY_MS) / 1000),
    metadata: metadataOf(segment, rows, now + retentionMs),
  });
}

/** The newest first, a page at a time. Keys that no segment of this project has are left out. */
export async function listSegments(kv: KVNamespace, log: string, cursor: string | null): Promise<SegmentPage> {
  const page = await kv.list<unknown>({ prefix: segmentPrefix(log), cursor });
  const segments = page.keys.flatMap(({ name, metadata }) => {
    const listed = listedOf(name.slice(segmentPrefix(log).length), metadata);
    if (listed === null) logEvent("segment.unknown", { key: name });
    return listed ?? [];
  });
  return { segments, cursor: page.list_complete ? null : page.cursor };
}

export async function deleteSegment(kv: KVNamespace, log: string, segment: SegmentKey): Promise<void> {
  await kv.delete(segmentKey(log, segment));
}

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

/** How many events KV shows under the segment's key; null when it shows no such key. */
export async function countSegment(kv: KVNamespace, log: string, segment: SegmentRef): Promise<number | null> {
  const text = await kv.get(segmentKey(log, segment));
  return text === null ? null : countLines(text);
}

/** A segment's text, one record a line; null when KV does not show it whole. */
export async function readSegment(kv: KVNamespace, log: string, segment: SegmentRef): Promise<string | null> {
  const text = await kv.get(segmentKey(log, segment), { type: "text", cacheTtl: CACHE_SECONDS });
  return text !== null && countLines(text) === segment.lastSeq - segment.firstSeq + 1 ? text : null;
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

const KEY_PATTERN = /^(\d{15})-([0-9a-f]+)$/;

function listedOf(key: string, metadata: unknown): ListedSegment | null {
  const [, inverted, epoch] = KEY_PATTERN.exec(key) ?? [];
  if (epoch === undefined || typeof metadata !== "object" || metadata === null) return null;
  const { count, counts = null, ...range } = metadata as Metadata;
  const whole = SEQ_LIMIT - 1 - Number(inverted) === range.firstSeq && range.lastSeq - range.firstSeq + 1 === count;
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
