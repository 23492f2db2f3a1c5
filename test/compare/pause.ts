import { setTimeout as delay } from "node:timers/promises";

/**
 * The waiting that a consumer chose, apart from its work. A phase that is run faster shortens the waiting alone, and the
 * report stretches the waiting alone again.
 */
export class Pause {
  readonly #scale: number;
  #last = { from: 0, to: 0 };

  constructor(scale: number) {
    this.#scale = scale;
  }

  /** Waits. @param ms of the consumer's own time */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    const from = performance.now();
    await delay(ms / this.#scale, undefined, { signal }).catch(() => {});
    this.#last = { from, to: performance.now() };
  }

  /** Returns the consumer's own time between `since` and `now`. Both are of `performance.now()`. */
  elapsed(since: number, now: number): number {
    const paused = Math.max(0, this.#last.to - Math.max(this.#last.from, since));
    return now - since + paused * (this.#scale - 1);
  }
}
