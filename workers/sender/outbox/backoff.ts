/** The waits of endpoints that did not answer: 1 s, doubling up to a limit. All times unix ms. */

const FIRST_MS = 1000;

export class Backoff {
  readonly #waiting = new Map<string, { notBefore: number; delayMs: number }>();
  readonly #maxMs: number;

  constructor(maxMs: number) {
    this.#maxMs = maxMs;
  }

  /** A wait that is longer than any began under a clock that was wrong: it is over. */
  ready(id: string, now: number): boolean {
    const left = (this.#waiting.get(id)?.notBefore ?? 0) - now;
    return left <= 0 || left > this.#maxMs;
  }

  /** Notes that an endpoint did not answer; returns when it may be tried again. */
  failed(id: string, now: number): number {
    const delayMs = Math.min((this.#waiting.get(id)?.delayMs ?? FIRST_MS / 2) * 2, this.#maxMs);
    this.#waiting.set(id, { notBefore: now + delayMs, delayMs });
    return now + delayMs;
  }

  forget(id: string): void {
    this.#waiting.delete(id);
  }

  /** Returns when the first `wanted` endpoint may be tried again; null when none waits. */
  next(wanted: (id: string) => boolean): number | null {
    const times = [...this.#waiting].filter(([id]) => wanted(id)).map(([, { notBefore }]) => notBefore);
    return times.length === 0 ? null : Math.min(...times);
  }
}
