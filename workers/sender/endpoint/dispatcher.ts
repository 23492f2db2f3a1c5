import type { DeliveryHistory } from "./history.ts";
import { outcomeOf } from "./outcome.ts";
import type { Poster } from "./poster.ts";
import type { OpenDelivery } from "./queue.ts";
import type { EndpointState } from "./state.ts";
import type { EndpointStore } from "./storage.ts";
import { BUDGET, Throttle } from "./throttle.ts";

/** The Endpoint's object as the courier needs it; `advance` goes on with what a finished attempt made room for. */
export type DispatcherPort = { arm(at: number): void; waitUntil(work: Promise<unknown>): void; advance(): void };

type Tools = { poster: Poster; history: DeliveryHistory; port: DispatcherPort };

/** Makes an Endpoint's attempts: as many at once as it may, in the order that was asked, each one recorded. */
export class Dispatcher {
  readonly #store: EndpointStore;
  readonly #state: EndpointState;
  readonly #poster: Poster;
  readonly #history: DeliveryHistory;
  readonly #port: DispatcherPort;
  readonly throttle = new Throttle(Date.now());
  #rateTimer = false;

  constructor(store: EndpointStore, state: EndpointState, { poster, history, port }: Tools) {
    this.#store = store;
    this.#state = state;
    this.#poster = poster;
    this.#history = history;
    this.#port = port;
  }

  /** Starts attempts while something may be sent. */
  pump(): void {
    const { identity, active, queue } = this.#state;
    if (identity === null || !active) return;
    const { ordered, rateLimit } = identity.config;
    const perSecond = rateLimit?.perSecond ?? null;
    while (queue.queued > 0) {
      const now = Date.now();
      const verdict = this.throttle.ask(now, { ordered, perSecond });
      if (!verdict.go) {
        // The next event delivered to the object brings a new budget, and this asks for one.
        if (verdict.why === "spent") this.#port.arm(now);
        if (verdict.why === "rate") this.#pumpLater(verdict.waitMs);
        return;
      }
      const holder = ordered ? this.#store.deliveries.holder : null;
      const open = queue.next(({ seq, mark }) => holder === null || holder.seq === seq || mark === "redelivery");
      if (open === undefined) return;
      this.throttle.start(now, perSecond);
      this.#port.waitUntil(this.#deliver(open));
    }
  }

  /** Due retries that are not under way, in order of due time, as far as the queue has room. */
  openDue(now: number): void {
    const { queue } = this.#state;
    this.#openHolder(now);
    if (queue.full) return;
    for (const due of this.#store.deliveries.due(now, BUDGET, queue.open)) {
      if (queue.full) return;
      queue.add({ ...due, body: due.body ?? "", isNew: false });
    }
  }

  /** What an ordered endpoint waits for needs no room: a queue full of what waits for it would never empty. */
  #openHolder(now: number): void {
    const { identity, queue } = this.#state;
    if (!identity?.config.ordered) return;
    const { holder } = this.#store.deliveries;
    if (holder === null || (holder.due ?? 0) > now || queue.open.has(holder.seq)) return;
    queue.add({ ...holder, body: holder.body ?? "", isNew: false });
  }

  /** Awake, a timer keeps the rate; if the object dies first, the alarm of I3 goes on. */
  #pumpLater(waitMs: number): void {
    if (this.#rateTimer) return;
    this.#rateTimer = true;
    setTimeout(() => {
      this.#rateTimer = false;
      this.pump();
    }, waitMs);
  }

  async #deliver(open: OpenDelivery): Promise<void> {
    const { identity } = this.#state;
    if (identity === null) return;
    const { config } = identity;
    const at = Date.now();
    const { ending, requests } = await this.#poster.post(open, config, at);
    this.throttle.spend(requests);
    const failed = outcomeOf(ending) !== "delivered";
    if (!config.ordered) this.throttle.finish(failed);
    const recorded = this.#history.record({ open, at, ending });
    this.pump();
    await recorded;
    // In order means: the next one starts after this one's row is there for good.
    if (config.ordered) this.throttle.finish(failed);
    if (this.#state.active) this.openDue(Date.now());
    this.#port.advance();
  }
}
