import { type RoutedEvent, type Subscription, wants } from "../model/subscription.ts";

/** The routing of the last events, in memory: it saves a look at the tables for each endpoint and event. */

const KEPT = 1000;

/** The last events logged, without their bodies: enough to see that an endpoint wants none of them. */
export class RecentEvents {
  /** Without a gap between the first and the last. */
  #events: RoutedEvent[] = [];

  clear(): void {
    this.#events = [];
  }

  push(event: RoutedEvent): void {
    this.#events.push(event);
    if (this.#events.length > 2 * KEPT) this.#events = this.#events.slice(-KEPT);
  }

  /**
   * Returns true when memory alone shows that `subscription` wants nothing after `after`. Otherwise a thousand
   * endpoints with types of their own would ask the tables a thousand times for each event.
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
