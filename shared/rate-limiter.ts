/**
 * Counts failures by name in memory: `limit` in `windowMs`, then it says stop. A new isolate starts at zero, so
 * it slows guessing down, it does not count it; the token's length is what makes guessing hopeless.
 */
export class RateLimiter {
  readonly #limit: number;
  readonly #windowMs: number;
  readonly #failures = new Map<string, { count: number; until: number }>();

  constructor(limit: number, windowMs: number) {
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  /** Notes a failure at `now`. @returns seconds to wait when there were too many, else null */
  count(name: string, now: number): number | null {
    const known = this.#failures.get(name);
    const current = known !== undefined && known.until > now ? known : { count: 0, until: now + this.#windowMs };
    const next = { count: current.count + 1, until: current.until };
    this.#failures.delete(name);
    this.#failures.set(name, next);
    this.#forget();
    return next.count > this.#limit ? Math.ceil((next.until - now) / 1000) : null;
  }

  /** A bound on memory: the names that failed longest ago go first. */
  #forget(): void {
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > MAX_NAMES && oldest !== undefined) this.#failures.delete(oldest);
  }
}

const MAX_NAMES = 1000;
