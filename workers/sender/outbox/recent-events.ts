import type { LoggedEvent } from "../model/event.ts";
import { type RoutedEvent, type Subscription, wants } from "../model/subscription.ts";
import type { Scan } from "../protocol.ts";

/** The last events of the log in memory: endpoints that keep up are served without a look at the tables. */

/** Bounds of a scan: rows looked at, events returned, length of their bodies. */
export type ScanLimits = { scanned: number; limit: number; maxBytes: number };

/** Bounds of what is kept: a thousand endpoints that each read one event from the tables would stand before publishers. */
const KEPT = 1000;
const KEPT_LENGTH = 2 * 1024 * 1024;

/** The last events logged. Whatever the size, the newest is among them. */
export class RecentEvents {
  /** Without a gap between the first and the last. */
  #events: (RoutedEvent & { event: LoggedEvent })[] = [];
  /** The index of the oldest that is kept: those before it go now and then, all at once. */
  #start = 0;
  #length = 0;

  clear(): void {
    this.#events = [];
    this.#start = 0;
    this.#length = 0;
  }

  push(event: LoggedEvent, target: string | null): void {
    this.#events.push({ seq: event.seq, type: event.type, target, body: event.body, event });
    this.#length += event.body.length;
    while (this.#events.length - this.#start > (this.#length > KEPT_LENGTH ? 1 : KEPT)) {
      this.#length -= this.#events[this.#start]?.event.body.length ?? 0;
      this.#start++;
    }
    if (this.#start < KEPT) return;
    this.#events = this.#events.slice(this.#start);
    this.#start = 0;
  }

  /**
   * Returns true when memory alone shows that `subscription` wants nothing after `after`. Otherwise a thousand
   * endpoints with types of their own would ask the tables a thousand times for each event.
   */
  wantsNothing(after: number, subscription: Subscription): boolean {
    const first = this.#indexAfter(after);
    if (first === null) return false;
    // Without a copy: this runs for each endpoint at each publish.
    for (let index = first; index < this.#events.length; index++) {
      const event = this.#events[index];
      if (event !== undefined && wants(subscription, event)) return false;
    }
    return true;
  }

  /**
   * Returns the events after `after` that `subscription` wants, within `limits` but at least one; null when the tables
   * must be asked.
   */
  scan(after: number, subscription: Subscription, { scanned, limit, maxBytes }: ScanLimits): Scan | null {
    const first = this.#indexAfter(after);
    if (first === null) return null;
    const events: LoggedEvent[] = [];
    let [upTo, bytes] = [after, 0];
    for (const each of this.#events.slice(first, first + scanned)) {
      if (wants(subscription, each)) {
        bytes += each.event.body.length;
        if (events.length === limit || (events.length > 0 && bytes > maxBytes)) break;
        events.push(each.event);
      }
      upTo = each.seq;
    }
    return { upTo, events };
  }

  /** Returns the index of the first event after `after`; null when that is not kept any more. */
  #indexAfter(after: number): number | null {
    const oldest = this.#events[this.#start];
    return oldest === undefined || after < oldest.seq - 1 ? null : this.#start + after - oldest.seq + 1;
  }
}
