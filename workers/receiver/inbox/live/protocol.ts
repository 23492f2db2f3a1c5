import { utf8 } from "../../../../shared/bytes.ts";
import type { EventFilter } from "../../event/filter.ts";
import type { Batch } from "../../event/page.ts";
import type { Extent } from "../state/state.ts";

/**
 * The decisions of the Inbox's sockets. Pure; times in unix milliseconds.
 *
 * A viewer asks `{"more": n}` and gets one answer: a batch of what follows `n`, as soon as there is any;
 * `{"behind": s}` when what follows is only in segments, to be paged over HTTP up to `s`; `{"reset": head}`
 * when the log ends before `n`. Then it asks again. So at most one batch is on its way to each viewer, and
 * what was missed and what is new are the same read.
 *
 * A socket's `send` never says whether the other end reads, and a position can be guessed. So each answer has a
 * `receipt` that cannot be, and the next question brings it back: `{"more": n, "receipt": r}`. What was sent since
 * the last receipt may still lie in a buffer, and is counted; a viewer that has too much of it is closed. One
 * that never gives receipts is so after about a megabyte, and goes on by its cursor with another socket. The
 * platform's own `pong` is not counted: it takes no more room than the `ping` that it answers.
 */

export const BATCH_BYTES = 256 * 1024;

/** A wait whose filter matched nothing in this many events is told how far it came: its cursor must not rot. */
const ADVANCE_EVENTS = 500;

/** A viewer that does not ask for this long, while events wait for it, is gone or stuck. */
const DEAF_MS = 60_000;

/** How far apart rounds of answers are, per viewer: a relayed answer also costs a Worker its request or write. */
const ROUND_MS = { direct: 0.25, relayed: 2 };

/** Beyond this no question is answered: at most so much, and one batch, lies in a buffer for a viewer. */
const UNREAD_BYTES = 1024 * 1024;
/** What a question counts besides events: more than the rest of its answer has, so that nobody asks without end. */
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
 * What is known of one socket; it survives hibernation as the socket's attachment, whose 2,048 bytes it fits.
 * `asked`: the position of the last question, null when it was answered by `behind` or `reset`; `after`: up to
 * where it was answered, or the wait has looked; `wants`: the question is still open; `sentAt`: when the last
 * answer left; `relayed`: a Worker asks, for a stream or a poll; `receipt`: the last answer's, null when it was
 * given; `unread`: bytes sent since the last receipt that was.
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

/** What a question leads to: an answer at once, or a place among those who wait. */
export type Outcome = { viewer: Viewer; answer: { behind: number } | { reset: number } | null };

/** Null when it is no question. */
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

/** The viewer with one more question on its account. A receipt counts once, for all that was sent up to it. */
export function charged(viewer: Viewer, receipt: string | null): Viewer {
  const isRead = receipt !== null && receipt === viewer.receipt;
  return isRead
    ? { ...viewer, receipt: null, unread: QUESTION_BYTES }
    : { ...viewer, unread: viewer.unread + QUESTION_BYTES };
}

/** Whether a charged question is one too many. */
export function isOverdrawn({ unread }: Viewer): boolean {
  return unread > UNREAD_BYTES;
}

/** The same question twice is one question: a client may put it into the URL and send it as well. */
export function question(viewer: Viewer, more: number, { head, floor }: Extent, now: number): Outcome {
  if (more === viewer.asked) return { viewer, answer: null };
  const answered = { ...viewer, asked: null, wants: false, sentAt: now };
  if (more > head) return { viewer: { ...answered, after: head }, answer: { reset: head } };
  if (more < floor) return { viewer: { ...answered, after: floor }, answer: { behind: floor } };
  return { viewer: { ...viewer, asked: more, after: more, wants: true }, answer: null };
}

/** Whether there is something to look at for a viewer. */
export function isDue({ wants, after }: Viewer, { head }: Extent): boolean {
  return wants && after < head;
}

/** Checked when there is news: a hibernating object has no timer, and without news nothing is held for anyone. */
export function isDeaf({ wants, after, sentAt }: Viewer, { head }: Extent, now: number): boolean {
  return !wants && after < head && now - sentAt > DEAF_MS;
}

/** Those for whom there is something to look at, in groups that share it: of one position and one filter. */
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

/** What was read for a viewer that wants: whether it is an answer, or the wait goes on from there. */
export function isAnswer(viewer: Viewer, { events, next }: Pick<Batch, "events" | "next">): boolean {
  return events.length > 0 || next - (viewer.asked ?? viewer.after) >= ADVANCE_EVENTS;
}

/**
 * When the next round of answers may begin: at once after a quiet time. Under load, rounds are so far apart that
 * answering never takes most of the object's time from accepting, however many watch; what arrives in between
 * goes together. 200 sockets make that 50 ms, 200 streams 400.
 */
export function roundDelay(viewers: Iterable<Viewer>, last: number, now: number): number {
  let apart = 0;
  for (const { relayed } of viewers) apart += relayed ? ROUND_MS.relayed : ROUND_MS.direct;
  return Math.min(Math.max(last + apart - now, 0), apart);
}

/** A batch's message, how far it reaches, and the size of its events: what exceeds a batch is for the next one. */
export function batchMessage({ events, next }: Pick<Batch, "events" | "next">, head: number) {
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
  return { text: `{"events":[${texts.join(",")}],"next":${reached}${end}}`, next: reached, bytes };
}

/** An answer's JSON as it is sent to one viewer; the rest of it may be shared. */
export function withReceipt(text: string, receipt: string): string {
  return `${text.slice(0, -1)},"receipt":"${receipt}"}`;
}

/** The head of the log when the socket was opened, on the answer to the upgrade. */
export const HEAD_HEADER = "inbox-head";

/** The query parameter of a Worker that passes on what it is told. */
export const RELAYED = "relayed";
