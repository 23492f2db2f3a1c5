import { DAY_MS, HOUR_MS } from "../../../shared/time.ts";
import type { Attempt, Delivery } from "../model/delivery.ts";
import { isReserved, TEST_TYPE } from "../model/subscription.ts";
import type { Ending } from "../protocol.ts";
import type { OpenDelivery } from "./queue.ts";
import { MAX_HOLD_MS, parseRetryAfter, retryDelay } from "./retry.ts";

/** Decides what an attempt means: for its delivery, and for the endpoint. Pure. */

/** The meaning of an attempt for its delivery. `gone` disables the endpoint; `postponed` uses up no attempt. */
export type Outcome = "delivered" | "retry" | "gone" | "postponed";

/** The resolver did not answer: the endpoint is not to blame, and no address is called unchecked. */
const POSTPONED_CODE = "dns_unavailable";
const POSTPONED_MS = 60_000;
const GONE = 410;
/** Statuses by which a server speaks of itself: RFC 6585 section 4 and RFC 9110 section 15.6.4. */
const HOLDING = new Set([429, 503]);
const TOO_LARGE = 413;

/**
 * Returns the outcome. A status that arrived decides alone, whatever became of the body: 2xx delivers, everything else
 * is retried, also a redirect, which is never followed.
 */
export function outcomeOf({ code, status }: Pick<Ending, "code" | "status">): Outcome {
  if (status >= 200 && status < 300) return "delivered";
  if (status === GONE) return "gone";
  return code === POSTPONED_CODE ? "postponed" : "retry";
}

/**
 * Returns the wait in milliseconds that an answer asks for, null when none. `holds`: for every delivery, as the server
 * as a whole is busy. A redirect (RFC 9110 section 10.2.3) or a 413 (section 15.5.14) asks for its own delivery alone.
 */
export function askedWait(
  { status, retryAfter }: Pick<Ending, "status" | "retryAfter">,
  now: number,
): AskedWait | null {
  const holds = HOLDING.has(status);
  if (!holds && status !== TOO_LARGE && !(status >= 300 && status < 400)) return null;
  const waitMs = parseRetryAfter(retryAfter, now);
  return waitMs === null || waitMs === 0 ? null : { waitMs, holds };
}

type AskedWait = { waitMs: number; holds: boolean };

/** `notBefore`: the server asked not to be called again before this (unix ms), or null. `random`: uniform in [0, 1). */
type Turn = { now: number; notBefore: number | null; delaysMs: readonly number[]; random: number };

/** Counts the attempts of the present schedule: none before a redelivery, none that was not made. */
export function countedAttempts(attempts: readonly Attempt[], skip: number): number {
  return attempts.slice(skip).filter(({ code }) => code !== POSTPONED_CODE).length;
}

/**
 * Returns the delivery's row after an attempt. A failed delivery keeps its body and is due again, or is dead after the
 * last attempt of the schedule. A dead one is due once more, to be reported.
 * `notBefore` lengthens a delay, and never shortens one.
 */
export function nextDelivery(
  { seq, id, type, body, attempts, mark, skip }: Omit<OpenDelivery, "isNew">,
  { at, ending }: { at: number; ending: Ending },
  { now, notBefore, delaysMs, random }: Turn,
): Delivery {
  const { status, code, ms } = ending;
  const outcome = outcomeOf(ending);
  const number = countedAttempts(attempts, skip) + 1;
  // A test is sent once: the person who asked for it sees the answer.
  const once = type === TEST_TYPE;
  const delay = once ? null : delayAfter(outcome, retryDelay(delaysMs, number, random), delaysMs);
  const nextAt = delay === null ? null : Math.max(now + delay, notBefore ?? 0);
  const delivered = outcome === "delivered";
  const answer = delivered ? { response: null } : keptAnswer(ending);
  const made: Attempt = { at, ms, status, code, nextAt, ...answer };
  // Otherwise each minute without a resolver would add an attempt that says the same.
  const before = attempts.at(-1)?.code === POSTPONED_CODE ? attempts.slice(0, -1) : attempts;
  const dead = !delivered && nextAt === null;
  return {
    ...{ seq, id, type, mark: delivered || dead ? null : mark, skip, until: null },
    state: delivered ? "delivered" : dead ? "dead" : "due",
    // An event about a failure never causes another: its own dead delivery is not reported.
    due: dead && !isReserved(type) ? now : nextAt,
    attempts: [...before, made],
    // A dead delivery keeps its body too: it can be sent again when the log no longer has the event.
    body: delivered ? null : body,
  };
}

/** Returns the part of a failure's answer that is kept. */
function keptAnswer({ response, headers }: Ending): Pick<Attempt, "response" | "headers"> {
  return headers === undefined ? { response } : { response, headers };
}

function delayAfter(outcome: Outcome, scheduled: number | null, delaysMs: readonly number[]): number | null {
  if (outcome === "delivered") return null;
  if (outcome === "postponed") return POSTPONED_MS;
  // The delivery that drew a 410 waits until the endpoint is enabled again, also after its last attempt.
  return outcome === "gone" ? (scheduled ?? delaysMs[0] ?? POSTPONED_MS) : scheduled;
}

/** An endpoint that has failed every attempt for so long is disabled. */
const FAILING_MS = 5 * DAY_MS;
/** A failure sooner than this after the last one that was noted is not noted: each note is a row. */
const NOTE_MS = HOUR_MS;

/**
 * Time in which every attempt failed: the first failure, the last one that was noted (unix ms), and the milliseconds
 * between them that count.
 */
export type Failing = { since: number; until: number; ms: number };

/**
 * Returns the time of failing after one more attempt, made `at` (unix ms); null once one succeeded. Time counts between
 * failures that lie no further apart than retries do (`gapMs`): an endpoint that had nothing to fail at was only silent.
 * An attempt that was not made counts neither way.
 */
export function failingAfter(
  known: Failing | null,
  outcome: Outcome,
  { at, gapMs }: { at: number; gapMs: number },
): Failing | null {
  if (outcome === "delivered") return null;
  if (outcome === "postponed") return known;
  if (known === null) return { since: at, until: at, ms: 0 };
  const gap = at - known.until;
  if (Math.abs(gap) < NOTE_MS) return known;
  return { since: Math.min(known.since, at), until: at, ms: known.ms + (gap > 0 && gap <= gapMs ? gap : 0) };
}

/** Returns how far apart failures may lie by a schedule of retries, or by the longest wait that a server may ask for. */
export function longestGap(delaysMs: readonly number[]): number {
  return Math.max(MAX_HOLD_MS, ...delaysMs.map((delay) => retryDelay([delay], 1, 1) ?? 0)) + 2 * NOTE_MS;
}

export function hasFailedTooLong({ ms }: Failing): boolean {
  return ms >= FAILING_MS;
}
