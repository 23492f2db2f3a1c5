import { withDeadline } from "../../../shared/deadline.ts";
import { splitSecrets } from "../../../shared/signing/secret.ts";
import type { Config } from "../config.ts";
import { DEFAULT_ENDPOINT, defaultConfig, type EndpointConfig, type EndpointRow } from "../model/endpoint.ts";
import type { LoggedEvent } from "../model/event.ts";
import { withEarlier } from "../model/subscription.ts";
import type { Changed, EndpointCalls, StartFrom } from "../protocol.ts";
import type { Positions } from "./positions.ts";
import { configureCall } from "./registry.ts";
import type { OutboxStore } from "./storage.ts";

/** What is done to endpoints: every change is a row of the registry first, then brought to the Endpoint. */

/** A change is answered once its Endpoint has confirmed it, or after this long without. */
const CONFIRM_MS = 10_000;
/** Live secrets of one endpoint: each signs every attempt. */
const MAX_SECRETS = 10;

/** The Outbox as this file needs it. `changed`: arms the alarm in this commit and hands over what is new. */
export type AdminPort = {
  endpoint(id: string): DurableObjectStub<EndpointCalls>;
  event(id: string): LoggedEvent | null;
  changed(): void;
  /** An Endpoint has confirmed a change: it may be handed what it lacks. */
  confirmed(): void;
  /** An Endpoint has destroyed itself. */
  removed(id: string): void;
  now(): number;
};

export class Endpoints {
  readonly #store: OutboxStore;
  readonly #positions: Positions;
  readonly #port: AdminPort;

  constructor(store: OutboxStore, positions: Positions, port: AdminPort) {
    this.#store = store;
    this.#positions = positions;
    this.#port = port;
  }

  /**
   * Adds an endpoint that starts at `startFrom`: the head, an event of the log, or a time (unix ms). Answers
   * its row and whether the Endpoint has confirmed it; `unknown_event` when the log has no such event.
   */
  async create(id: string, config: EndpointConfig, startFrom: StartFrom): Promise<Changed | "unknown_event"> {
    const from = this.#startSeq(startFrom);
    if (from === null) return "unknown_event";
    const row = this.#store.registry.put(id, config, from);
    // The Outbox hands over from here on; what lies between the start and here the endpoint pulls.
    this.#positions.startAt(id, this.#store.log.head);
    return this.#push(row);
  }

  /** Merges a change into the current configuration; null for an endpoint that is not there. */
  async update(id: string, change: Partial<EndpointConfig>): Promise<Changed | null> {
    const row = this.#store.registry.live(id);
    if (row === null) return null;
    const enabling = change.enabled === true ? { disabledReason: null } : {};
    const disabling =
      change.enabled === false ? { disabledReason: row.config.disabledReason ?? "disabled by the API" } : {};
    const config = { ...row.config, ...change, ...enabling, ...disabling, ...this.#earlierTypes(row, change) };
    return this.#push(this.#store.registry.put(id, config, null));
  }

  /** Other types are for what is published from here on, and for what was wanted before and is not delivered yet. */
  #earlierTypes({ config }: EndpointRow, { types }: Partial<EndpointConfig>): Partial<EndpointConfig> {
    if (types === undefined || JSON.stringify(types) === JSON.stringify(config.types)) return {};
    return { earlierTypes: withEarlier(config.earlierTypes ?? [], config.types, this.#store.log) };
  }

  /** Puts new secrets first; the old ones sign beside them until `expiresAt` (unix ms). */
  async rotate(id: string, keys: string[], expiresAt: number): Promise<Changed | null> {
    const row = this.#store.registry.live(id);
    if (row === null) return null;
    const now = this.#port.now();
    const old = row.config.secrets
      .filter((secret) => secret.expiresAt === null || secret.expiresAt > now)
      .map(({ key, expiresAt: end }) => ({ key, expiresAt: Math.min(end ?? expiresAt, expiresAt) }));
    const secrets = [...keys.map((key) => ({ key, expiresAt: null })), ...old].slice(0, MAX_SECRETS);
    return this.#push(this.#store.registry.put(id, { ...row.config, secrets }, null));
  }

  /** Deletes an endpoint; `true` when its object is gone, `false` while that is retried, null when unknown. */
  async delete(id: string): Promise<boolean | null> {
    const row = this.#store.registry.get(id);
    if (row === undefined) return null;
    this.#port.changed();
    const deleting = row.state === "deleting" ? row : this.#store.registry.markDeleting(row);
    return this.#confirmed(deleting);
  }

  /** Brings an endpoint what the registry says of it. Safe to repeat; the registry notes what was confirmed. */
  async configure(row: EndpointRow): Promise<void> {
    if (row.state === "deleting") {
      await this.#port.endpoint(row.id).destroy();
      this.#store.registry.remove(row.id);
      this.#port.removed(row.id);
      return;
    }
    const answer = await this.#port.endpoint(row.id).configure(configureCall(row));
    if (answer === "done") this.#store.registry.confirmed(row.id, row.revision);
  }

  /** The alarm stands before the answer: a configuration that is not confirmed now is pushed again. */
  async #push(row: EndpointRow): Promise<Changed> {
    this.#port.changed();
    const confirmed = await this.#confirmed(row);
    if (confirmed) this.#port.confirmed();
    return { row, confirmed };
  }

  /** Whether the Endpoint has the change while a caller is kept waiting; bringing it goes on either way. */
  #confirmed(row: EndpointRow): Promise<boolean> {
    return withDeadline(this.configure(row), CONFIRM_MS).then(
      () => true,
      () => false,
    );
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
    const known = this.#store.registry.get(DEFAULT_ENDPOINT);
    const secrets = splitSecrets("WEBHOOK_SECRET", webhookSecret);
    const config = defaultConfig(webhookUrl, secrets, { known: known?.config, now: this.#port.now() });
    if (config === null || JSON.stringify(config) === JSON.stringify(known?.config)) return;
    this.#store.registry.put(DEFAULT_ENDPOINT, config, this.#store.log.head);
  }
}
