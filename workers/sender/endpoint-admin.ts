import { withDeadline } from "../../shared/deadline.ts";
import { splitSecrets } from "../../shared/secret.ts";
import { logEvent } from "../../shared/telemetry.ts";
import type { Delivery } from "./delivery.ts";
import type { Endpoint } from "./endpoint.ts";
import { type Config, TENANT } from "./env.ts";
import type { LoggedEvent } from "./event-log.ts";
import type { Handover } from "./handover.ts";
import type { Pause } from "./health.ts";
import type { OutboxStore } from "./outbox-store.ts";
import type { Published } from "./publish.ts";
import { DEFAULT_ENDPOINT, defaultConfig, type EndpointConfig, type EndpointRow, type Registry } from "./registry.ts";
import type { ConfigureCall } from "./standing.ts";

/** What is done to endpoints: every change is a row of the registry first, then brought to the Endpoint. */

/** A changed row, and whether its Endpoint has confirmed the change yet. */
export type Changed = { row: EndpointRow; confirmed: boolean };
export type StartFrom = { at: "now" } | { at: "event"; id: string } | { at: "time"; time: number };

const PAUSE_REASONS: Record<Pause["reason"], string> = {
  gone: "the endpoint answered 410 Gone",
  failing: "every attempt has failed for 5 days",
};
/** A change is answered once its Endpoint has confirmed it, or after this long without. */
const CONFIRM_MS = 10_000;
/** Live secrets of one endpoint: each signs every attempt. */
const MAX_SECRETS = 10;

/** An event about an endpoint; `id` is made of what happened, so that it is said once. */
type Announcement = { type: string; data: string; id: string | null; target: string };

/** The Outbox as this file needs it. `changed`: arms the alarm in this commit and hands over what is new. */
export type AdminPort = {
  endpoint(id: string): DurableObjectStub<Endpoint>;
  event(id: string): LoggedEvent | null;
  transact<Value>(work: () => Value): Value;
  announce(event: Announcement): Published;
  changed(): void;
  now(): number;
};

export class EndpointAdmin {
  readonly #store: OutboxStore;
  readonly #registry: Registry;
  readonly #handover: Handover;
  readonly #port: AdminPort;

  constructor(store: OutboxStore, registry: Registry, handover: Handover, port: AdminPort) {
    this.#store = store;
    this.#registry = registry;
    this.#handover = handover;
    this.#port = port;
  }

  /**
   * Adds an endpoint that starts at `startFrom`: the head, an event of the log, or a time (unix ms). Answers
   * its row and whether the Endpoint has confirmed it; `unknown_event` when the log has no such event.
   */
  async create(id: string, config: EndpointConfig, startFrom: StartFrom): Promise<Changed | "unknown_event"> {
    const from = this.#startSeq(startFrom);
    if (from === null) return "unknown_event";
    const row = this.#registry.put(id, config, from);
    // The Outbox hands over from here on; what lies between the start and here the endpoint pulls.
    this.#handover.startAt(id, this.#store.log.head);
    return this.#push(row);
  }

  /** Merges a change into the current configuration; null for an endpoint that is not there. */
  async update(id: string, change: Partial<EndpointConfig>): Promise<Changed | null> {
    const row = this.#live(id);
    if (row === null) return null;
    const enabling = change.enabled === true ? { disabledReason: null } : {};
    const disabling =
      change.enabled === false ? { disabledReason: row.config.disabledReason ?? "disabled by the API" } : {};
    return this.#push(this.#registry.put(id, { ...row.config, ...change, ...enabling, ...disabling }, null));
  }

  /** Puts new secrets first; the old ones sign beside them until `expiresAt` (unix ms). */
  async rotate(id: string, keys: string[], expiresAt: number): Promise<Changed | null> {
    const row = this.#live(id);
    if (row === null) return null;
    const now = this.#port.now();
    const old = row.config.secrets
      .filter((secret) => secret.expiresAt === null || secret.expiresAt > now)
      .map(({ key, expiresAt: end }) => ({ key, expiresAt: Math.min(end ?? expiresAt, expiresAt) }));
    const secrets = [...keys.map((key) => ({ key, expiresAt: null })), ...old].slice(0, MAX_SECRETS);
    return this.#push(this.#registry.put(id, { ...row.config, secrets }, null));
  }

  /** Deletes an endpoint; `true` when its object is gone, `false` while that is retried, null when unknown. */
  async delete(id: string): Promise<boolean | null> {
    const row = this.#registry.get(id);
    if (row === undefined) return null;
    this.#port.changed();
    const deleting = row.state === "deleting" ? row : this.#registry.markDeleting(row);
    return this.#confirmed(deleting);
  }

  /** Publishes one `webhook.test` event to one endpoint alone, whatever its types; its id and seq. */
  publishTest(endpointId: string): Published {
    const data = JSON.stringify({ message: "This is a test event.", endpointId });
    return this.#say({ type: "webhook.test", data, id: null, target: `+${endpointId}` });
  }

  /**
   * An endpoint has paused itself: disables it and says so to the others, each once. Answers the current
   * configuration, which is another one when the pause was over a revision that has passed; null when gone.
   */
  reportPause(id: string, { reason, revision, since }: Pause): ConfigureCall | null {
    const row = this.#live(id);
    if (row === null) return null;
    if (row.revision > revision) return configureCall(row);
    const why = PAUSE_REASONS[reason];
    const disabled = this.#port.transact(() => {
      const changed = this.#registry.put(id, { ...row.config, enabled: false, disabledReason: why }, null);
      const data = { endpointId: id, url: row.config.url, reason: why, failingSince: new Date(since).toISOString() };
      const event = {
        type: "endpoint.disabled",
        data: JSON.stringify(data),
        id: `disabled_${id}_${revision}`,
        target: `-${id}`,
      };
      this.#port.announce(event);
      return changed;
    });
    logEvent("endpoint.disabled", { endpoint: id, reason: why });
    this.#port.changed();
    return configureCall(disabled);
  }

  /** A delivery died: says so to the endpoints that ask for it, once, never to the one that failed. */
  reportDead(endpointId: string, { seq, id, type, attempts }: Omit<Delivery, "body">): void {
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

  /** Brings an endpoint what the registry says of it. Safe to repeat; the registry notes what was confirmed. */
  async configure(row: EndpointRow): Promise<void> {
    if (row.state === "deleting") {
      await this.#port.endpoint(row.id).destroy();
      this.#registry.remove(row.id);
      this.#handover.forget(row.id);
      return;
    }
    const answer = await this.#port.endpoint(row.id).configure(configureCall(row));
    if (answer === "done") this.#registry.confirmed(row.id, row.revision);
  }

  /** The alarm stands before the answer: a configuration that is not confirmed now is pushed again. */
  async #push(row: EndpointRow): Promise<Changed> {
    this.#port.changed();
    const confirmed = await this.#confirmed(row);
    if (confirmed) this.#handover.kick();
    return { row, confirmed };
  }

  /** Whether the Endpoint has the change while a caller is kept waiting; bringing it goes on either way. */
  #confirmed(row: EndpointRow): Promise<boolean> {
    return withDeadline(this.configure(row), CONFIRM_MS).then(
      () => true,
      () => false,
    );
  }

  /** Logs an event about an endpoint in a transaction of its own. */
  #say(event: Announcement): Published {
    const published = this.#port.transact(() => this.#port.announce(event));
    this.#port.changed();
    return published;
  }

  #live(id: string): EndpointRow | null {
    const row = this.#registry.get(id);
    return row?.state === "live" ? row : null;
  }

  /** The seq that an endpoint starts after; null when the event it names is not in the log. */
  #startSeq(start: StartFrom): number | null {
    if (start.at === "now") return this.#store.log.head;
    if (start.at === "time") return this.#store.reader.firstSince(start.time) - 1;
    const event = this.#port.event(start.id);
    return event === null ? null : event.seq - 1;
  }

  /** WEBHOOK_URL and WEBHOOK_SECRET may have changed with the last deployment: the endpoint follows them. */
  syncDefault({ webhookUrl, webhookSecret }: Config): void {
    const known = this.#registry.get(DEFAULT_ENDPOINT);
    const secrets = splitSecrets("WEBHOOK_SECRET", webhookSecret);
    const config = defaultConfig(webhookUrl, secrets, { known: known?.config, now: this.#port.now() });
    if (config === null || JSON.stringify(config) === JSON.stringify(known?.config)) return;
    this.#registry.put(DEFAULT_ENDPOINT, config, this.#store.log.head);
  }
}

function configureCall({ id, config, revision, from }: EndpointRow): ConfigureCall {
  return { tenant: TENANT, id, config, revision, from };
}
