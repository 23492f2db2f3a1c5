import { type Delivery, type FirstOutcome, summaryOf } from "../model/delivery.ts";

const PENDING: FirstOutcome = { state: "pending", status: 0, code: null };
/** As long as `/trigger` keeps its caller waiting. */
const WAIT_MS = 10_000;

/** Those who wait for a first attempt, by the event's seq; memory, since a lost answer is only "pending". */
export class FirstOutcomes {
  readonly #waiting = new Map<number, ((outcome: FirstOutcome) => void)[]>();

  /** May be asked before the event arrives. @returns `pending` after 10 s */
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

  /** The delivery's row is written; what is answered leaves the object only when it is durable. */
  tell(delivery: Delivery): void {
    for (const answer of this.#waiting.get(delivery.seq) ?? []) answer(summaryOf(delivery));
    this.#waiting.delete(delivery.seq);
  }
}
