import { setTimeout as delay } from "node:timers/promises";

/**
 * The waiting that a consumer chose, apart from the work that takes as long as it takes: in a phase that is run
 * faster only the first is shortened, and only it is stretched again in what is reported.
 */
export class Pause {
  readonly #scale: number;
  #last = { from: 0, to: 0 };

  constructor(scale: number) {
    this.#scale = scale;
  }

  /** @param ms of the consumer's own time */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    const from = performance.now();
    await delay(ms / this.#scale, undefined, { signal }).catch(() => {});
    this.#last = { from, to: performance.now() };
  }

  /** How long ago `since` was, in the consumer's own time. Both are of `performance.now()`. */
  elapsed(since: number, now: number): number {
    const paused = Math.max(0, this.#last.to - Math.max(this.#last.from, since));
    return now - since + paused * (this.#scale - 1);
  }
}
