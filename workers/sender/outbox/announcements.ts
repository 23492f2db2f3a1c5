import { logEvent } from "../../../shared/log-event.ts";
import type { Delivery } from "../model/delivery.ts";
import { BACKLOG, type EndpointRow } from "../model/endpoint.ts";
import type { LoggedEvent, Published } from "../model/event.ts";
import { TEST_TYPE } from "../model/subscription.ts";
import type { ConfigureCall, Pause } from "../protocol.ts";
import type { AlertWatch } from "./alert-watch.ts";
import type { Announcement, LogWriter } from "./log-writer.ts";
import type { OutboxStore } from "./storage.ts";

/** Publishes events about endpoints. Each announcement is published once, and never to the endpoint it is about. */

const PAUSE_REASONS: Record<Pause["reason"], string> = {
  gone: "the endpoint answered 410 Gone",
  failing: "every attempt has failed for 5 days",
};

/** An endpoint that lacks part of the log: `lag` counts the events. */
export type Lagging = { endpointId: string; lag: number };

export class Announcements {
  readonly #store: OutboxStore;
  readonly #writer: LogWriter;
  readonly #watch: AlertWatch;

  constructor(store: OutboxStore, writer: LogWriter, watch: AlertWatch) {
    this.#store = store;
    this.#writer = writer;
    this.#watch = watch;
  }

  /** Publishes one test event to one endpoint alone, whatever its types; returns it as the log has it. */
  test(endpointId: string): LoggedEvent | null {
    const data = JSON.stringify({ message: "This is a test event.", endpointId });
    const { id } = this.#announce({ type: TEST_TYPE, data, id: null, target: `+${endpointId}` });
    return this.#store.event(id);
  }

  /**
   * Disables an endpoint that has paused itself, and announces that to the others. Returns the current configuration,
   * which is a newer one when the endpoint paused over an earlier revision; null when the endpoint is gone.
   */
  paused(id: string, { reason, revision, since }: Pause): ConfigureCall | null {
    const row = this.#store.registry.live(id);
    if (row === null) return null;
    if (row.revision > revision) return this.#store.configureCall(row);
    const facts = { failingSince: new Date(since).toISOString() };
    return this.#store.configureCall(this.#disable(row, PAUSE_REASONS[reason], facts));
  }

  /**
   * Disables an endpoint that lacks more of the log than there is room for, and announces that to the others. The seqs
   * from `lostFrom` to `lostTo` go with the log's oldest tables.
   */
  fellBehind(row: EndpointRow, lost: { lostFrom: number; lostTo: number }): void {
    this.#disable(row, BACKLOG, lost);
  }

  #disable(row: EndpointRow, reason: string, facts: object): EndpointRow {
    const { id, revision, config } = row;
    const disabled = this.#store.transact(() => {
      const changed = this.#store.registry.put(id, { ...config, enabled: false, disabledReason: reason }, null);
      const data = JSON.stringify({ endpointId: id, url: config.url, reason, ...facts });
      const event = { type: "endpoint.disabled", data, id: `disabled_${id}_${revision}` };
      this.#writer.announce({ ...event, target: `-${id}` }, Date.now());
      return changed;
    });
    this.#watch.disabled(disabled, reason, Date.now());
    logEvent("endpoint.disabled", { endpoint: id, reason, ...facts });
    this.#store.changed();
    return disabled;
  }

  /** Announces, once a day, that the log runs short of room, and which endpoints hold it up. */
  storageLow(facts: { usedPercent: number; limitMb: number; behind: readonly Lagging[] }, now: number): void {
    const id = `storage_low_${new Date(now).toISOString().slice(0, 10)}`;
    if (this.#store.idempotency.get("id", id) !== null) return;
    logEvent("storage.low", { usedPercent: facts.usedPercent, behind: facts.behind.length });
    this.#announce({ type: "webhook.storage_low", data: JSON.stringify(facts), id, target: null });
  }

  /** Announces that a delivery is dead. */
  dead(endpointId: string, delivery: Omit<Delivery, "body">): void {
    const { seq, id, type, attempts } = delivery;
    const last = attempts.at(-1);
    const data = {
      endpointId,
      eventId: id,
      eventType: type,
      attempts: attempts.length,
      status: last?.status ?? 0,
      code: last?.code ?? null,
    };
    // A redelivery that dies again is another announcement: the number of attempts tells them apart.
    const name = `failed_${endpointId}_${seq}_${attempts.length}`;
    this.#announce({ type: "delivery.failed", data: JSON.stringify(data), id: name, target: `-${endpointId}` });
    this.#watch.died(endpointId, delivery, Date.now());
  }

  #announce(event: Announcement): Published {
    const published = this.#store.transact(() => this.#writer.announce(event, Date.now()));
    this.#store.changed();
    return published;
  }
}
