import { logEvent } from "../../../shared/log-event.ts";
import type { Delivery } from "../model/delivery.ts";
import type { Published } from "../model/event.ts";
import type { ConfigureCall, Pause } from "../protocol.ts";
import type { Announcement } from "./log-writer.ts";
import { configureCall } from "./registry.ts";
import type { OutboxStore } from "./storage.ts";

/** The Outbox as reports need it. `changed`: arms the alarm in this commit and hands over what is new. */
export type AnnouncementsPort = {
  announce(event: Announcement): Published;
  changed(): void;
};

const PAUSE_REASONS: Record<Pause["reason"], string> = {
  gone: "the endpoint answered 410 Gone",
  failing: "every attempt has failed for 5 days",
};

/** What is said about endpoints in the log itself: each thing once, and what went wrong never to whom it went wrong with. */
export class Announcements {
  readonly #store: OutboxStore;
  readonly #port: AnnouncementsPort;

  constructor(store: OutboxStore, port: AnnouncementsPort) {
    this.#store = store;
    this.#port = port;
  }

  /** Publishes one `webhook.test` event to one endpoint alone, whatever its types; its id and seq. */
  test(endpointId: string): Published {
    const data = JSON.stringify({ message: "This is a test event.", endpointId });
    return this.#say({ type: "webhook.test", data, id: null, target: `+${endpointId}` });
  }

  /**
   * An endpoint has paused itself: disables it and says so to the others. Answers the current configuration,
   * which is another one when the pause was over a revision that has passed; null when it is gone.
   */
  paused(id: string, { reason, revision, since }: Pause): ConfigureCall | null {
    const row = this.#store.registry.live(id);
    if (row === null) return null;
    if (row.revision > revision) return configureCall(row);
    const why = PAUSE_REASONS[reason];
    const disabled = this.#store.transact(() => {
      const changed = this.#store.registry.put(id, { ...row.config, enabled: false, disabledReason: why }, null);
      const data = { endpointId: id, url: row.config.url, reason: why, failingSince: new Date(since).toISOString() };
      this.#port.announce({
        type: "endpoint.disabled",
        data: JSON.stringify(data),
        id: `disabled_${id}_${revision}`,
        target: `-${id}`,
      });
      return changed;
    });
    logEvent("endpoint.disabled", { endpoint: id, reason: why });
    this.#port.changed();
    return configureCall(disabled);
  }

  /** A delivery died. */
  dead(endpointId: string, { seq, id, type, attempts }: Omit<Delivery, "body">): void {
    const last = attempts.at(-1);
    const data = {
      endpointId,
      eventId: id,
      eventType: type,
      attempts: attempts.length,
      status: last?.status ?? 0,
      code: last?.code ?? null,
    };
    // A redelivery that dies again is another death: the attempts so far tell them apart.
    const name = `failed_${endpointId}_${seq}_${attempts.length}`;
    this.#say({ type: "delivery.failed", data: JSON.stringify(data), id: name, target: `-${endpointId}` });
  }

  /** Logs an event about an endpoint in a transaction of its own. */
  #say(event: Announcement): Published {
    const published = this.#store.transact(() => this.#port.announce(event));
    this.#port.changed();
    return published;
  }
}
