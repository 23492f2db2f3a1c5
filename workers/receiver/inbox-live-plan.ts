import { utf8 } from "../../shared/bytes.ts";
import type { EventFilter } from "./filter.ts";
import type { EventSummary } from "./record.ts";

/**
 * The decisions of the Inbox's sockets. Pure; times in unix milliseconds.
 *
 * A viewer asks `{"more": n}` and gets one answer: a batch of what follows `n`, as soon as there is any;
 * `{"behind": s}` when what follows is only in segments, to be paged over HTTP up to `s`; `{"reset": head}`
 * when the log ends before `n`. Then it asks again. So at most one batch is on its way to each viewer, and
 * what was missed and what is new are the same read.
 */

/** One batch holds at most this many events, or bytes of them, but at least one event. */
export const BATCH_EVENTS = 100;
export const BATCH_BYTES = 256 * 1024;

/** A wait whose filter matched nothing in this many events is told how far it came: its cursor must not rot. */
export const ADVANCE_EVENTS = 500;

/** A viewer that does not ask for this long, while events wait for it, is gone or stuck. */
export const DEAF_MS = 60_000;

/** How far apart rounds of answers are, per viewer: a relayed answer also costs a Worker its request or write. */
const ROUND_MS = { direct: 0.25, relayed: 2 };

const MAX_MESSAGE_LENGTH = 256;
/** Questions that prove nothing was read: more than these within the window come from a client in a loop. */
const MAX_QUESTIONS = 100;
const QUESTIONS_MS = 10_000;

/** Codes of the application's range, RFC 6455 section 7.4.2; the reason says what to do. */
export const CLOSE = {
  malformed: { code: 4400, reason: 'send {"more": n} with the seq or cursor to go on from' },
  deaf: { code: 4008, reason: "events waited 60 s for the next question; connect again with your cursor" },
  flood: { code: 4029, reason: "too many questions; wait for the answer before the next one" },
  failed: { code: 1011, reason: "the log could not be read; connect again with your cursor" },
} as const;

/**
 * What is known of one socket; it survives hibernation as the socket's attachment, whose 2,048 bytes it fits.
 * `asked`: the position of the last question, null when it was answered by `behind` or `reset`; `after`: up to
 * where it was answered, or the wait has looked; `wants`: the question is still open; `sentAt`: when the last
 * answer left; `relayed`: a Worker asks, for a stream or a poll.
 */
export type Viewer = {
  filter: EventFilter;
  relayed: boolean;
  asked: number | null;
  after: number;
  wants: boolean;
  sentAt: number;
};

/** The log as viewers see it: its newest event, and the newest one that is in no tail any more. */
export type Extent = { head: number; floor: number };

/** What a question leads to: an answer at once, or a place among those who wait. */
export type Outcome = { viewer: Viewer; answer: { behind: number } | { reset: number } | null };

/** `end`: with this batch the viewer has everything there is. */
export type Batch = { events: EventSummary[]; next: number; end?: true };

/** The position in a client's message, or null when it is no question. */
export function parseQuestion(message: string | ArrayBuffer): number | null {
  if (typeof message !== "string" || message.length > MAX_MESSAGE_LENGTH) return null;
  try {
    const { more } = JSON.parse(message) as { more?: unknown };
    return Number.isSafeInteger(more) && (more as number) >= 0 ? (more as number) : null;
  } catch {
    return null;
  }
}

/** The same question twice is one question: a client may put it into the URL and send it as well. */
export function question(viewer: Viewer, more: number, { head, floor }: Extent, now: number): Outcome {
  if (more === viewer.asked) return { viewer, answer: null };
  const answered = { ...viewer, asked: null, wants: false, sentAt: now };
  if (more > head) return { viewer: { ...answered, after: head }, answer: { reset: head } };
  if (more < floor) return { viewer: { ...answered, after: floor }, answer: { behind: floor } };
  return { viewer: { ...viewer, asked: more, after: more, wants: true }, answer: null };
}

/** Whether who asks has read the last batch: only there is its `next`. Nothing else tells how much a client takes. */
export function provesRead({ asked, wants, after }: Viewer, more: number): boolean {
  return asked !== null && !wants && more === after;
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

/** A batch's message, and how far it reaches: what exceeds its size is for the next one. */
export function batchMessage({ events, next }: Pick<Batch, "events" | "next">, head: number) {
  const texts: string[] = [];
  let bytes = 0;
  for (const event of events) {
    const text = JSON.stringify(event);
    bytes += utf8(text).byteLength;
    if (texts.length > 0 && bytes > BATCH_BYTES) break;
    texts.push(text);
  }
  const reached = texts.length === events.length ? next : (events[texts.length - 1]?.seq ?? next);
  const end = reached >= head ? ',"end":true' : "";
  return { text: `{"events":[${texts.join(",")}],"next":${reached}${end}}`, next: reached };
}

/** Counts questions that do not prove that the last batch was read; no batch starts the count anew. */
export class Patience {
  #asked = 0;
  #since = Number.NEGATIVE_INFINITY;

  /** False when the client asks without end. */
  bears(now: number): boolean {
    if (now - this.#since > QUESTIONS_MS) {
      this.#asked = 0;
      this.#since = now;
    }
    this.#asked += 1;
    return this.#asked <= MAX_QUESTIONS;
  }
}
