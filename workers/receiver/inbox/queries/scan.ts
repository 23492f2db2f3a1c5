import type { EventFilter } from "../../event/filter.ts";
import type { SeqRange } from "../../event/page.ts";
import type { Tombstone } from "../../event/tombstone.ts";

/**
 * Decides which part of a log one request reads, before anything is read: at most SCAN_BYTES, of bodies, headers and URLs in
 * tails and of text in segments, or one tail or segment, which has its own bounds. Pure.
 */

/** One request reads at most this many parts: each may be a read of KV. */
export const SCAN_PARTS = 40;

/**
 * A run of events that is read as one: a tail, or a segment in KV; `edge` stands for all that was not looked at. `cost`
 * is its share of the request's bytes; at least `least` of its events are wanted. `masked`: see SegmentRef.
 */
export type Part = {
  in: "tail" | "segment" | "edge";
  firstSeq: number;
  lastSeq: number;
  epoch: string;
  cost: number;
  least: number;
  masked?: boolean;
};

/**
 * Reads the parts in a request's way until `limit` events are there, at most `scanBytes` of them and SCAN_PARTS, but at
 * least one that costs anything. `read` returns how many events a part gave at least. Returns the part that the next
 * request begins with, or null when none is left.
 */
export function scan(
  parts: Iterable<Part>,
  { limit, scanBytes }: { limit: number; scanBytes: number },
  read: (part: Part, left: number) => number,
): Part | null {
  let left = limit;
  let bytes = 0;
  let taken = 0;
  for (const part of parts) {
    const tooMuch = bytes > 0 && bytes + part.cost > scanBytes;
    if (left <= 0 || tooMuch || taken === SCAN_PARTS || part.in === "edge") return part;
    taken += 1;
    bytes += part.cost;
    left -= read(part, left);
  }
  return null;
}

/** Counts a segment's events that are surely wanted; `counts` are its events by source as JSON, null when unknown. */
export function leastWanted(
  segment: { firstSeq: number; lastSeq: number; n: number },
  wanted: { filter: EventFilter; range: SeqRange; cleared: readonly Tombstone[]; counts: string | null },
): number {
  const { filter, range, cleared, counts } = wanted;
  const within = Math.min(segment.lastSeq, range.to) - Math.max(segment.firstSeq, range.from) + 1;
  const { source, ...rest } = filter;
  const unknown = Object.values(rest).some((value) => value !== null);
  if (unknown || cleared.some(({ seq }) => seq >= segment.firstSeq)) return 0;
  if (source === null) return within;
  if (counts === null || within < segment.n) return 0;
  const perSource = JSON.parse(counts) as Record<string, number>;
  return Object.hasOwn(perSource, source) ? (perSource[source] ?? 0) : 0;
}

/** Returns whether everything received from `from` to `to` lies outside the filter's time. */
export function isOutside(filter: EventFilter, { from, to }: { from: number; to: number }): boolean {
  return (filter.until !== null && from >= filter.until) || (filter.since !== null && to < filter.since);
}
