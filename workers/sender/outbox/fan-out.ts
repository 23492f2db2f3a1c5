import { withDeadline } from "../../../shared/deadline.ts";
import type { Alarm } from "../../../shared/durable/alarm.ts";
import { logEvent } from "../../../shared/log-event.ts";
import type { EndpointRow } from "../model/endpoint.ts";
import type { ConfigureCall, FloorAnswer, Offer, OfferAnswer, PullAnswer } from "../protocol.ts";
import { Backoff } from "./backoff.ts";
import type { Positions } from "./positions.ts";
import type { ScanLimits } from "./recent-events.ts";
import { subscriptionOf } from "./registry.ts";
import type { OutboxStore } from "./storage.ts";
import { Turns } from "./turns.ts";

/** Bounds of one offer. */
const OFFER_LIMITS: ScanLimits = { scanned: 100, limit: 100, maxBytes: 1024 * 1024 };
/** Bounds of one pull: a filter may pass over many rows to find its hundred. */
const PULL_LIMITS: ScanLimits = { scanned: 10_000, limit: 100, maxBytes: 1024 * 1024 };
const OFFER_TIMEOUT_MS = 30_000;

/** Endpoints that are offered to at the same time, and in one invocation: the rest waits for the alarm. */
const MAX_AT_ONCE = 50;
const MAX_PER_INVOCATION = 250;
/** Endpoints that are asked for their floors at one time: the platform allows 1,000 calls an invocation. */
const MAX_ASKED = 900;
/** More events are expected for this long after one that came while a crowd waited. */
const PUBLISHING_MS = 1000;
/**
 * When more endpoints wait than are offered to at once, they take turns: a thousand objects woken together would stand
 * before every publish. So long may one that comes meanwhile wait; shorter when more are expected.
 */
const CROWD_WAIT_MS = { quiet: 25, publishing: 2 };
/**
 * An endpoint that keeps failing or lacks space is woken this often, not for each event: that would cost the others.
 */
const REST_MS = 500;

/** An Endpoint as the fan-out calls it. */
type EndpointPort = {
  offer(offer: Offer): Promise<OfferAnswer>;
  floor(offer: Offer): Promise<FloorAnswer | null>;
  greatest(): Promise<number>;
  configure(call: ConfigureCall): Promise<"done" | "older">;
  destroy(): Promise<void>;
};

export type FanOutPort = {
  endpoint(id: string): EndpointPort;
  alarm: Pick<Alarm, "arm">;
  /** Unix ms. */
  now(): number;
};

/**
 * Brings the log and the configurations to the Endpoints: offers new events to each endpoint that wants them, and
 * answers the pulls of those that catch up.
 */
export class FanOut {
  readonly #store: OutboxStore;
  readonly #positions: Positions;
  readonly #port: FanOutPort;
  readonly #leaseMs: number;
  readonly #backoff: Backoff;
  /** The endpoints that wait for an offer, and those to which one is out. */
  readonly #pending = new Set<string>();
  readonly #busy = new Set<string>();
  /**
   * Busy endpoints, left alone until the next round. Memory only: the alarm of I1 (armed while behind) goes on without
   * it.
   */
  readonly #resting = new Set<string>();
  #workers = 0;
  /** Endpoints that this invocation may still offer to. */
  #left = MAX_PER_INVOCATION;
  /** True while more endpoints wait than are offered to at once. */
  #crowd = false;
  readonly #turns: { quiet: Turns; publishing: Turns };
  #headSeen = 0;
  #publishedAt = 0;

  constructor(store: OutboxStore, positions: Positions, { port, leaseMs }: { port: FanOutPort; leaseMs: number }) {
    this.#store = store;
    this.#positions = positions;
    this.#port = port;
    this.#leaseMs = leaseMs;
    this.#backoff = new Backoff(leaseMs);
    this.#turns = {
      quiet: new Turns(port.now, CROWD_WAIT_MS.quiet),
      publishing: new Turns(port.now, CROWD_WAIT_MS.publishing),
    };
    store.follow(() => this.#changed());
  }

  /** Arms the alarm first, then tries at once: I1 (armed while behind). */
  #changed(): void {
    this.#port.alarm.arm(this.#port.now() + this.#leaseMs);
    this.kick();
  }

  /** When the next endpoint that could not be reached may be tried again; null when none waits. */
  get nextRetry(): number | null {
    return this.#backoff.next((id) => this.#store.registry.get(id)?.config.enabled ?? false);
  }

  /**
   * Starts offering to every enabled endpoint that lags, to MAX_AT_ONCE at a time however often this is called. Goes on
   * by itself after this returns; what exceeds one invocation waits for the alarm.
   */
  kick(): void {
    const now = this.#port.now();
    this.#left = MAX_PER_INVOCATION;
    if (this.#crowd && this.#store.log.head > this.#headSeen) this.#publishedAt = now;
    this.#headSeen = this.#store.log.head;
    for (const row of this.#store.registry.enabled()) {
      if (this.#pending.has(row.id) || this.#busy.has(row.id) || !this.#positions.lags(row)) continue;
      if (!this.#backoff.ready(row.id, now) || this.#resting.has(row.id)) continue;
      if (this.#passOver(row)) continue;
      this.#pending.add(row.id);
    }
    // One worker for each endpoint: a worker that waits for one which does not answer is lost to the others.
    for (let left = this.#pending.size; left > 0 && this.#workers < MAX_AT_ONCE; left--) void this.#offerToPending();
  }

  /**
   * Brings an endpoint its row of the registry, or its deletion. Safe to repeat; the registry notes the confirmation.
   */
  async configure(row: EndpointRow): Promise<void> {
    const endpoint = this.#port.endpoint(row.id);
    if (row.state === "deleting") {
      await endpoint.destroy();
      this.#store.registry.remove(row.id);
      this.#forget(row.id);
      return;
    }
    const answer = await endpoint.configure(this.#store.configureCall(row));
    if (answer === "done") this.#store.registry.confirmed(row.id, row.revision);
  }

  #forget(id: string): void {
    this.#positions.forget(id);
    this.#backoff.forget(id);
    this.#resting.delete(id);
  }

  /** Returns events after `after` for one endpoint that catches up; `log`: the log that it reads, null for any. */
  pull(id: string, log: string | null, after: number): PullAnswer {
    const row = this.#store.registry.get(id);
    if (row === undefined || row.state === "deleting") return "gone";
    if (log === this.#store.logId && after > this.#store.log.head) this.#renew(after);
    if (log !== null && log !== this.#store.logId) {
      void this.configure(row).catch(() => {});
      return "other";
    }
    const { view } = this.#store;
    if (after + 1 < view.oldest) return { log: view, expiredTo: view.oldest - 1 };
    const scan = this.#store.log.scan(after, subscriptionOf(row), PULL_LIMITS);
    this.#positions.tell(row, scan.upTo);
    return { ...scan, log: view };
  }

  /**
   * Goes on as another log, beyond what any event was given: an Endpoint has read this one up to `given` before storage
   * was put back to an earlier state. Since then, seqs may stand for two events.
   */
  #renew(given: number): void {
    logEvent("log.renewed", { head: this.#store.log.head, given });
    this.#store.begin(Math.max(given, this.#store.log.head));
    this.#positions.restart();
    this.#port.alarm.arm(this.#port.now());
  }

  /**
   * Tells each endpoint of its position where nothing before it matched, so that the endpoint was not woken. Called
   * before the events up to `seq` are dropped: the endpoint would take them for expired ones.
   *
   * @throws when one of them does not answer
   */
  async tell(seq: number): Promise<void> {
    for (const row of this.#store.registry.enabled()) {
      const offer = this.#emptyOffer(row);
      if (offer.upTo < seq || offer.after >= seq) continue;
      const answer = await this.#offer(row, offer);
      if (answer === "taken" || answer === "busy") this.#positions.tell(row, offer.upTo);
    }
  }

  /**
   * Asks each enabled endpoint that may lack events up to `seq` for its floor, those first that were never asked.
   * Returns true when all of them have been asked; one that does not answer counts as being where it was.
   */
  async askFloors(seq: number): Promise<boolean> {
    const unknown = (row: EndpointRow) => (this.#positions.floorKnown(row) ? 1 : 0);
    const rows = this.#store.registry
      .enabled()
      .filter((row) => this.#positions.floor(row) < seq)
      .sort((a, b) => unknown(a) - unknown(b));
    for (let first = 0; first < Math.min(rows.length, MAX_ASKED); first += MAX_AT_ONCE) {
      await Promise.all(rows.slice(first, first + MAX_AT_ONCE).map((row) => this.#askFloor(row)));
    }
    return this.#store.registry.enabled().every((row) => this.#positions.floorKnown(row));
  }

  async #askFloor(row: EndpointRow): Promise<void> {
    const offer = this.#emptyOffer(row);
    const answer = await withDeadline(this.#port.endpoint(row.id).floor(offer), OFFER_TIMEOUT_MS).catch(() => null);
    this.#positions.noteFloor(row, answer?.floor ?? this.#positions.floor(row), this.#port.now());
    if (answer?.heard) this.#positions.tell(row, offer.upTo);
  }

  /** Returns the offer that tells an endpoint of its position where nothing before it matched. */
  #emptyOffer(row: EndpointRow): Offer {
    const [after, upTo] = [this.#positions.told(row), this.#positions.acked(row)];
    return { log: this.#store.view, after, upTo, events: [], revision: row.revision };
  }

  /** Moves past events that are not for an endpoint: it is not woken, and its position still advances. */
  #passOver(row: EndpointRow): boolean {
    const nothing = this.#store.log.recent.wantsNothing(this.#positions.acked(row), subscriptionOf(row));
    if (nothing) this.#positions.pass(row, this.#store.log.head);
    return nothing;
  }

  async #offerToPending(): Promise<void> {
    this.#workers++;
    try {
      // A set may change while it is walked: endpoints that another kick adds are reached too.
      for (const id of this.#pending) {
        if (this.#left-- <= 0) {
          this.#port.alarm.arm(this.#port.now());
          break;
        }
        this.#pending.delete(id);
        this.#crowd = this.#pending.size > 0 && (this.#crowd || this.#pending.size >= MAX_AT_ONCE);
        if (this.#crowd) await this.#turns[this.#isPublishing() ? "publishing" : "quiet"].next();
        await this.#offerAll(id);
      }
    } finally {
      this.#workers--;
    }
  }

  #isPublishing(): boolean {
    return Math.abs(this.#port.now() - this.#publishedAt) < PUBLISHING_MS;
  }

  /** Makes one offer after the other until the endpoint has the head, stops taking, or cannot be reached. */
  async #offerAll(id: string): Promise<void> {
    if (this.#busy.has(id)) return;
    this.#busy.add(id);
    try {
      // The registry is read anew each time: an endpoint may be changed or deleted while an offer is out.
      for (
        let row = this.#store.registry.live(id);
        row?.config.enabled && this.#positions.lags(row);
        row = this.#store.registry.live(id)
      ) {
        if (!(await this.#offerBatch(row))) return;
      }
    } finally {
      this.#busy.delete(id);
    }
  }

  /** Returns whether to go on with the same endpoint. */
  async #offerBatch(row: EndpointRow): Promise<boolean> {
    const after = this.#positions.acked(row);
    const { upTo, events } = this.#store.log.scan(after, subscriptionOf(row), OFFER_LIMITS);
    if (events.length === 0) {
      this.#positions.pass(row, upTo);
      return true;
    }
    // Retention leaves a gap that the endpoint must see: it then pulls, and is told of the events that expired.
    const gap = after + 1 < this.#store.log.oldest ? this.#store.log.oldest - 1 : 0;
    const told = Math.max(this.#positions.told(row), gap);
    const offer = { log: this.#store.view, after: told, upTo, events, revision: row.revision };
    try {
      const answer = await this.#offer(row, offer);
      this.#backoff.forget(row.id);
      if (answer === "disabled") return false;
      if (answer === "taken" || answer === "busy") {
        this.#positions.take(row, upTo);
        if (answer === "busy") this.#rest(row.id);
        return answer === "taken";
      }
      if (answer === "ahead" || answer === "other") {
        const given = await withDeadline(this.#port.endpoint(row.id).greatest(), OFFER_TIMEOUT_MS);
        // The answer may be about an offer that was overtaken: `ahead` alone proves nothing.
        if (offer.log.id === this.#store.logId && (answer === "other" || given > this.#store.log.head))
          this.#renew(given);
      }
      // The endpoint was changed or deleted while the offer was out: the registry's current row goes to it.
      const current = this.#store.registry.get(row.id);
      if (current?.state !== "live") return false;
      await withDeadline(this.configure(current), OFFER_TIMEOUT_MS);
      return true;
    } catch {
      this.#port.alarm.arm(this.#backoff.failed(row.id, this.#port.now()));
      return false;
    }
  }

  #offer({ id }: EndpointRow, offer: Offer): Promise<OfferAnswer> {
    return withDeadline(this.#port.endpoint(id).offer(offer), OFFER_TIMEOUT_MS);
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
