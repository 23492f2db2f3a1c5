/**
 * Says when the next request to an endpoint may start, by the requests under way, the budget of one invocation and the
 * endpoint's rate limit. Memory only: after a restart a wait makes up for what is forgotten.
 */

/** Connections that may wait for headers at once in one object; more would wait in the platform, unseen. */
const CONNECTIONS = 6;
/** Outgoing requests in one event delivered to the object, DNS look-ups included: the free plan stops at 50. */
export const BUDGET = 40;
/** After so many failures in a row, attempts are made one at a time: six that hang help nobody and cost the others. */
const FAILURES_TO_SLOW = 3;
const SECOND_MS = 1000;

/** The limits that an endpoint's configuration asks for. */
export type Limits = { ordered: boolean; perSecond: number | null };

/** Without `go`: `busy` when a finished attempt will ask again, `spent` when an alarm must, `rate` after `waitMs`. */
type Permission = { go: true } | { go: false; why: "busy" | "spent" } | { go: false; why: "rate"; waitMs: number };

export class Throttle {
  #inFlight = 0;
  #budget = BUDGET;
  #failures = 0;
  /** Start times of the last requests, the newest last: as many as a rate limit looks back on. */
  #starts: number[] = [];
  #createdAt: number;

  constructor(now: number) {
    this.#createdAt = now;
  }

  /** Gives a new budget: an event was delivered to the object, which is an invocation of its own. */
  refill(): void {
    this.#budget = BUDGET;
  }

  /** True while the endpoint keeps failing: it need not be offered more in a hurry. */
  get slowed(): boolean {
    return this.#failures >= FAILURES_TO_SLOW;
  }

  ask(now: number, { ordered, perSecond }: Limits): Permission {
    const connections = ordered || this.slowed ? 1 : CONNECTIONS;
    if (this.#inFlight >= connections) return { go: false, why: "busy" };
    if (this.#budget <= 0) return { go: false, why: "spent" };
    const waitMs = perSecond === null ? 0 : this.#rateWait(now, perSecond);
    return waitMs > 0 ? { go: false, why: "rate", waitMs } : { go: true };
  }

  start(now: number, perSecond: number | null): void {
    this.#inFlight++;
    this.#budget--;
    this.#starts = perSecond === null ? [] : [...this.#starts, now].slice(-perSecond);
  }

  /** Counts requests made beside an attempt: DNS look-ups. */
  spend(requests: number): void {
    this.#budget -= requests;
  }

  finish(failed: boolean): void {
    this.#inFlight--;
    this.#failures = failed ? this.#failures + 1 : 0;
  }

  /**
   * Returns the wait that keeps any second at `perSecond` starts. After a restart: a full second, as earlier starts are
   * not known.
   */
  #rateWait(now: number, perSecond: number): number {
    if (this.#createdAt > now || (this.#starts.at(-1) ?? now) > now) {
      // The clock was set back: earlier starts are not known either.
      this.#createdAt = now;
      this.#starts = [];
    }
    const oldest = this.#starts.at(-perSecond) ?? this.#createdAt;
    const since = this.#starts.length < perSecond ? this.#createdAt : oldest;
    return since + SECOND_MS - now;
  }
}
