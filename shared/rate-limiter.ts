import { BoundedMap } from "./bounded-map.ts";

/** Names that are counted at once. */
const MAX_NAMES = 1000;

/**
 * A rate limit: `limit` events of one name in `windowMs`. It is kept in memory, so a new isolate starts at zero: it slows
 * guessing of a token down; the token's length is what makes guessing hopeless.
 */
export class RateLimiter {
  readonly #limit: number;
  readonly #windowMs: number;
  readonly #counts = new BoundedMap<string, { count: number; until: number }>(MAX_NAMES);

  constructor(limit: number, windowMs: number) {
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  /** Returns the seconds until another event of this name is within the limit at `now` (unix ms); null if one is. */
  wait(name: string, now: number): number | null {
    const known = this.#counts.get(name);
    if (known === undefined || known.until <= now || known.count < this.#limit) return null;
    return Math.ceil((known.until - now) / 1000);
  }

  /** Counts one event at `now` (unix ms). Returns the seconds to wait when there were more than the limit, else null. */
  count(name: string, now: number): number | null {
    const known = this.#counts.get(name);
    const current = known !== undefined && known.until > now ? known : { count: 0, until: now + this.#windowMs };
    const next = { count: current.count + 1, until: current.until };
    this.#counts.set(name, next);
    return next.count > this.#limit ? Math.ceil((next.until - now) / 1000) : null;
  }
}
