import { utf8 } from "../../../../shared/bytes.ts";
import type { EventFilter } from "../../event/filter.ts";
import type { Batch, RepeatedEvent } from "../../event/page.ts";
import type { Extent } from "../state/state.ts";

/**
 * The rules of the Inbox's sockets. Pure; times in unix milliseconds.
 *
 * A viewer asks `{"more": n}` and gets one answer: a batch of the events after `n`, as soon as there are any;
 * `{"behind": s}` when the next events are only in segments, to be paged over HTTP up to `s`; `{"reset": head}` when the
 * log ends before `n`. A batch may be empty, and tell which events came again, or how many requests were `rejected`. Then
 * the viewer asks again. So at most one batch is on its way to each viewer, and missed events
 * and new events are the same read.
 *
 * A socket's `send` never tells if the other end reads, and a position can be guessed. So each answer has a `receipt`
 * that cannot be guessed, and the next question brings it back: `{"more": n, "receipt": r}`. Bytes sent since the last
 * receipt may still lie in a buffer, and are counted; a viewer with too many of them is closed. A viewer that never
 * gives receipts is closed after about a megabyte, and goes on by its cursor with another socket. The platform's own
 * `pong` is not counted: it takes no more space than the `ping` before it.
 */

/** Header of the answer to an upgrade: the head of the log when the socket was opened. */
export const HEAD_HEADER = "inbox-head";

/** Query parameter of a Worker that passes the answers on. */
export const RELAYED = "relayed";

/** One batch holds at most these bytes of events, but at least one event. */
export const BATCH_BYTES = 256 * 1024;

/** A wait whose filter matched nothing in this many events is told how far it has looked: its cursor must keep up. */
const ADVANCE_EVENTS = 500;

/** A viewer that does not ask for this long while events wait is gone or stuck. */
const DEAF_MS = 60_000;

/** The time between rounds of answers, per viewer: a relayed answer also costs a Worker its request or write. */
const ROUND_MS = { direct: 0.25, relayed: 2 };

/** Beyond this no question is answered: at most these bytes and one batch lie in a buffer for a viewer. */
const UNREAD_BYTES = 1024 * 1024;
/** A question counts as this many bytes beside its events, more than the rest of its answer: nobody asks without end. */
export const QUESTION_BYTES = 512;

const MAX_MESSAGE_LENGTH = 256;

/** Codes of the application's range, RFC 6455 section 7.4.2; the reason says what to do. */
export const CLOSE_CODES = {
  malformed: { code: 4400, reason: 'send {"more": n} with the seq or cursor to go on from, and the last "receipt"' },
  deaf: { code: 4008, reason: "events waited 60 s for the next question; connect again with your cursor" },
  unread: {
    code: 4029,
    reason: "too much sent without a receipt; return each answer's, or connect again with your cursor",
  },
  failed: { code: 1011, reason: "the log could not be read; connect again with your cursor" },
} as const;

/**
 * The Inbox's knowledge of one socket. It survives hibernation as the socket's attachment, whose 2,048 bytes it fits.
 * `asked` is the position of the last question, null when that was answered by `behind` or `reset`. `after` is how far
 * it was answered, or the wait has looked. `wants`: the question is still open. `sentAt` is when the last answer left.
 * `relayed`: a Worker asks, for a stream or a poll. `receipt` is that of the last answer, null once it was given back.
 * `unread` counts the bytes sent since the last receipt that was given back.
 */
export type Viewer = {
  filter: EventFilter;
  relayed: boolean;
  asked: number | null;
  after: number;
  wants: boolean;
  sentAt: number;
  receipt: string | null;
  unread: number;
};

/** A client's message. */
export type Question = { more: number; receipt: string | null };

/** The outcome of a question: an answer at once, or a place among those who wait. */
export type Outcome = { viewer: Viewer; answer: { behind: number } | { reset: number } | null };

/** Reads a client's message; null when it is no question. */
export function parseQuestion(message: string | ArrayBuffer): Question | null {
  if (typeof message !== "string" || message.length > MAX_MESSAGE_LENGTH) return null;
  try {
    const { more, receipt = null } = JSON.parse(message) as { more?: unknown; receipt?: unknown };
    if (!Number.isSafeInteger(more) || (more as number) < 0) return null;
    return receipt === null || typeof receipt === "string" ? { more: more as number, receipt } : null;
  } catch {
    return null;
  }
}

/** Charges the viewer for one more question. A receipt counts once, for all that was sent up to it. */
export function charged(viewer: Viewer, receipt: string | null): Viewer {
  const isRead = receipt !== null && receipt === viewer.receipt;
  return isRead
    ? { ...viewer, receipt: null, unread: QUESTION_BYTES }
    : { ...viewer, unread: viewer.unread + QUESTION_BYTES };
}

/** Returns whether a charged question is one too many. */
export function isOverdrawn({ unread }: Viewer): boolean {
  return unread > UNREAD_BYTES;
}

/** Answers a question, or lets it wait. The same question twice is one: a client may put it into the URL and send it. */
export function question(viewer: Viewer, more: number, { head, floor }: Extent, now: number): Outcome {
  if (more === viewer.asked) return { viewer, answer: null };
  const answered = { ...viewer, asked: null, wants: false, sentAt: now };
  if (more > head) return { viewer: { ...answered, after: head }, answer: { reset: head } };
  if (more < floor) return { viewer: { ...answered, after: floor }, answer: { behind: floor } };
  return { viewer: { ...viewer, asked: more, after: more, wants: true }, answer: null };
}

/** Returns whether there is something to look at for a viewer. */
export function isDue({ wants, after }: Viewer, { head }: Extent): boolean {
  return wants && after < head;
}

/**
 * Returns whether a viewer has not asked for too long. This is checked when there is news: a hibernating object has no
 * timer, and without news nothing is held for anyone.
 */
export function isDeaf({ wants, after, sentAt }: Viewer, { head }: Extent, now: number): boolean {
  return !wants && after < head && now - sentAt > DEAF_MS;
}

/** Groups the viewers with something to look at by position and filter: a group shares one read and one answer. */
export function dueTogether<Seat extends { viewer: Viewer; key: string }>(seats: Iterable<Seat>, extent: Extent) {
  const groups = new Map<string, [Seat, ...Seat[]]>();
  for (const seat of seats) {
    if (!isDue(seat.viewer, extent)) continue;
    const key = `${seat.viewer.after} ${seat.key}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [seat]);
    else group.push(seat);
  }
  return groups.values();
}

/** Returns whether a read is an answer to a viewer's question, or the wait goes on from there. */
export function isAnswer(viewer: Viewer, { events, next, missing = [] }: Batch): boolean {
  return events.length > 0 || missing.length > 0 || next - (viewer.asked ?? viewer.after) >= ADVANCE_EVENTS;
}

/**
 * Returns the wait until the next round of answers may begin: none after a quiet time. Under load, rounds are so far
 * apart that answering never takes most of the object's time from accepting, however many watch; events that arrive in
 * between go together. With 200 sockets that is 50 ms, with 200 streams 400.
 */
export function roundDelay(viewers: Iterable<Viewer>, last: number, now: number): number {
  let apart = 0;
  for (const { relayed } of viewers) apart += relayed ? ROUND_MS.relayed : ROUND_MS.direct;
  return Math.min(Math.max(last + apart - now, 0), apart);
}

/** Events that came again and are told in one message: the newest of a flood. */
export const MAX_TOLD_AGAIN = 100;

/** Returns a batch's message, how far it reaches, and the size of its events; events beyond BATCH_BYTES are left out. */
export function batchMessage(
  { events, next, missing = [] }: Batch,
  head: number,
  repeated: readonly RepeatedEvent[] = [],
) {
  const texts: string[] = [];
  let bytes = 0;
  for (const event of events) {
    const text = JSON.stringify(event);
    const more = bytes + utf8(text).byteLength + 1;
    if (texts.length > 0 && more > BATCH_BYTES) break;
    texts.push(text);
    bytes = more;
  }
  const reached = texts.length === events.length ? next : (events[texts.length - 1]?.seq ?? next);
  const end = reached >= head ? ',"end":true' : "";
  const passed = missing.filter(({ from }) => from <= reached);
  const gaps = passed.length > 0 ? `,"missing":${JSON.stringify(passed)}` : "";
  const again = repeated.length === 0 ? "" : `"repeated":${JSON.stringify(repeated)},`;
  return {
    text: `{"events":[${texts.join(",")}],${again}"next":${reached}${end}${gaps}}`,
    next: reached,
    bytes: bytes + again.length + gaps.length,
  };
}

/** Returns a batch's JSON with the number of requests that were rejected in the last day. */
export function withRejected(text: string, lastDay: number): string {
  return `${text.slice(0, -1)},"rejected":${lastDay}}`;
}

/** Returns an answer's JSON as one viewer gets it; the rest of the text may be shared. */
export function withReceipt(text: string, receipt: string): string {
  return `${text.slice(0, -1)},"receipt":"${receipt}"}`;
}
