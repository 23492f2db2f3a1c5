import { logEvent } from "../../../shared/log-event.ts";
import type { ConfigureCall, OutboxCalls } from "../protocol.ts";
import type { Health } from "./health.ts";
import type { EndpointStore } from "./storage.ts";

/** Deliveries that are reported between two looks at the table. */
const BATCH = 20;
const RETRY_MS = 60_000;

/** The Endpoint as a report needs it. */
export type ReporterPort = {
  outbox(): DurableObjectStub<OutboxCalls>;
  /** The registry's answer to a pause; null when it does not know the endpoint. False when that is its end. */
  answered(current: ConfigureCall | null): Promise<boolean>;
  arm(at: number): void;
  now(): number;
};

/**
 * Tells the registry what it must know: why an endpoint paused, and which deliveries died. Rows say what is
 * still to be told, the alarm tries again, and what is told twice is said once.
 */
export class Reporter {
  readonly #store: EndpointStore;
  readonly #health: Health;
  readonly #port: ReporterPort;
  #busy = false;

  constructor(store: EndpointStore, health: Health, port: ReporterPort) {
    this.#store = store;
    this.#health = health;
    this.#port = port;
  }

  /** When the alarm must see to it again; null when nothing is to be told. */
  nextAt(now: number): number | null {
    return this.#health.pause === null ? null : now + RETRY_MS;
  }

  async report(endpointId: string): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      const { pause } = this.#health;
      const current = pause === null ? null : await this.#port.outbox().reportPause(endpointId, pause);
      if (pause === null || (await this.#port.answered(current))) await this.#reportDead(endpointId);
    } catch (error) {
      logEvent("endpoint.report_failed", { endpoint: endpointId, error: String(error) });
      this.#port.arm(this.#port.now() + RETRY_MS);
    } finally {
      this.#busy = false;
    }
  }

  async #reportDead(endpointId: string): Promise<void> {
    const next = () => (this.#store.exists ? this.#store.deliveries.unreported(BATCH) : []);
    for (let rows = next(); rows.length > 0; rows = next()) {
      for (const { body: _body, ...row } of rows) await this.#port.outbox().reportDead(endpointId, row);
      for (const row of rows) this.#store.deliveries.reported(row.seq);
    }
  }
}
