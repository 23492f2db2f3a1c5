import { logEvent } from "../../../shared/log-event.ts";
import type { Config } from "../config.ts";
import type { PullAnswer, Scan } from "../protocol.ts";
import type { EndpointState } from "./state.ts";
import type { EndpointStore } from "./storage.ts";

/** The Endpoint's object as catching up needs it. `gone`: the registry knows nothing of this endpoint. */
export type CatchUpPort = {
  pull(id: string, after: number): Promise<PullAnswer>;
  gone(): Promise<void>;
  pump(): void;
  arm(at: number): void;
};

const FIRST_RETRY_MS = 1000;

/** Pulls from the log what an Endpoint's queue lacks. */
export class CatchUp {
  readonly #store: EndpointStore;
  readonly #state: EndpointState;
  readonly #leaseMs: number;
  readonly #port: CatchUpPort;
  #running = false;
  #retryMs = FIRST_RETRY_MS;

  constructor(store: EndpointStore, state: EndpointState, { leaseMs }: Pick<Config, "leaseMs">, port: CatchUpPort) {
    this.#store = store;
    this.#state = state;
    this.#leaseMs = leaseMs;
    this.#port = port;
  }

  /** One batch at a time, while the queue has room. Never throws: what fails is tried again by the alarm. */
  async run(): Promise<void> {
    const id = this.#state.identity?.id;
    if (this.#running || id === undefined) return;
    this.#running = true;
    try {
      while (this.#wanted) {
        const after = this.#state.queue.position;
        const answer = await this.#port.pull(id, after);
        if (answer === "gone") return await this.#port.gone();
        // Disabled meanwhile, the queue went back: taken now, this would leave out what was dropped from its queue.
        if (this.#state.queue.position < after) continue;
        if ("expiredTo" in answer) this.#expire(answer.expiredTo);
        else this.#take(answer);
        this.#retryMs = FIRST_RETRY_MS;
        this.#port.pump();
      }
    } catch (error) {
      logEvent("endpoint.pull_failed", { endpoint: id, error: String(error), retryMs: this.#retryMs });
      this.#port.arm(Date.now() + this.#retryMs);
      this.#retryMs = Math.min(this.#retryMs * 2, this.#leaseMs);
    } finally {
      this.#running = false;
    }
  }

  get #wanted(): boolean {
    const { queue, active, crowded } = this.#state;
    return active && queue.needsMore && queue.roomy && !crowded;
  }

  #take({ upTo, head, events }: Scan & { head: number }): void {
    const { queue } = this.#state;
    queue.known = Math.max(queue.known, head);
    queue.take(events, upTo, (seq) => this.#store.deliveries.has(seq));
  }

  /** Retention took events before they were taken: one row says which, and the position moves on past them. */
  #expire(expiredTo: number): void {
    const { queue, identity } = this.#state;
    const from = queue.position + 1;
    if (expiredTo < from) return;
    logEvent("endpoint.expired", { endpoint: identity?.id ?? "", from, to: expiredTo });
    if (!this.#store.deliveries.has(from)) {
      const row = { seq: from, id: "", type: "", due: null, mark: null, skip: 0, attempts: [], body: null };
      this.#store.deliveries.put({ ...row, state: "expired", until: expiredTo }, true);
    }
    queue.position = expiredTo;
  }
}
