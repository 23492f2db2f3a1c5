import type { AttemptResult } from "../../../shared/outgoing/attempt.ts";
import { DAY_MS } from "../../../shared/time.ts";
import type { Attempt, Delivery } from "../model/delivery.ts";
import { isReserved } from "../model/subscription.ts";
import type { OpenDelivery } from "./queue.ts";
import { parseRetryAfter, retryDelay } from "./retry.ts";

/** Decides what an attempt means: for its delivery, and for the endpoint. Pure. */

/** The end of an attempt: an HTTP response, or a code of the attempt or of the checks before it. */
export type Ending = Omit<AttemptResult, "code"> & { code: string | null };

/** The meaning of an attempt for its delivery. `gone` disables the endpoint; `postponed` uses up no attempt. */
export type Outcome = "delivered" | "retry" | "gone" | "postponed";

/** The resolver did not answer: the endpoint is not to blame, and no address is called unchecked. */
const POSTPONED_CODE = "dns_unavailable";
const POSTPONED_MS = 60_000;
const GONE = 410;
/** Statuses on which a Retry-After counts: RFC 9110 section 15.6.4 and RFC 6585 section 4. */
const HEARD = new Set([429, 503]);

/**
 * Returns the outcome. A status that arrived decides alone, whatever became of the body: 2xx delivers, everything else
 * is retried, also a redirect, which is never followed.
 */
export function outcomeOf({ code, status }: Pick<Ending, "code" | "status">): Outcome {
  if (status >= 200 && status < 300) return "delivered";
  if (status === GONE) return "gone";
  return code === POSTPONED_CODE ? "postponed" : "retry";
}

/** Counts the attempts of the present schedule: none before a redelivery, none that was not made. */
export function countedAttempts(attempts: readonly Attempt[], skip: number): number {
  return attempts.slice(skip).filter(({ code }) => code !== POSTPONED_CODE).length;
}

/**
 * Returns the delivery's row after an attempt. A failed delivery keeps its body and is due again, or is dead after the
 * last attempt of the schedule. A dead one is due once more, to be reported.
 *
 * @param random uniform in [0, 1), for the jitter
 */
export function nextDelivery(
  { seq, id, type, body, attempts, mark, skip }: Omit<OpenDelivery, "isNew">,
  { at, ending }: { at: number; ending: Ending },
  { now, delaysMs, random }: { now: number; delaysMs: readonly number[]; random: number },
): Delivery {
  const { status, code, ms } = ending;
  const outcome = outcomeOf(ending);
  const retryAfterMs = HEARD.has(status) ? parseRetryAfter(ending.retryAfter, now) : null;
  const number = countedAttempts(attempts, skip) + 1;
  const delay = delayAfter(outcome, retryDelay(delaysMs, number, { retryAfterMs, random }), delaysMs);
  const nextAt = delay === null ? null : now + delay;
  const delivered = outcome === "delivered";
  const made: Attempt = { at, ms, status, code, nextAt, response: delivered ? null : ending.response };
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

function delayAfter(outcome: Outcome, scheduled: number | null, delaysMs: readonly number[]): number | null {
  if (outcome === "delivered") return null;
  if (outcome === "postponed") return POSTPONED_MS;
  // The delivery that drew a 410 waits until the endpoint is enabled again, also after its last attempt.
  return outcome === "gone" ? (scheduled ?? delaysMs[0] ?? POSTPONED_MS) : scheduled;
}

/** An endpoint that has failed every attempt for so long is disabled. */
export const FAILING_MS = 5 * DAY_MS;

/**
 * Returns since when every attempt has failed, after one more attempt; null once one succeeded. An attempt that was not
 * made counts neither way.
 */
export function failingSince(known: number | null, outcome: Outcome, at: number): number | null {
  if (outcome === "delivered") return null;
  return outcome === "postponed" ? known : (known ?? at);
}
