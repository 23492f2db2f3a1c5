import type { Attempt } from "../model/delivery.ts";
import type { LoggedEvent } from "../model/event.ts";

/**
 * What an Endpoint holds in memory: its position in the log and the deliveries under way. All of it may be
 * lost at any moment; the floor in storage and the rows above it are enough to find it again.
 */

/** A delivery under way. `isNew`: it has no row yet, so the floor waits for it. */
export type OpenDelivery = {
  seq: number;
  id: string;
  type: string;
  body: string;
  attempts: readonly Attempt[];
  mark: "redelivery" | null;
  /** How many of `attempts` were made before the schedule began anew. */
  skip: number;
  isNew: boolean;
};

/** A set of seqs to ask, without copying it. */
export type SeqSet = { readonly size: number; has(seq: number): boolean };

const MAX_EVENTS = 200;
const MAX_BYTES = 4 * 1024 * 1024;

export class DeliveryQueue {
  /** Every event up to here has a row or is open. */
  position: number;
  /** The greatest seq heard of. */
  known = 0;
  /** There may be more between `position` and the head than was heard of: at the start, always. */
  behind = true;
  readonly #open = new Map<number, OpenDelivery>();
  #queued: OpenDelivery[] = [];
  #bytes = 0;

  constructor(floor: number) {
    this.position = floor;
  }

  /** All seqs under way, queued ones included. */
  get open(): SeqSet {
    return this.#open;
  }

  get size(): number {
    return this.#open.size;
  }

  get queued(): number {
    return this.#queued.length;
  }

  get full(): boolean {
    return this.#open.size >= MAX_EVENTS || this.#bytes >= MAX_BYTES;
  }

  /** Whether a batch of another hundred would fit: below, a pull would fetch bodies only to drop them. */
  get roomy(): boolean {
    return this.#open.size <= MAX_EVENTS / 2 && this.#bytes <= MAX_BYTES / 2;
  }

  get needsMore(): boolean {
    return this.behind || this.position < this.known;
  }

  /** Every matching event up to here has a row; I4. */
  get floor(): number {
    let lowest = this.position + 1;
    for (const { seq, isNew } of this.#open.values()) if (isNew && seq < lowest) lowest = seq;
    return lowest - 1;
  }

  /**
   * Opens each event above `position` that has no row, and moves `position` to `upTo`; when the queue fills it stops at
   * the last one taken, and the rest is pulled again later. `events` is all there is between `position` and `upTo`:
   * taken whole, nothing is missing up to there.
   */
  take(events: readonly LoggedEvent[], upTo: number, hasRow: (seq: number) => boolean): void {
    this.behind = false;
    for (const { seq, id, type, body } of events) {
      if (seq <= this.position) continue;
      if (this.full) {
        this.behind = true;
        return;
      }
      if (!this.#open.has(seq) && !hasRow(seq))
        this.add({ seq, id, type, body, attempts: [], mark: null, skip: 0, isNew: true });
      this.position = seq;
    }
    this.position = Math.max(this.position, upTo);
  }

  add(open: OpenDelivery): void {
    this.#open.set(open.seq, open);
    this.#queued.push(open);
    this.#bytes += open.body.length;
  }

  /** Takes the first queued delivery that may be sent now. */
  next(eligible: (open: OpenDelivery) => boolean): OpenDelivery | undefined {
    const index = this.#queued.findIndex(eligible);
    return index < 0 ? undefined : this.#queued.splice(index, 1)[0];
  }

  /** The delivery's row is committed. */
  finish(seq: number): void {
    const open = this.#open.get(seq);
    if (open === undefined) return;
    this.#open.delete(seq);
    this.#bytes -= open.body.length;
  }

  /**
   * Forgets what is queued and goes back to the floor, as when the endpoint is disabled. What was sent already
   * stays open until its row is there: taken again, it would be sent and written twice.
   */
  reset(): void {
    this.position = this.floor;
    for (const { seq } of this.#queued) this.finish(seq);
    this.#queued = [];
  }
}
