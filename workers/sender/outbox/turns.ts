/**
 * Spaces out work beside which others must get through. The gap between two turns follows what is measured: a timer that
 * fires late had to wait for the thread, as a publisher would. About a fifth of the turns come late, on any machine;
 * where the work is done elsewhere none does, and the gap becomes the shortest.
 */

const SHORTEST_GAP_MS = 1;
const FIRST_GAP_MS = 10;
const LONGEST_GAP_MS = 100;
/** The change of the gap after a turn that came late, and after one that did not. */
const LATE_FACTOR = 1.5;
const TIMELY_FACTOR = 0.9;

export class Turns {
  readonly #now: () => number;
  readonly #lateMs: number;
  #gapMs = FIRST_GAP_MS;
  #last: Promise<void> = Promise.resolve();

  /** `now`: unix ms. `lateMs`: how long after its time a timer counts as late, so long may others wait. */
  constructor(now: () => number, lateMs: number) {
    this.#now = now;
    this.#lateMs = lateMs;
  }

  /** Resolves when the next turn comes, in the order of the calls. */
  next(): Promise<void> {
    this.#last = this.#last.then(() => this.#wait());
    return this.#last;
  }

  async #wait(): Promise<void> {
    const waitMs = Math.ceil(this.#gapMs);
    const due = this.#now() + waitMs;
    await scheduler.wait(waitMs);
    const isLate = this.#now() - due >= this.#lateMs;
    this.#gapMs = Math.min(
      Math.max(this.#gapMs * (isLate ? LATE_FACTOR : TIMELY_FACTOR), SHORTEST_GAP_MS),
      LONGEST_GAP_MS,
    );
  }
}
