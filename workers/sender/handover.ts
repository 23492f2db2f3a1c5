import { withDeadline } from "../../shared/deadline.ts";
import type { OfferAnswer } from "./endpoint.ts";
import type { LoggedEvent, OutboxStore } from "./outbox-store.ts";
import type { EndpointRow, Registry } from "./registry.ts";

/**
 * The Outbox's cursors: how far each endpoint has been handed the log, and the handing itself. All of it is
 * memory; what survives is one row, `handed`, written once a LEASE. A cursor that is lost falls back to it,
 * and what is then offered again the endpoint already has.
 */

/** A batch of one offer. */
const BATCH = { scanned: 100, limit: 100, maxBytes: 1024 * 1024 };
/** A batch of one pull: filtering may pass over many rows to find its hundred. */
const PULL = { scanned: 10_000, limit: 100, maxBytes: 1024 * 1024 };
/** Endpoints that are offered to at the same time, and in one invocation: the rest waits for the alarm. */
const WAVE = 50;
/**
 * A large fan-out wakes one endpoint at a time, this far apart: a thousand objects at once would stand before
 * every publish. While nobody publishes, nobody waits.
 */
const SPACING_MS = { publishing: 30, quiet: 4 };
/** How long after an event others are expected. */
const PUBLISHING_MS = 1000;
const MAX_HANDS = 250;
const OFFER_TIMEOUT_MS = 30_000;
const FIRST_RETRY_MS = 1000;
/** Endpoints that have enough to do are woken this often, not for each event: that would cost the others. */
const REST_MS = 500;

export type Offer = { after: number; upTo: number; events: LoggedEvent[]; revision: number };
export type PullAnswer = { upTo: number; head: number; events: LoggedEvent[] } | { expiredTo: number } | "gone";

/** `handed` in meta: the position of all, and of those that lag behind it. */
type Handed = { h: number; lag: Record<string, number> };

export type HandoverPort = {
  offer(row: EndpointRow, offer: Offer): Promise<OfferAnswer>;
  configure(row: EndpointRow): Promise<void>;
  now(): number;
  /** Sees to it that the alarm runs at `at` (unix ms) or before. */
  arm(at: number): void;
};

type Backoff = { notBefore: number; delayMs: number };

export class Handover {
  readonly #store: OutboxStore;
  readonly #registry: Registry;
  readonly #port: HandoverPort;
  readonly #leaseMs: number;
  /** Up to where every matching event was taken; I2. */
  readonly #acked = new Map<string, number>();
  /** `upTo` of the last answered offer or pull: what the endpoint can be taken to know of. */
  readonly #told = new Map<string, number>();
  readonly #busy = new Set<string>();
  readonly #pending = new Set<string>();
  #workers = 0;
  #nextTurn = 0;
  /** Whether this many endpoints are being handed to that they take turns. */
  #crowd = false;
  #headSeen = 0;
  #publishedAt = 0;
  #handsLeft = MAX_HANDS;
  readonly #backoff = new Map<string, Backoff>();
  /** Those that are busy, left alone until the next round; memory, as the alarm of I1 goes on without it. */
  readonly #resting = new Set<string>();
  #written: string;
  readonly #start: Handed;

  constructor(store: OutboxStore, registry: Registry, { port, leaseMs }: { port: HandoverPort; leaseMs: number }) {
    this.#store = store;
    this.#registry = registry;
    this.#port = port;
    this.#leaseMs = leaseMs;
    this.#start = store.meta<Handed>("handed") ?? { h: 0, lag: {} };
    this.#written = JSON.stringify(this.#start);
  }

  acked(row: EndpointRow): number {
    return this.#acked.get(row.id) ?? this.#startOf(row);
  }

  /** Whether everything in the log was handed to everyone and that was written down; else I1 wants an alarm. */
  get settled(): boolean {
    return !this.#lagging() && JSON.stringify(this.#state()) === this.#written;
  }

  /** An endpoint starts after `seq`: what it missed before that, it pulls itself. */
  startAt(id: string, seq: number): void {
    this.#acked.set(id, seq);
    this.#told.set(id, seq);
  }

  forget(id: string): void {
    for (const map of [this.#acked, this.#told, this.#backoff]) map.delete(id);
    this.#resting.delete(id);
  }

  /** Writes the cursors down when they moved. */
  save(): void {
    const state = JSON.stringify(this.#state());
    if (state === this.#written) return;
    this.#store.setMeta("handed", JSON.parse(state));
    this.#written = state;
  }

  /** When the next endpoint that could not be reached may be tried again; null when none waits. */
  get nextRetry(): number | null {
    const waiting = [...this.#backoff.entries()].filter(([id]) => this.#registry.get(id)?.config.enabled);
    return waiting.length === 0 ? null : Math.min(...waiting.map(([, { notBefore }]) => notBefore));
  }

  /**
   * Hands to every enabled endpoint that lags, at most WAVE at a time however often this is called; what
   * exceeds one invocation waits for the alarm. Goes on by itself after this returns.
   */
  kick(): void {
    const now = this.#port.now();
    this.#handsLeft = MAX_HANDS;
    if (this.#store.head > this.#headSeen) this.#publishedAt = now;
    this.#headSeen = this.#store.head;
    for (const row of this.#registry.enabled()) {
      if (this.#pending.has(row.id) || this.#busy.has(row.id) || this.acked(row) >= this.#store.head) continue;
      if ((this.#backoff.get(row.id)?.notBefore ?? 0) > now || this.#resting.has(row.id)) continue;
      if (this.#passOver(row)) continue;
      this.#pending.add(row.id);
    }
    while (this.#workers < Math.min(WAVE, this.#pending.size)) void this.#handPending();
  }

  async #handPending(): Promise<void> {
    this.#workers++;
    // A set may change while it is walked: what another kick adds is reached too.
    for (const id of this.#pending) {
      if (this.#handsLeft-- <= 0) {
        this.#port.arm(this.#port.now());
        break;
      }
      this.#pending.delete(id);
      this.#crowd = this.#pending.size > 0 && (this.#crowd || this.#pending.size >= WAVE);
      if (this.#crowd) await this.#turn();
      await this.#hand(id);
    }
    this.#workers--;
  }

  /** Waits for the next place in the row. */
  async #turn(): Promise<void> {
    const now = this.#port.now();
    const publishing = now - this.#publishedAt < PUBLISHING_MS;
    this.#nextTurn = Math.max(now, this.#nextTurn) + (publishing ? SPACING_MS.publishing : SPACING_MS.quiet);
    await scheduler.wait(this.#nextTurn - now);
  }

  /**
   * Tells each endpoint that was handed the log up to `seq` but not told so, because nothing on the way was
   * for it: before those events are dropped, or it would take them for events that expired.
   *
   * @throws when one of them does not answer
   */
  async tell(seq: number): Promise<void> {
    const untold = this.#registry.enabled().filter((row) => this.acked(row) >= seq && this.#toldOf(row) < seq);
    for (const row of untold) {
      const offer = { after: this.#toldOf(row), upTo: this.acked(row), events: [], revision: row.revision };
      const answer = await withDeadline(this.#port.offer(row, offer), OFFER_TIMEOUT_MS);
      if (answer === "taken" || answer === "busy") this.#told.set(row.id, offer.upTo);
    }
  }

  /** Events after `after` for one endpoint, as it catches up. */
  pull(id: string, after: number): PullAnswer {
    const row = this.#registry.get(id);
    if (row === undefined || row.state === "deleting") return "gone";
    if (after + 1 < this.#store.oldest) return { expiredTo: this.#store.oldest - 1 };
    const scan = this.#store.scan(after, { endpointId: id, types: row.config.types }, PULL);
    this.#told.set(id, Math.max(this.#told.get(id) ?? 0, scan.upTo));
    return { ...scan, head: this.#store.head };
  }

  /** Moves past events that are not for an endpoint: it is not woken, and its position still advances. */
  #passOver(row: EndpointRow): boolean {
    const nothing = this.#store.wantsNothing(this.acked(row), { endpointId: row.id, types: row.config.types });
    if (nothing) this.#acked.set(row.id, this.#store.head);
    return nothing;
  }

  /** One offer after the other until the endpoint has the head, stops taking, or cannot be reached. */
  async #hand(id: string): Promise<void> {
    if (this.#busy.has(id)) return;
    this.#busy.add(id);
    try {
      // The registry is read anew each time: an endpoint may be changed or deleted while an offer is out.
      for (
        let row = this.#registry.get(id);
        row?.config.enabled && this.acked(row) < this.#store.head;
        row = this.#registry.get(id)
      ) {
        if (!(await this.#handBatch(row))) return;
      }
    } finally {
      this.#busy.delete(id);
    }
  }

  /** @returns whether to go on */
  async #handBatch(row: EndpointRow): Promise<boolean> {
    const after = this.acked(row);
    const { upTo, events } = this.#store.scan(after, { endpointId: row.id, types: row.config.types }, BATCH);
    if (events.length === 0) {
      this.#acked.set(row.id, upTo);
      return true;
    }
    // What retention took leaves a gap that the endpoint must see: it then asks, and is told what expired.
    const gap = after + 1 < this.#store.oldest ? this.#store.oldest - 1 : 0;
    const offer = { after: Math.max(this.#toldOf(row), gap), upTo, events, revision: row.revision };
    try {
      const answer = await withDeadline(this.#port.offer(row, offer), OFFER_TIMEOUT_MS);
      this.#backoff.delete(row.id);
      if (answer === "disabled") return false;
      if (answer === "taken" || answer === "busy") {
        this.#told.set(row.id, Math.max(this.#toldOf(row), upTo));
        this.#acked.set(row.id, Math.max(this.acked(row), upTo));
        if (answer === "busy") this.#rest(row.id);
        return answer === "taken";
      } else {
        // Deleted or changed while the offer was out: what is brought is what the registry says now.
        const current = this.#registry.get(row.id);
        if (current?.state !== "live") return false;
        await withDeadline(this.#port.configure(current), OFFER_TIMEOUT_MS);
      }
      return true;
    } catch {
      this.#postpone(row.id);
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

  /** Backs off from an endpoint's object that does not answer: 1 s, doubling to LEASE. */
  #postpone(id: string): void {
    const delayMs = Math.min((this.#backoff.get(id)?.delayMs ?? FIRST_RETRY_MS / 2) * 2, this.#leaseMs);
    const notBefore = this.#port.now() + delayMs;
    this.#backoff.set(id, { notBefore, delayMs });
    this.#port.arm(notBefore);
  }

  #toldOf(row: EndpointRow): number {
    return this.#told.get(row.id) ?? this.#startOf(row);
  }

  /** Where an endpoint stood when this object started: behind all others, with them, or new since. */
  #startOf(row: EndpointRow): number {
    return this.#start.lag[row.id] ?? Math.max(this.#start.h, row.from ?? 0);
  }

  #lagging(): boolean {
    return this.#registry.enabled().some((row) => this.acked(row) < this.#store.head);
  }

  #state(): Handed {
    const rows = this.#registry.all().filter(({ state }) => state === "live");
    const positions = rows.map((row) => [row.id, this.acked(row)] as const);
    const h = positions.length === 0 ? this.#store.head : Math.max(...positions.map(([, acked]) => acked));
    return { h, lag: Object.fromEntries(positions.filter(([, acked]) => acked < h)) };
  }
}
