import { textFilter } from "../model/event-text.ts";
import type { FoundEvent, SearchAnswer, SearchQuery } from "../protocol.ts";
import type { EventLog } from "./event-log.ts";

/** Looks through the log for a text and a span of time. One search has bounds, and says how far it looked. */

const LOOKED_EVENTS = 10_000;
/** Length of all bodies looked at: about ten milliseconds of work, for which publishers wait. */
const LOOKED_LENGTH = 4 * 1024 * 1024;
const STEP = 500;

/** The first and the last seq of a span of time. */
type SeqSpan = { from: number; to: number };

export function searchLog(log: EventLog, query: SearchQuery): SearchAnswer {
  const { after, before, type, q, limit } = query;
  const span = spanOf(log, query);
  const holds = q === null ? () => true : textFilter(q);
  const up = after !== null;
  const events: FoundEvent[] = [];
  let [looked, length] = [0, 0];
  let last = up ? Math.max(after, span.from - 1) : Math.min(before ?? span.to + 1, span.to + 1);
  while (events.length < limit && looked < LOOKED_EVENTS && length < LOOKED_LENGTH) {
    const ahead = up ? span.to - last : last - span.from;
    if (ahead <= 0) break;
    const scanned = Math.min(ahead, LOOKED_EVENTS - looked);
    const page = log.page({ after: up ? last : null, before: up ? null : last, type, limit: STEP, scanned });
    length += page.events.reduce((sum, { body }) => sum + body.length, 0);
    const found = page.events.filter((event) => isInTime(event, query) && holds(event)).slice(0, limit - events.length);
    events.push(...found);
    const full = events.length === limit ? (events.at(-1)?.seq ?? page.last) : page.last;
    const reached = up ? Math.min(full, span.to) : Math.max(full, span.from);
    looked += Math.min(scanned, Math.abs(reached - last));
    last = reached;
  }
  return { events, last, ...span, looked, at: log.event(last)?.at ?? null, head: log.head };
}

/** Returns the part of the log that a span of time lies in. */
function spanOf(log: EventLog, { since, until }: SearchQuery): SeqSpan {
  return {
    from: since === null ? log.oldest : Math.max(log.oldest, log.firstSince(since)),
    to: until === null ? log.head : log.lastBefore(until),
  };
}

/** Returns whether an event lies in a span of time: a clock that was set back may have mixed others in. */
function isInTime({ at }: FoundEvent, { since, until }: SearchQuery): boolean {
  return (since === null || at >= since) && (until === null || at < until);
}
