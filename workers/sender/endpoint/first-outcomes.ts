import { type Delivery, type FirstOutcome, summaryOf } from "../model/delivery.ts";

/** The calls that wait for the first attempt at an event, by seq. Memory only: a lost answer is only "pending". */

const PENDING: FirstOutcome = { state: "pending", status: 0, code: null };
/** As long as `/trigger` keeps its caller waiting. */
const WAIT_MS = 10_000;

export class FirstOutcomes {
  readonly #waiting = new Map<number, ((outcome: FirstOutcome) => void)[]>();

  /** Waits for a first attempt, also before the event has arrived; resolves to `pending` after 10 s. */
  wait(seq: number): Promise<FirstOutcome> {
    const { promise, resolve } = Promise.withResolvers<FirstOutcome>();
    const timer = setTimeout(() => resolve(PENDING), WAIT_MS);
    const answer = (outcome: FirstOutcome) => {
      clearTimeout(timer);
      resolve(outcome);
    };
    this.#waiting.set(seq, [...(this.#waiting.get(seq) ?? []), answer]);
    return promise;
  }

  /** Answers those who wait for a delivery whose row is written. The answers leave the object when it is durable. */
  tell(delivery: Delivery): void {
    for (const answer of this.#waiting.get(delivery.seq) ?? []) answer(summaryOf(delivery));
    this.#waiting.delete(delivery.seq);
  }
}
