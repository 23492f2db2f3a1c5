import type { SegmentRef } from "./inbox-pages.ts";
import type { Segment } from "./inbox-plan.ts";
import { type EventRow, toLine } from "./record.ts";

/**
 * The log in KV: immutable segments of many events, NDJSON, one record a line. Nothing else names KV keys.
 *
 * | key | purpose | example | written | goes |
 * |---|---|---|---|---|
 * | events/‹tenant›/‹log›/‹inverted first seq›-‹epoch› | one segment; a list shows the newest first; metadata `{count, firstSeq, lastSeq, from, to, bytes}` | events/default/main/999999999999998-9f3c01ab | once a segment | by TTL, a day after its newest event's retention |
 */

// 15 digits hold every seq that a JavaScript number counts exactly, with room.
const SEQ_DIGITS = 15;
const SEQ_LIMIT = 10 ** SEQ_DIGITS;

/** Segments never change, so a location may keep one for a while; only keys that were seen before are read so. */
const CACHE_SECONDS = 3600;

const DAY_MS = 86_400_000;

/** The same rows give the same key and bytes, so that a repeated put is harmless. */
export async function putSegment(
  kv: KVNamespace,
  log: string,
  { segment, rows, retentionMs }: { segment: Segment; rows: EventRow[]; retentionMs: number },
): Promise<void> {
  const { n, firstSeq, lastSeq, from, to, bytes } = segment;
  await kv.put(segmentKey(log, segment), rows.map((row) => `${toLine(row)}\n`).join(""), {
    expirationTtl: Math.ceil((retentionMs + DAY_MS) / 1000),
    metadata: { count: n, firstSeq, lastSeq, from, to, bytes },
  });
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

function segmentKey(log: string, { firstSeq, epoch }: SegmentRef): string {
  return `events/${log}/${String(SEQ_LIMIT - 1 - firstSeq).padStart(SEQ_DIGITS, "0")}-${epoch}`;
}
