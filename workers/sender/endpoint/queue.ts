import type { Attempt, DeliveryMark } from "../model/delivery.ts";
import type { LoggedEvent } from "../model/event.ts";
import { TEST_TYPE } from "../model/subscription.ts";

/**
 * The deliveries that an Endpoint holds in memory, and its position in the log. All of it may be lost at any moment:
 * the floor in storage and the rows above it are enough to find it again.
 */

/** A delivery that is queued or under way. `isNew`: no row is written for it yet, so the floor waits for it. */
export type OpenDelivery = {
  seq: number;
  id: string;
  type: string;
  body: string;
  attempts: readonly Attempt[];
  mark: DeliveryMark | null;
  /** Number of `attempts` that were made before the schedule began anew. */
  skip: number;
  isNew: boolean;
  /** Sent again from the log, where a replay has its own position: neither the floor nor the queue's bounds count it. */
  replayed?: true;
};

/** A set of seqs that can be asked without copying it. */
export type SeqSet = { readonly size: number; has(seq: number): boolean };

/** Deliveries in the queue: room for two pulls, and more where many attempts are under way at once. */
const MIN_OPEN = 200;
/** Events that one pull brings. */
const PULLED = 100;
const MAX_OPEN_BYTES = 4 * 1024 * 1024;

export class DeliveryQueue {
  /** Every event up to here has a row or is open. */
  position: number;
  /** The greatest seq that the endpoint has heard of. */
  known = 0;
  /** The log may hold events above `position` that `known` does not tell of: always so after a start. */
  behind = true;
  readonly #open = new Map<number, OpenDelivery>();
  #waiting: OpenDelivery[] = [];
  /** Tests that wait: they stand in no line. */
  #tests: OpenDelivery[] = [];
  /** Replayed events that wait. They and the line above take turns, so that neither holds the other up. */
  #replays: OpenDelivery[] = [];
  #replayIsNext = false;
  #replayed = 0;
  #bytes = 0;
  #maxOpen = MIN_OPEN;

  constructor(floor: number) {
    this.position = floor;
  }

  /** The seqs of all deliveries that wait or are under way. */
  get open(): SeqSet {
    return this.#open;
  }

  /** Number of deliveries that wait for their attempt to start. */
  get waiting(): number {
    return this.#waiting.length + this.#replays.length;
  }

  /** Number of replayed events that wait for their attempt to start. */
  get replaysWaiting(): number {
    return this.#replays.length;
  }

  /** Number of deliveries that still fit. */
  get space(): number {
    return this.#bytes >= MAX_OPEN_BYTES ? 0 : Math.max(0, this.#maxOpen - (this.#open.size - this.#replayed));
  }

  get full(): boolean {
    return this.space === 0;
  }

  /** True while another pull would fit. With less space it would fetch bodies only to drop them. */
  get roomy(): boolean {
    return this.#open.size - this.#replayed <= this.#maxOpen - PULLED && this.#bytes <= MAX_OPEN_BYTES / 2;
  }

  /** Makes the queue long enough that no attempt waits for a pull while `underWay` are made at once. */
  reserve(underWay: number): void {
    this.#maxOpen = Math.max(MIN_OPEN, 2 * underWay + PULLED);
  }

  /** True while there are, or may be, events above `position`. */
  get needsMore(): boolean {
    return this.behind || this.position < this.known;
  }

  /** The greatest seq that the log is known to have given. */
  get greatest(): number {
    return Math.max(this.position, this.known);
  }

  /** The seq up to which every matching event has a row: I4 (recorded up to the floor). */
  get floor(): number {
    let lowest = this.position + 1;
    for (const { seq, isNew, replayed } of this.#open.values()) if (isNew && !replayed && seq < lowest) lowest = seq;
    return lowest - 1;
  }

  /** The deliveries without a row: how many, and the seq of the oldest. */
  get unrecorded(): { count: number; oldest: number | null } {
    const seqs = [...this.#open.values()].flatMap(({ seq, isNew, replayed }) => (isNew && !replayed ? [seq] : []));
    return { count: seqs.length, oldest: seqs.length === 0 ? null : Math.min(...seqs) };
  }

  /**
   * Queues each event above `position` that has no row, and moves `position` to `upTo`. When the queue fills up, it
   * stops at the last event that was taken; the rest is pulled again later. `events` must hold everything that is for
   * this endpoint between `position` and `upTo`: once all of it is taken, nothing is missing up to there.
   */
  take(events: readonly LoggedEvent[], upTo: number, hasRow: (seq: number, id: string) => boolean): void {
    this.behind = false;
    for (const event of events) {
      const { seq } = event;
      if (seq <= this.position) continue;
      if (this.full) {
        this.behind = true;
        return;
      }
      if (!this.#open.has(seq) && !hasRow(seq, event.id)) {
        this.addNew(event);
      }
      this.position = seq;
    }
    this.position = Math.max(this.position, upTo);
  }

  /** Queues an event that has no row. */
  addNew({ seq, id, type, body }: LoggedEvent): void {
    this.add({ seq, id, type, body, attempts: [], mark: null, skip: 0, isNew: true });
  }

  add(open: OpenDelivery): void {
    this.#open.set(open.seq, open);
    this.#lineOf(open).push(open);
    if (open.replayed) this.#replayed++;
    else this.#bytes += open.body.length;
  }

  #lineOf({ type, replayed }: OpenDelivery): OpenDelivery[] {
    if (replayed) return this.#replays;
    return type === TEST_TYPE ? this.#tests : this.#waiting;
  }

  /** Takes a test that waits. */
  nextTest(): OpenDelivery | undefined {
    return this.#tests.shift();
  }

  /** Takes the first waiting delivery that may be sent now out of the line; it stays open. */
  next(eligible: (open: OpenDelivery) => boolean): OpenDelivery | undefined {
    const lines = this.#replayIsNext ? [this.#replays, this.#waiting] : [this.#waiting, this.#replays];
    for (const line of lines) {
      const index = line.findIndex(eligible);
      if (index < 0) continue;
      this.#replayIsNext = line === this.#waiting;
      return line.splice(index, 1)[0];
    }
    return undefined;
  }

  /** Puts deliveries that were not sent back to the front of the line. Those that were dropped meanwhile stay dropped. */
  putBack(deliveries: readonly OpenDelivery[]): void {
    for (const open of deliveries.toReversed()) if (this.#open.has(open.seq)) this.#lineOf(open).unshift(open);
  }

  /** Takes out the replayed events that wait; those under way go on. */
  dropReplays(): void {
    for (const { seq } of this.#replays) this.finish(seq);
    this.#replays = [];
  }

  /** Takes a delivery out that has a row and waits; false when it is under way. */
  withdraw(seq: number): boolean {
    const index = this.#waiting.findIndex((open) => open.seq === seq && !open.isNew);
    if (index < 0) return false;
    this.#waiting.splice(index, 1);
    this.finish(seq);
    return true;
  }

  /** Closes a delivery whose row is committed. */
  finish(seq: number): void {
    const open = this.#open.get(seq);
    if (open === undefined) return;
    this.#open.delete(seq);
    if (open.replayed) this.#replayed--;
    else this.#bytes -= open.body.length;
  }

  /**
   * Forgets the waiting deliveries and goes back to the floor, as when the endpoint is disabled. A delivery that was
   * sent already stays open until its row is committed: taken again, it would be sent and written twice.
   */
  reset(): void {
    this.position = this.floor;
    for (const { seq } of [...this.#waiting, ...this.#tests]) this.finish(seq);
    this.#waiting = [];
    this.#tests = [];
    this.dropReplays();
  }
}
