import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../../../shared/time.ts";
import type { Segment } from "../../archive/segments.ts";
import type { Verified } from "../../rejected/history.ts";
import type { Housekeeping, InboxState } from "./state.ts";

/**
 * The rules for a clock that was ahead: the times that the log noted meanwhile count as now once the clock is right
 * again. The order of events is by seq, and needs no clock. Pure; times in unix milliseconds.
 */

/** A clock that steps back by less is waited for: receivedAt never goes back for a mere correction. */
const STEP_MS = 5 * MINUTE_MS;

/** The longest waits that the log begins; a time further ahead is of another clock. */
const LONGEST_MS = { retry: HOUR_MS, task: HOUR_MS, note: MINUTE_MS };

/** Returns whether a time was noted by a clock that was ahead; `wait`: it may be so long after the moment of the note. */
export function isAhead(at: number | null, now: number, wait = 0): boolean {
  return at !== null && at > now + wait + STEP_MS;
}

/** Returns whether the log holds any time of a clock that was ahead. */
export function wasAhead(state: InboxState, now: number): boolean {
  const { lastAt, open, sealed, retryAt, housekeeping, verified } = state;
  return (
    isAhead(lastAt, now) ||
    isAhead(open.from, now) ||
    sealed.some(({ putAt }) => isAhead(putAt, now)) ||
    isAhead(retryAt, now, LONGEST_MS.retry) ||
    Object.values(verified.sources).some(({ at }) => isAhead(at, now)) ||
    isHousekeepingAhead(housekeeping, now)
  );
}

function isHousekeepingAhead(housekeeping: Housekeeping, now: number): boolean {
  const { retryAt, notesDue, rebuilt, swept, unread } = housekeeping;
  return (
    [retryAt, ...(rebuilt?.relists ?? [])].some((at) => isAhead(at, now, LONGEST_MS.task)) ||
    isAhead(notesDue, now, LONGEST_MS.note) ||
    unread.some(({ at }) => isAhead(at, now)) ||
    isAhead(swept.day * DAY_MS, now)
  );
}

/** Returns the state with every time that is ahead as if it were now. Times of events stay as they were noted. */
export function withoutAhead(state: InboxState, now: number): InboxState {
  const { lastAt, open, sealed, retryAt, housekeeping, verified } = state;
  const orNow = <At extends number | null>(at: At, wait = 0) => (isAhead(at, now, wait) ? now : at);
  const { rebuilt, swept, unread } = housekeeping;
  const relists = rebuilt?.relists.map((at) => orNow(at, LONGEST_MS.task)) ?? [];
  return {
    ...state,
    lastAt: orNow(lastAt),
    open: { ...open, from: orNow(open.from) },
    sealed: sealed.map((segment): Segment => ({ ...segment, putAt: orNow(segment.putAt) })),
    retryAt: orNow(retryAt, LONGEST_MS.retry),
    verified: verifiedBefore(verified, now),
    housekeeping: {
      ...housekeeping,
      retryAt: orNow(housekeeping.retryAt, LONGEST_MS.task),
      notesDue: orNow(housekeeping.notesDue, LONGEST_MS.note),
      rebuilt: rebuilt && { ...rebuilt, relists },
      swept: isAhead(swept.day * DAY_MS, now) ? { ...swept, day: Math.floor(now / DAY_MS) } : swept,
      unread: unread.map((part) => ({ ...part, at: orNow(part.at), since: orNow(part.since) })),
    },
  };
}

function verifiedBefore(verified: Verified, now: number): Verified {
  const sources = Object.entries(verified.sources).map(([source, proven]) => [
    source,
    { ...proven, at: Math.min(proven.at, now), savedAt: Math.min(proven.savedAt, now) },
  ]);
  return { ...verified, sources: Object.fromEntries(sources) };
}
