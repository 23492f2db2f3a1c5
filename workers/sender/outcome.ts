import type { AttemptResult } from "../../shared/attempt.ts";
import type { Attempt, Delivery } from "./endpoint-store.ts";
import { parseRetryAfter, retryDelay } from "./schedule.ts";
import type { Open } from "./window.ts";

/** What one attempt means for its delivery. */
export type Outcome = "delivered" | "retry";

/** The statuses on which a Retry-After is heard: RFC 9110 section 15.6.4 and RFC 6585 section 4. */
const HEARD = new Set([429, 503]);

/** 2xx delivers; everything else, a redirect included, is tried again: only the receiver's own yes counts. */
export function outcomeOf({ code, status }: Pick<AttemptResult, "code" | "status">): Outcome {
  return code === null && status >= 200 && status < 300 ? "delivered" : "retry";
}

/**
 * The delivery's row after an attempt. A failed one keeps its body and is due again, or is dead when it was
 * the last of the schedule.
 *
 * @param random uniform in [0, 1), for the jitter
 */
export function nextDelivery(
  { seq, id, type, body, attempts, mark }: Pick<Open, "seq" | "id" | "type" | "body" | "attempts" | "mark">,
  { at, result }: { at: number; result: AttemptResult },
  { now, delaysMs, random }: { now: number; delaysMs: readonly number[]; random: number },
): Delivery {
  const { status, code, ms } = result;
  const delivered = outcomeOf(result) === "delivered";
  const retryAfterMs = HEARD.has(status) ? parseRetryAfter(result.retryAfter, now) : null;
  const delay = delivered ? null : retryDelay(delaysMs, attempts.length + 1, { retryAfterMs, random });
  const nextAt = delay === null ? null : now + delay;
  const made: Attempt = { at, ms, status, code, nextAt, response: delivered ? null : result.response };
  return {
    ...{ seq, id, type, mark },
    state: delivered ? "delivered" : nextAt === null ? "dead" : "due",
    due: nextAt,
    attempts: [...attempts, made],
    // A dead delivery keeps its body too: it can be sent again after the log has forgotten the event.
    body: delivered ? null : body,
  };
}
