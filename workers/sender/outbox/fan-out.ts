import { withDeadline } from "../../../shared/deadline.ts";
import { type EndpointRow, subscriptionOf } from "../model/endpoint.ts";
import type { Offer, OfferAnswer, PullAnswer } from "../protocol.ts";
import { Backoff } from "./backoff.ts";
import type { Positions } from "./positions.ts";
import type { OutboxStore } from "./storage.ts";

/** Hands the log to the endpoints: offers what is new to each one that wants it, answers those that catch up. */

/** A batch of one offer. */
const BATCH = { scanned: 100, limit: 100, maxBytes: 1024 * 1024 };
/** A batch of one pull: filtering may pass over many rows to find its hundred. */
const PULL = { scanned: 10_000, limit: 100, maxBytes: 1024 * 1024 };
/** Endpoints that are offered to at the same time, and in one invocation: the rest waits for the alarm. */
const WAVE = 50;
const MAX_HANDS = 250;
const OFFER_TIMEOUT_MS = 30_000;
/** Endpoints that keep failing or lack room are woken this often, not for each event: that would cost the others. */
const REST_MS = 500;

export type FanOutPort = {
  offer(row: EndpointRow, offer: Offer): Promise<OfferAnswer>;
  configure(row: EndpointRow): Promise<void>;
  now(): number;
  /** Sees to it that the alarm runs at `at` (unix ms) or before. */
  arm(at: number): void;
};

export class FanOut {
  readonly #store: OutboxStore;
  readonly #positions: Positions;
  readonly #port: FanOutPort;
  readonly #busy = new Set<string>();
  readonly #pending = new Set<string>();
  #workers = 0;
  readonly #pace = new Pace();
  /** Whether this many endpoints are being handed to that they take turns. */
  #crowd = false;
  #handsLeft = MAX_HANDS;
  readonly #backoff: Backoff;
  /** Those that are busy, left alone until the next round; memory, as the alarm of I1 goes on without it. */
  readonly #resting = new Set<string>();

  constructor(store: OutboxStore, positions: Positions, { port, leaseMs }: { port: FanOutPort; leaseMs: number }) {
    this.#store = store;
    this.#positions = positions;
    this.#port = port;
    this.#backoff = new Backoff(leaseMs);
  }

  forget(id: string): void {
    this.#positions.forget(id);
    this.#backoff.forget(id);
    this.#resting.delete(id);
  }

  /** When the next endpoint that could not be reached may be tried again; null when none waits. */
  get nextRetry(): number | null {
    return this.#backoff.next((id) => this.#store.registry.get(id)?.config.enabled ?? false);
  }

  /**
   * Hands to every enabled endpoint that lags, at most WAVE at a time however often this is called; what
   * exceeds one invocation waits for the alarm. Goes on by itself after this returns.
   */
  kick(): void {
    const now = this.#port.now();
    this.#handsLeft = MAX_HANDS;
    this.#pace.see(this.#store.log.head, now);
    for (const row of this.#store.registry.enabled()) {
      if (this.#pending.has(row.id) || this.#busy.has(row.id) || !this.#positions.lags(row)) continue;
      if (!this.#backoff.ready(row.id, now) || this.#resting.has(row.id)) continue;
      if (this.#passOver(row)) continue;
      this.#pending.add(row.id);
    }
    // One for each: a worker that waits for an endpoint which does not answer is none for the others.
    for (let left = this.#pending.size; left > 0 && this.#workers < WAVE; left--) void this.#handPending();
  }

  async #handPending(): Promise<void> {
    this.#workers++;
    try {
      // A set may change while it is walked: what another kick adds is reached too.
      for (const id of this.#pending) {
        if (this.#handsLeft-- <= 0) {
          this.#port.arm(this.#port.now());
          break;
        }
        this.#pending.delete(id);
        this.#crowd = this.#pending.size > 0 && (this.#crowd || this.#pending.size >= WAVE);
        if (this.#crowd) await scheduler.wait(this.#pace.turn(this.#port.now()));
        await this.#hand(id);
      }
    } finally {
      this.#workers--;
    }
  }

  /**
   * Tells each endpoint that was handed the log up to `seq` but not told so, because nothing on the way was
   * for it: before those events are dropped, or it would take them for events that expired.
   *
   * @throws when one of them does not answer
   */
  async tell(seq: number): Promise<void> {
    for (const row of this.#store.registry.enabled()) {
      const [after, upTo] = [this.#positions.told(row), this.#positions.acked(row)];
      if (upTo < seq || after >= seq) continue;
      const offer = { after, upTo, events: [], revision: row.revision };
      const answer = await withDeadline(this.#port.offer(row, offer), OFFER_TIMEOUT_MS);
      if (answer === "taken" || answer === "busy") this.#positions.tell(row, offer.upTo);
    }
  }

  /** Events after `after` for one endpoint, as it catches up. */
  pull(id: string, after: number): PullAnswer {
    const row = this.#store.registry.get(id);
    if (row === undefined || row.state === "deleting") return "gone";
    if (after + 1 < this.#store.log.oldest) return { expiredTo: this.#store.log.oldest - 1 };
    const scan = this.#store.reader.scan(after, subscriptionOf(row), PULL);
    this.#positions.tell(row, scan.upTo);
    return { ...scan, head: this.#store.log.head };
  }

  /** Moves past events that are not for an endpoint: it is not woken, and its position still advances. */
  #passOver(row: EndpointRow): boolean {
    const nothing = this.#store.log.recent.wantsNothing(this.#positions.acked(row), subscriptionOf(row));
    if (nothing) this.#positions.pass(row, this.#store.log.head);
    return nothing;
  }

  /** One offer after the other until the endpoint has the head, stops taking, or cannot be reached. */
  async #hand(id: string): Promise<void> {
    if (this.#busy.has(id)) return;
    this.#busy.add(id);
    try {
      // The registry is read anew each time: an endpoint may be changed or deleted while an offer is out.
      for (
        let row = this.#store.registry.live(id);
        row?.config.enabled && this.#positions.lags(row);
        row = this.#store.registry.live(id)
      ) {
        if (!(await this.#handBatch(row))) return;
      }
    } finally {
      this.#busy.delete(id);
    }
  }

  /** @returns whether to go on */
  async #handBatch(row: EndpointRow): Promise<boolean> {
    const after = this.#positions.acked(row);
    const { upTo, events } = this.#store.reader.scan(after, subscriptionOf(row), BATCH);
    if (events.length === 0) {
      this.#positions.pass(row, upTo);
      return true;
    }
    // What retention took leaves a gap that the endpoint must see: it then asks, and is told what expired.
    const gap = after + 1 < this.#store.log.oldest ? this.#store.log.oldest - 1 : 0;
    const offer = { after: Math.max(this.#positions.told(row), gap), upTo, events, revision: row.revision };
    try {
      const answer = await withDeadline(this.#port.offer(row, offer), OFFER_TIMEOUT_MS);
      this.#backoff.forget(row.id);
      if (answer === "disabled") return false;
      if (answer === "taken" || answer === "busy") {
        this.#positions.take(row, upTo);
        if (answer === "busy") this.#rest(row.id);
        return answer === "taken";
      } else {
        // Deleted or changed while the offer was out: what is brought is what the registry says now.
        const current = this.#store.registry.get(row.id);
        if (current?.state !== "live") return false;
        await withDeadline(this.#port.configure(current), OFFER_TIMEOUT_MS);
      }
      return true;
    } catch {
      this.#port.arm(this.#backoff.failed(row.id, this.#port.now()));
      return false;
    }
  }

  /** Leaves a busy endpoint alone until the next round, which wakes all of them. */
  #rest(id: string): void {
    if (this.#resting.size === 0) {
      setTimeout(() => {
        this.#resting.clear();
        this.kick();
      }, REST_MS);
    }
    this.#resting.add(id);
  }
}

/**
 * A large fan-out wakes one endpoint at a time, this far apart: a thousand objects at once would stand before
 * every publish. While nobody publishes, nobody waits.
 */
const SPACING_MS = { publishing: 30, quiet: 4 };

/** How long after an event others are expected. */
const PUBLISHING_MS = 1000;

/** The places in the row of those that take turns. All times unix ms. */
export class Pace {
  #headSeen = 0;
  #publishedAt = 0;
  #nextTurn = 0;

  /** Takes note of where the log's head is. */
  see(head: number, now: number): void {
    if (head > this.#headSeen) this.#publishedAt = now;
    this.#headSeen = head;
  }

  /** Milliseconds until the next place in the row, which is then taken. */
  turn(now: number): number {
    const publishing = now - this.#publishedAt < PUBLISHING_MS;
    this.#nextTurn = Math.max(now, this.#nextTurn) + (publishing ? SPACING_MS.publishing : SPACING_MS.quiet);
    return this.#nextTurn - now;
  }
}
