import type { Alarm } from "../../../shared/durable/alarm.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { summaryOf } from "../model/delivery.ts";
import type { OutboxCalls } from "../protocol.ts";
import type { EndpointState } from "./state.ts";
import type { EndpointStore } from "./storage.ts";

/** Deliveries that are reported between two looks at the table. */
const REPORT_BATCH = 20;
const RETRY_MS = 60_000;

type Channel = { outbox: () => DurableObjectStub<OutboxCalls>; alarm: Alarm };

/**
 * Tells the Outbox why an endpoint paused, that it has failed for so long that an alert is asked for, and which deliveries died. Storage says what is still to be reported, the
 * alarm retries, and the Outbox announces a repeated report only once.
 */
export class Reporter {
  readonly #store: EndpointStore;
  readonly #state: EndpointState;
  readonly #channel: Channel;
  #busy = false;

  constructor(store: EndpointStore, state: EndpointState, channel: Channel) {
    this.#store = store;
    this.#state = state;
    this.#channel = channel;
  }

  /** Returns when a pause or the health must be reported, again if it was tried; null when neither is. */
  nextAt(now: number): number | null {
    const { pause, alert, failingSince } = this.#state;
    const health = alert.nextAt(failingSince, now);
    return pause === null ? health : Math.min(now + RETRY_MS, health ?? Number.POSITIVE_INFINITY);
  }

  /** Reports everything that is still to be reported. Never throws: the alarm retries. */
  async report(): Promise<void> {
    const id = this.#state.identity?.id;
    if (this.#busy || id === undefined) return;
    this.#busy = true;
    try {
      if (!(await this.#reportPause(id))) return;
      await this.#reportHealth(id);
      await this.#reportDead(id);
    } catch (error) {
      logEvent("endpoint.report_failed", { endpoint: id, error: String(error) });
      this.#channel.alarm.arm(Date.now() + RETRY_MS);
    } finally {
      this.#busy = false;
    }
  }

  /**
   * Reports a pause and takes the configuration that comes back. Returns false when the endpoint is deleted by that.
   */
  async #reportPause(id: string): Promise<boolean> {
    const { pause } = this.#state;
    if (pause === null) return true;
    const current = await this.#channel.outbox().reportPause(id, pause);
    if (current === null) await this.#state.destroy();
    else this.#state.configure(current, Date.now());
    return current !== null;
  }

  /** The note follows the call: a report that is made twice begins, or ends, one condition. */
  async #reportHealth(id: string): Promise<void> {
    const health = this.#state.alert.due(this.#state.failingSince, Date.now());
    if (health === null) return;
    const [last] = this.#store.deliveries.list({ before: null, limit: 1, state: null });
    const { status, code } = last === undefined ? { status: 0, code: null } : summaryOf(last);
    await this.#channel.outbox().reportHealth(id, { ...health, status, code });
    this.#state.alert.heard(health, this.#state.failingSince);
  }

  async #reportDead(id: string): Promise<void> {
    const next = () => (this.#store.exists ? this.#store.deliveries.unreported(REPORT_BATCH) : []);
    for (let rows = next(); rows.length > 0; rows = next()) {
      for (const { body: _body, ...row } of rows) await this.#channel.outbox().reportDead(id, row);
      for (const row of rows) this.#store.deliveries.reported(row.seq);
    }
  }
}
