import type { Rate } from "../model/endpoint.ts";
import type { Ending } from "../protocol.ts";
import { Concurrency } from "./concurrency.ts";
import { PARCELS } from "./couriers.ts";
import { outcomeOf } from "./outcome.ts";

/**
 * Says when the next attempt at an endpoint may start, by the attempts under way, the budget of one invocation and the
 * endpoint's rate limit. Memory only: after a restart a wait makes up for what is forgotten.
 */

/** Couriers that may be called in one event delivered to the object: the platform allows 32 invocations a request. */
export const BUDGET = 30;
/** After so many failures in a row, attempts are made one at a time: many that hang help nobody and cost the others. */
const FAILURES_TO_SLOW = 3;
/**
 * The rate of attempts while an endpoint keeps failing: one after the other without a pause, they would take a third of
 * the processor from the healthy ones. They come in groups, whose rows share a commit.
 */
export const FAILING_RATE: Rate = { count: 5, windowMs: 500 };

/** The limits that an endpoint's configuration asks for. */
export type Limits = { ordered: boolean; rate: Rate | null; concurrency: number };

/** Without `go`: `busy` when a finished attempt will ask again, `spent` when an alarm must, `rate` after `waitMs`. */
type Permission = { go: true } | { go: false; why: "busy" | "spent" } | { go: false; why: "rate"; waitMs: number };

export class Throttle {
  readonly #concurrency = new Concurrency();
  #underWay = 0;
  #budget = BUDGET;
  /** Deliveries that still fit into the call that is being filled. */
  #space = 0;
  #failures = 0;
  /** Start times of the last requests, the newest last: as many as a rate limit looks back on. */
  #starts: number[] = [];
  /** Start times of the last requests that were made while the endpoint kept failing, the newest last. */
  #failingStarts: number[] = [];
  #createdAt: number;

  constructor(now: number) {
    this.#createdAt = now;
  }

  /** Takes the time of the last start before a restart (unix ms), so that no whole window has to be waited for. */
  restore(lastStart: number): void {
    this.#createdAt = Math.min(this.#createdAt, lastStart);
  }

  /** Gives a new budget: an event was delivered to the object, which is an invocation of its own. */
  refill(): void {
    this.#budget = BUDGET;
  }

  /** True while the endpoint keeps failing: it need not be offered more in a hurry. */
  get slowed(): boolean {
    return this.#failures >= FAILURES_TO_SLOW;
  }

  /** Returns how many attempts may be under way at once. */
  allowed({ ordered, concurrency }: Omit<Limits, "rate">): number {
    return ordered || this.slowed ? 1 : this.#concurrency.allowed(concurrency);
  }

  /** True when a whole call, or half of what is allowed, may start. */
  isFreeForCall(limits: Omit<Limits, "rate">): boolean {
    const allowed = this.allowed(limits);
    return allowed - this.#underWay >= Math.min(PARCELS, Math.ceil(allowed / 2));
  }

  ask(now: number, { rate, ...limits }: Limits): Permission {
    if (this.#underWay >= this.allowed(limits)) return { go: false, why: "busy" };
    if (this.#space === 0 && this.#budget <= 0) return { go: false, why: "spent" };
    const waitMs = Math.max(rate === null ? 0 : this.#rateWait(now, rate), this.slowed ? this.#failingWait(now) : 0);
    return waitMs > 0 ? { go: false, why: "rate", waitMs } : { go: true };
  }

  /** Counts a delivery into the call that is being filled; a new call is taken from the budget. */
  start(now: number, rate: Rate | null): void {
    this.#underWay++;
    if (this.#space === 0) {
      this.#budget--;
      this.#space = PARCELS;
    }
    this.#space--;
    this.#starts = rate === null ? [] : [...this.#starts, now].slice(-rate.count);
    if (this.slowed) this.#failingStarts = [...this.#failingStarts, now].slice(-FAILING_RATE.count);
  }

  /** Notes that the calls are made: what starts later goes with another. */
  close(): void {
    this.#space = 0;
  }

  /** Counts a call that nothing else counts: a test. */
  spend(): void {
    this.#budget--;
  }

  /** Takes a start back: the delivery could not be sent, and this invocation may make no more calls. */
  takeBack(): void {
    this.#underWay--;
    this.#budget = 0;
  }

  /** Notes the end of an attempt that started at `at` (unix ms). */
  finish(ending: Pick<Ending, "status" | "code">, { at, now, max }: { at: number; now: number; max: number }): void {
    this.#concurrency.note(ending, { at, now, underWay: this.#underWay, max });
    this.#underWay--;
    this.#failures = outcomeOf(ending) === "delivered" ? 0 : this.#failures + 1;
  }

  /**
   * Returns the wait that keeps any window at `count` starts. After a restart: a whole window, as earlier starts are not
   * known, unless the last one was stored.
   */
  #rateWait(now: number, { count, windowMs }: Rate): number {
    if (this.#createdAt > now || (this.#starts.at(-1) ?? now) > now) {
      // The clock was set back: earlier starts are not known either.
      this.#createdAt = now;
      this.#starts = [];
    }
    const oldest = this.#starts.at(-count) ?? this.#createdAt;
    const since = this.#starts.length < count ? this.#createdAt : oldest;
    return since + windowMs - now;
  }

  /** Returns the wait that keeps any window at the rate of an endpoint that keeps failing. */
  #failingWait(now: number): number {
    const { count, windowMs } = FAILING_RATE;
    const oldest = this.#failingStarts.at(-count);
    // A start that lies ahead was made before the clock was set back.
    return oldest === undefined || oldest > now ? 0 : oldest + windowMs - now;
  }
}
