import type { Segment } from "../../archive/segments.ts";
import type { Housekeeping, InboxState, OpenTail, Swept, Timing } from "./state.ts";

/** The Inbox's decisions: what to seal, when to wake, what is lost or past. Pure; times in unix milliseconds. */

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** A tail is sealed before it would hold more: what one KV value, one read and one flush are sized for. */
export const SEGMENT_EVENTS = 500;
export const SEGMENT_BYTES = 512 * 1024;

/** An alarm that is this late never fired: one that is merely being handled is younger. */
const LOST_ALARM = 30_000;

/** After an error: soon for a fresh segment, rarely for one that has been refused for long. */
const RETRY = { least: 30_000, most: 60 * MINUTE, part: 8 };

/** Half of the deletes that the free plan allows KV a day: clearing leaves room for what else needs them. */
export const DELETES_PER_DAY = 500;

/** A segment is put again when this many looks, GRACE apart, did not find it whole. */
export const MAX_MISSES = 3;

/** Refused requests are saved at once, but so long after the last time that they were. */
export const REJECTIONS_MS = MINUTE;

export function isFull(open: OpenTail, arriving: number): boolean {
  if (open.count === 0) return false;
  return open.count >= SEGMENT_EVENTS || open.bytes + arriving > SEGMENT_BYTES;
}

/** While a sealed segment waits for KV, only full tails are sealed: an outage must not cut the log into crumbs. */
export function sealsForAge(state: InboxState, now: number, { flushMs }: Timing): boolean {
  const { from } = state.open;
  return from !== null && from + flushMs <= now && state.sealed.every((segment) => segment.putAt !== null);
}

/**
 * When a put segment may be looked at: KV shows a write everywhere within GRACE. An earlier look could find
 * nothing, and that nothing would be cached.
 */
export function readBackDue({ putAt, misses }: Segment, { graceMs }: Timing): number | null {
  return putAt === null ? null : putAt + graceMs * (misses + 1);
}

/**
 * When the Inbox must wake; null when nothing is pending. Tails go in order, so only the oldest one's look
 * counts.
 */
export function wakeAt({ sealed, open, retryAt, housekeeping }: InboxState, timing: Timing): number | null {
  const task = housekeepingDue(housekeeping);
  const due: number[] = task === null ? [] : [task];
  if (sealed.some((segment) => segment.putAt === null)) due.push(retryAt ?? 0);
  else if (open.from !== null) due.push(Math.max(open.from + timing.flushMs, retryAt ?? 0));
  const look = sealed[0] ? readBackDue(sealed[0], timing) : null;
  if (look !== null) due.push(Math.max(look, retryAt ?? 0));
  return due.length === 0 ? null : Math.min(...due);
}

/** When the next task of housekeeping is due; null when there is none. */
export function housekeepingDue({ saved, rebuilt, swept, gone, retryAt, rejectedAt }: Housekeeping): number | null {
  const due: number[] = saved ? [] : [0];
  if (rejectedAt !== null) due.push(rejectedAt + REJECTIONS_MS);
  const relist = rebuilt?.relists[0];
  if (relist !== undefined) due.push(relist);
  if (gone > 0) due.push(swept.deleted < DELETES_PER_DAY ? 0 : (swept.day + 1) * DAY);
  return due.length === 0 ? null : Math.max(Math.min(...due), retryAt ?? 0);
}

/** What was deleted on the day of `now`; days begin as KV's do, at midnight UTC. */
export function sweptOn(now: number, { day, deleted }: Swept): Swept {
  const today = Math.floor(now / DAY);
  return today === day ? { day, deleted } : { day: today, deleted: 0 };
}

/** The next try after an error: an eighth of the time the oldest waiting segment has waited already. */
export function retryDelay(sealed: readonly Segment[], now: number): number {
  const waiting = sealed.find((segment) => segment.putAt === null) ?? sealed[0];
  const age = waiting === undefined ? 0 : now - waiting.to;
  // Whole milliseconds: an alarm drops the rest, and would come before its time.
  return Math.ceil(Math.min(Math.max(age / RETRY.part, RETRY.least), RETRY.most));
}

/** What is left of a wait after an error: null once its time has come. Other reasons to wake do not end it. */
export function stillWaits(retryAt: number | null, now: number): number | null {
  return retryAt !== null && retryAt > now ? retryAt : null;
}

/** What a stored alarm is worth after a restart: null when there is none, or when it was lost. */
export function trustedAlarm(stored: number | null, now: number): number | null {
  return stored === null || stored < now - LOST_ALARM ? null : stored;
}

/** Keys reach into the past as far as the retention: so do the pages. The KV value lives a day longer. */
export function expiredBefore(now: number, { retentionMs }: Timing): number {
  return now - retentionMs;
}
