import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../../../shared/time.ts";
import type { CountedSegment, Segment } from "../../archive/segments.ts";
import type { Tombstone } from "../../event/tombstone.ts";
import type { Extent, Housekeeping, InboxState, LogState, OpenTail, Swept, Timing } from "./state.ts";
import { nextTry } from "./unread-rules.ts";

/** The Inbox's decisions: when to seal, wake and retry, and what is past. Pure; times in unix milliseconds. */

/** A tail is sealed before it would hold more: the size that one KV value, one read and one flush are made for. */
export const SEGMENT_EVENTS = 500;
export const SEGMENT_BYTES = 512 * 1024;

/** The next try after an error is this part of the age of the oldest waiting segment, within these bounds. */
const RETRY = { part: 8, least: 30_000, most: HOUR_MS };

/** Half of the deletes that the free plan allows KV a day: a clear leaves the rest to others. */
export const DELETES_PER_DAY = 500;

/** A segment is put again when this many looks, GRACE apart, did not find it whole. */
export const MAX_MISSES = 3;

/** Rejected requests and repetitions are saved at once, but no sooner than this after the last time. */
export const NOTES_MS = MINUTE_MS;

/** Returns whether the open tail must be sealed before it takes `arriving` more bytes. */
export function isFull(open: OpenTail, arriving: number): boolean {
  if (open.count === 0) return false;
  return open.count >= SEGMENT_EVENTS || open.bytes + arriving > SEGMENT_BYTES;
}

/**
 * Returns whether the open tail is sealed for its age. While a sealed segment waits for KV, only full tails are sealed:
 * an outage must not cut the log into crumbs.
 */
export function sealsForAge({ open: { from }, sealed }: LogState, now: number, { flushMs }: Timing): boolean {
  return from !== null && from + flushMs <= now && sealed.every((segment) => segment.putAt !== null);
}

/**
 * Returns when a put segment may be read back, or null before its put. KV shows a write everywhere within GRACE; an
 * earlier look could find nothing, and KV would cache that (I2, no read before the grace).
 */
export function readBackDue({ putAt, misses }: Segment, { graceMs }: Timing): number | null {
  return putAt === null ? null : putAt + graceMs * (misses + 1);
}

/** Returns when the Inbox must wake, or null when nothing waits. Tails go in order, so only the oldest look counts. */
export function wakeAt({ sealed, open, retryAt, housekeeping }: InboxState, timing: Timing): number | null {
  const task = housekeepingDue(housekeeping);
  const due: number[] = task === null ? [] : [task];
  if (sealed.some((segment) => segment.putAt === null)) due.push(retryAt ?? 0);
  else if (open.from !== null) due.push(Math.max(open.from + timing.flushMs, retryAt ?? 0));
  const look = sealed[0] ? readBackDue(sealed[0], timing) : null;
  if (look !== null) due.push(Math.max(look, retryAt ?? 0));
  return due.length === 0 ? null : Math.min(...due);
}

/** Returns when the next task of housekeeping is due, or null when there is none. */
export function housekeepingDue(housekeeping: Housekeeping): number | null {
  const { saved, rebuilt, swept, gone, retryAt, notesDue, forgetAt, unread } = housekeeping;
  const due: number[] = unread.map(nextTry);
  if (!saved) due.push(0);
  if (notesDue !== null) due.push(notesDue);
  if (forgetAt !== null) due.push(forgetAt);
  const relist = rebuilt?.relists[0];
  if (relist !== undefined) due.push(relist);
  if (gone > 0) due.push(swept.deleted < DELETES_PER_DAY ? 0 : (swept.day + 1) * DAY_MS);
  return due.length === 0 ? null : Math.max(Math.min(...due), retryAt ?? 0);
}

/** Returns the deletes on the day of `now`; days begin at midnight UTC, as KV's do. */
export function sweptOn(now: number, { day, deleted }: Swept): Swept {
  const today = Math.floor(now / DAY_MS);
  return today === day ? { day, deleted } : { day: today, deleted: 0 };
}

/** Returns the wait after an error: short for a fresh segment, long for one that KV has refused for long. */
export function retryDelay(sealed: readonly Segment[], now: number): number {
  const waiting = sealed.find((segment) => segment.putAt === null) ?? sealed[0];
  const age = waiting === undefined ? 0 : now - waiting.to;
  // Whole milliseconds: an alarm drops the rest, and would come before its time.
  return Math.ceil(Math.min(Math.max(age / RETRY.part, RETRY.least), RETRY.most));
}

/** Returns `retryAt` while its time has not come, else null. A wake-up for another reason does not end the wait. */
export function stillWaits(retryAt: number | null, now: number): number | null {
  return retryAt !== null && retryAt > now ? retryAt : null;
}

/** Returns the time before which events are past: pages show no more than seen keys reach back. KV keeps a day more. */
export function expiredBefore(now: number, { retentionMs }: Timing): number {
  return now - retentionMs;
}

/** Returns the seq with which the tails begin. */
export function oldestTail({ sealed, open }: LogState): number {
  return sealed[0]?.firstSeq ?? open.firstSeq;
}

export function extentOf(state: LogState): Extent {
  return { head: state.next - 1, floor: oldestTail(state) - 1 };
}

/**
 * Counts a segment's events that the tombstones cover; null when that is not known. A clear seals the tail that holds
 * any of its events, so a tombstone never ends amid a segment with events on both sides of it.
 */
export function clearedIn(tombstones: readonly Tombstone[], { lastSeq, n, counts }: CountedSegment): number | null {
  const reaching = tombstones.filter(({ seq }) => lastSeq <= seq);
  if (reaching.length === 0) return 0;
  const sources = new Set(reaching.map(({ source }) => source));
  if (sources.has(null)) return n;
  if (counts === null) return null;
  return Object.entries(counts).reduce((sum, [source, count]) => sum + (sources.has(source) ? count : 0), 0);
}
