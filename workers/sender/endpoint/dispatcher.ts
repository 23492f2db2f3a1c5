import type { Ledger } from "./history.ts";
import { outcomeOf } from "./outcome.ts";
import type { Deliverer } from "./poster.ts";
import type { Open } from "./queue.ts";
import type { Standing } from "./state.ts";
import type { EndpointStore } from "./storage.ts";
import { BUDGET, Gate } from "./throttle.ts";

/** The Endpoint's object as the courier needs it; `advance` goes on with what a finished attempt made room for. */
export type CourierPort = { arm(at: number): void; waitUntil(work: Promise<unknown>): void; advance(): void };

type Tools = { deliverer: Deliverer; ledger: Ledger; port: CourierPort };

/** Makes an Endpoint's attempts: as many at once as it may, in the order that was asked, each one recorded. */
export class Courier {
  readonly #store: EndpointStore;
  readonly #standing: Standing;
  readonly #deliverer: Deliverer;
  readonly #ledger: Ledger;
  readonly #port: CourierPort;
  readonly gate = new Gate(Date.now());
  #rateTimer = false;

  constructor(store: EndpointStore, standing: Standing, { deliverer, ledger, port }: Tools) {
    this.#store = store;
    this.#standing = standing;
    this.#deliverer = deliverer;
    this.#ledger = ledger;
    this.#port = port;
  }

  /** Starts attempts while something may be sent. */
  pump(): void {
    const { identity, active, window } = this.#standing;
    if (identity === null || !active) return;
    const { ordered, rateLimit } = identity.config;
    const perSecond = rateLimit?.perSecond ?? null;
    while (window.queued > 0) {
      const now = Date.now();
      const verdict = this.gate.ask(now, { ordered, perSecond });
      if (!verdict.go) {
        // The next event delivered to the object brings a new budget, and this asks for one.
        if (verdict.why === "spent") this.#port.arm(now);
        if (verdict.why === "rate") this.#pumpLater(verdict.waitMs);
        return;
      }
      const holder = ordered ? this.#store.deliveries.holder : null;
      const open = window.next(({ seq, mark }) => holder === null || holder.seq === seq || mark === "redelivery");
      if (open === undefined) return;
      this.gate.start(now, perSecond);
      this.#port.waitUntil(this.#deliver(open));
    }
  }

  /** Due retries that are not under way, in order of due time, as far as the window has room. */
  openDue(now: number): void {
    const { window } = this.#standing;
    this.#openHolder(now);
    if (window.full) return;
    for (const due of this.#store.deliveries.due(now, BUDGET, window.open)) {
      if (window.full) return;
      window.add({ ...due, body: due.body ?? "", isNew: false });
    }
  }

  /** What an ordered endpoint waits for needs no room: a window full of what waits for it would never empty. */
  #openHolder(now: number): void {
    const { identity, window } = this.#standing;
    if (!identity?.config.ordered) return;
    const { holder } = this.#store.deliveries;
    if (holder === null || (holder.due ?? 0) > now || window.open.has(holder.seq)) return;
    window.add({ ...holder, body: holder.body ?? "", isNew: false });
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

  async #deliver(open: Open): Promise<void> {
    const { identity } = this.#standing;
    if (identity === null) return;
    const { config } = identity;
    const at = Date.now();
    const { ending, requests } = await this.#deliverer.send(open, config, at);
    this.gate.spend(requests);
    const failed = outcomeOf(ending) !== "delivered";
    if (!config.ordered) this.gate.finish(failed);
    const recorded = this.#ledger.record({ open, at, ending });
    this.pump();
    await recorded;
    // In order means: the next one starts after this one's row is there for good.
    if (config.ordered) this.gate.finish(failed);
    if (this.#standing.active) this.openDue(Date.now());
    this.#port.advance();
  }
}
