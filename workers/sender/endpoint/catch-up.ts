import type { Alarm } from "../../../shared/durable/alarm.ts";
import { logEvent } from "../../../shared/log-event.ts";
import type { OutboxCalls, Scan } from "../protocol.ts";
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
        const answer = await this.#tools.outbox().pull(id, after);
        if (answer === "gone") return await this.#state.destroy();
        // The endpoint was disabled during the pull and its queue was reset. Pull again.
        if (this.#state.queue.position < after) continue;
        if ("expiredTo" in answer) this.#expire(answer.expiredTo);
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

  #take({ upTo, head, events }: Scan & { head: number }): void {
    const { queue } = this.#state;
    queue.known = Math.max(queue.known, head);
    queue.take(events, upTo, (seq) => this.#store.deliveries.has(seq));
  }

  /**
   * Records events that retention dropped before they were taken: one row for the range, and the position moves past
   * it.
   */
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
