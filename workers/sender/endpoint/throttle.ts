/**
 * When the next request to an endpoint may start: slots, the budget of one invocation, the endpoint's rate.
 * Memory only; what a restart forgets it makes up for by waiting.
 */

/** Connections that may wait for headers at once in one object; more would wait in the platform, unseen. */
const SLOTS = 6;
/** Outgoing requests in one event delivered to the object, DNS look-ups included: the free plan stops at 50. */
export const BUDGET = 40;
/** After so many failures in a row one attempt at a time: six that hang or fail help nobody, and cost the others. */
const FAILURES_TO_SLOW = 3;
const SECOND_MS = 1000;

/** What an endpoint's configuration asks for. */
export type Limits = { ordered: boolean; perSecond: number | null };

/** `busy`: a finished attempt will ask again; `spent`: an alarm must; `waitMs`: ask again then. */
export type Permission =
  | { go: true }
  | { go: false; why: "busy" | "spent" }
  | { go: false; why: "rate"; waitMs: number };

export class Throttle {
  #inFlight = 0;
  #budget = BUDGET;
  #failures = 0;
  /** When the last requests started, the newest last; as many as any rate has to look back on. */
  #starts: number[] = [];
  readonly #bornAt: number;

  constructor(now: number) {
    this.#bornAt = now;
  }

  /** An event was delivered to the object: a new invocation, with a budget of its own. */
  refill(): void {
    this.#budget = BUDGET;
  }

  /** Whether it keeps failing, so that there is no hurry to have more to send. */
  get slowed(): boolean {
    return this.#failures >= FAILURES_TO_SLOW;
  }

  ask(now: number, { ordered, perSecond }: Limits): Permission {
    const slots = ordered || this.slowed ? 1 : SLOTS;
    if (this.#inFlight >= slots) return { go: false, why: "busy" };
    if (this.#budget <= 0) return { go: false, why: "spent" };
    const waitMs = perSecond === null ? 0 : this.#rateWait(now, perSecond);
    return waitMs > 0 ? { go: false, why: "rate", waitMs } : { go: true };
  }

  start(now: number, perSecond: number | null): void {
    this.#inFlight++;
    this.#budget--;
    this.#starts = perSecond === null ? [] : [...this.#starts, now].slice(-perSecond);
  }

  /** Requests beside the attempt itself: DNS look-ups. */
  spend(requests: number): void {
    this.#budget -= requests;
  }

  finish(failed: boolean): void {
    this.#inFlight--;
    this.#failures = failed ? this.#failures + 1 : 0;
  }

  /** No more than `perSecond` starts in any second, those of a life before this one included: hence its wait. */
  #rateWait(now: number, perSecond: number): number {
    const oldest = this.#starts.at(-perSecond) ?? this.#bornAt;
    const since = this.#starts.length < perSecond ? this.#bornAt : oldest;
    return since + SECOND_MS - now;
  }
}
