import type { Ending } from "../protocol.ts";
import { outcomeOf } from "./outcome.ts";

/**
 * Number of attempts that an endpoint takes at once, found as TCP finds its window (RFC 5681): doubled with each round of
 * successes until something gives, then one more a round; half at each sign of congestion.
 */

/** An endpoint begins with as many as one courier carries. */
const FIRST = 6;
/** Statuses by which a server asks for less. */
const BUSY = new Set([429, 503]);
/** Codes of a server that does not keep up, or is not there. */
const ABSENT = new Set([
  ...["timeout", "connect_timeout", "connection_failed", "connection_refused"],
  ...["invalid_response", "unreachable", "courier_lost"],
]);

export class Concurrency {
  #allowed = FIRST;
  /** From here on the number grows by one a round. */
  #threshold = Number.POSITIVE_INFINITY;
  #halvedAt = Number.NEGATIVE_INFINITY;

  /** Returns how many attempts may be under way, at most `max`. */
  allowed(max: number): number {
    return Math.min(Math.floor(this.#allowed), max);
  }

  /** Notes the end of an attempt that started at `at` (unix ms), while `underWay` were, itself included. */
  note(ending: Pick<Ending, "status" | "code">, { at, now, underWay, max }: Noted): void {
    if (outcomeOf(ending) === "delivered") {
      // A number that is not used says nothing of a larger one.
      if (underWay * 2 < this.#allowed) return;
      this.#allowed = Math.min(max, this.#allowed + (this.#allowed < this.#threshold ? 1 : 1 / this.#allowed));
    } else if (isCongestion(ending) && at >= this.#halvedAt) {
      // Those that were under way together fail together, and count once.
      this.#allowed = Math.max(1, Math.min(this.#allowed, max) / 2);
      this.#threshold = this.#allowed;
      this.#halvedAt = now;
    }
  }
}

type Noted = { at: number; now: number; underWay: number; max: number };

function isCongestion({ status, code }: Pick<Ending, "status" | "code">): boolean {
  return BUSY.has(status) || (code !== null && ABSENT.has(code));
}
