import { type Subscription, wants } from "../model/subscription.ts";

/** What decides who gets an event. */
export type Routed = { seq: number; type: string; target: string | null };

const KEPT = 1000;

/** The last events logged, without their bodies: enough to see that nobody wants them. */
export class RecentEvents {
  /** An unbroken run of seqs. */
  #events: Routed[] = [];

  clear(): void {
    this.#events = [];
  }

  push(event: Routed): void {
    this.#events.push(event);
    if (this.#events.length > 2 * KEPT) this.#events = this.#events.slice(-KEPT);
  }

  /**
   * Whether memory alone shows that `subscription` wants nothing after `after`. A thousand endpoints with types of
   * their own would otherwise ask the tables a thousand times for each event.
   */
  wantsNothing(after: number, subscription: Subscription): boolean {
    const [first] = this.#events;
    if (first === undefined || after < first.seq - 1) return false;
    // Without a copy: this runs for each endpoint at each publish.
    for (let index = after - first.seq + 1; index < this.#events.length; index++) {
      const event = this.#events[index];
      if (event !== undefined && wants(subscription, event)) return false;
    }
    return true;
  }
}
