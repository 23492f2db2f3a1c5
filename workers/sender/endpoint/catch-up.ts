import type { Alarm } from "../../../shared/durable/alarm.ts";
import { logEvent } from "../../../shared/log-event.ts";
import type { LogView, OutboxCalls, Scan } from "../protocol.ts";
import type { EndpointState } from "./state.ts";
import type { EndpointStore } from "./storage.ts";

/** Pulls from the log what an Endpoint's queue lacks. */

type Tools = { outbox: () => DurableObjectStub<OutboxCalls>; alarm: Alarm; leaseMs: number };

const FIRST_RETRY_MS = 1000;

export class CatchUp {
  readonly #store: EndpointStore;
  readonly #state: EndpointState;
  readonly #tools: Tools;
  #running = false;
  #retryMs = FIRST_RETRY_MS;

  constructor(store: EndpointStore, state: EndpointState, tools: Tools) {
    this.#store = store;
    this.#state = state;
    this.#tools = tools;
  }

  /**
   * Pulls one batch at a time while the queue has space, and calls `taken` after each. Never throws: a pull that fails
   * is repeated by the alarm.
   */
  async run(taken: () => void): Promise<void> {
    const id = this.#state.identity?.id;
    if (this.#running || id === undefined) return;
    this.#running = true;
    try {
      while (this.#wanted) {
        const after = this.#state.queue.position;
        const log = this.#state.logId;
        const answer = await this.#tools.outbox().pull(id, log, after);
        if (answer === "gone") return await this.#state.destroy();
        // The Outbox configures this endpoint for its log, and that starts over.
        if (answer === "other") return this.#tools.alarm.arm(Date.now() + this.#tools.leaseMs);
        // The endpoint was disabled or met another log during the pull. Pull again.
        if (!this.#state.reads(answer.log) || this.#state.queue.position < after) continue;
        if ("expiredTo" in answer) this.#state.expire(answer.expiredTo);
        else this.#take(answer);
        this.#retryMs = FIRST_RETRY_MS;
        taken();
      }
    } catch (error) {
      logEvent("endpoint.pull_failed", { endpoint: id, error: String(error), retryMs: this.#retryMs });
      this.#tools.alarm.arm(Date.now() + this.#retryMs);
      this.#retryMs = Math.min(this.#retryMs * 2, this.#tools.leaseMs);
    } finally {
      this.#running = false;
    }
  }

  get #wanted(): boolean {
    const { queue, active, crowded } = this.#state;
    return active && queue.needsMore && queue.roomy && !crowded;
  }

  #take({ upTo, log, events }: Scan & { log: LogView }): void {
    const { queue } = this.#state;
    queue.known = Math.max(queue.known, log.head);
    queue.take(events, upTo, (seq, id) => this.#store.deliveries.has(seq, id));
  }
}
