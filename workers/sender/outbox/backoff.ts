const FIRST_MS = 1000;

/** Keeps from asking again too soon those who did not answer: 1 s, doubling up to a limit. All times unix ms. */
export class Backoff {
  readonly #waiting = new Map<string, { notBefore: number; delayMs: number }>();
  readonly #maxMs: number;

  constructor(maxMs: number) {
    this.#maxMs = maxMs;
  }

  ready(id: string, now: number): boolean {
    return (this.#waiting.get(id)?.notBefore ?? 0) <= now;
  }

  /** It did not answer. @returns when it may be asked again */
  failed(id: string, now: number): number {
    const delayMs = Math.min((this.#waiting.get(id)?.delayMs ?? FIRST_MS / 2) * 2, this.#maxMs);
    this.#waiting.set(id, { notBefore: now + delayMs, delayMs });
    return now + delayMs;
  }

  forget(id: string): void {
    this.#waiting.delete(id);
  }

  /** When the first of those that are `wanted` may be asked again; null when none waits. */
  next(wanted: (id: string) => boolean): number | null {
    const times = [...this.#waiting].filter(([id]) => wanted(id)).map(([, { notBefore }]) => notBefore);
    return times.length === 0 ? null : Math.min(...times);
  }
}
