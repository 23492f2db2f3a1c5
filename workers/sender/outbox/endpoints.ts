import { withDeadline } from "../../../shared/deadline.ts";
import { completeSecret, splitSecrets } from "../../../shared/signing/secret.ts";
import type { Config } from "../config.ts";
import {
  DEFAULT_ENDPOINT,
  defaultConfig,
  type EndpointConfig,
  type EndpointRow,
  unmaskedHeaders,
} from "../model/endpoint.ts";
import { type FreshSecrets, rotatedSecrets, secretsFor } from "../model/endpoint-secrets.ts";
import { withEarlier } from "../model/subscription.ts";
import type { Changed, StartFrom } from "../protocol.ts";
import type { FanOut } from "./fan-out.ts";
import type { Positions } from "./positions.ts";
import type { OutboxStore } from "./storage.ts";

/** A change is answered once its Endpoint has confirmed it, or after this long without. */
const CONFIRM_MS = 10_000;

/** Creates, changes and deletes endpoints. A change is first a row of the registry, then brought to the Endpoint. */
export class Endpoints {
  readonly #store: OutboxStore;
  readonly #positions: Positions;
  readonly #fanOut: FanOut;

  constructor(store: OutboxStore, positions: Positions, fanOut: FanOut) {
    this.#store = store;
    this.#positions = positions;
    this.#fanOut = fanOut;
  }

  /**
   * Adds an endpoint that starts at `startFrom`: the head, an event of the log, or a time (unix ms). Returns its row
   * and whether the Endpoint has confirmed it; `unknown_event` when the log has no such event.
   */
  async create(id: string, config: EndpointConfig, startFrom: StartFrom): Promise<Changed | "unknown_event"> {
    const from = this.#startSeq(startFrom);
    if (from === null) return "unknown_event";
    const row = this.#store.registry.put(id, config, from);
    // The fan-out offers events after the head; the endpoint pulls those between its start and the head.
    this.#positions.startAt(id, this.#store.log.head);
    return this.#push(row);
  }

  /**
   * Merges a change into the current configuration; null for an endpoint that is not there. `fresh`: secrets for versions
   * that `signing` adds. All in one turn: what another call has written is never written over.
   */
  async update(id: string, change: Partial<EndpointConfig>, fresh: FreshSecrets | null): Promise<Changed | null> {
    const row = this.#store.registry.live(id);
    if (row === null) return null;
    const { secrets, headers: known } = row.config;
    const headers = change.headers === undefined ? {} : { headers: unmaskedHeaders(change.headers, known).headers };
    const signing =
      change.signing === undefined || fresh === null ? {} : { secrets: secretsFor(change.signing, secrets, fresh) };
    const enabling = change.enabled === true ? { disabledReason: null } : {};
    const disabling =
      change.enabled === false ? { disabledReason: row.config.disabledReason ?? "disabled by the API" } : {};
    const derived = { ...headers, ...signing, ...enabling, ...disabling, ...this.#earlierTypes(row, change) };
    const config = { ...row.config, ...change, ...derived };
    return this.#push(this.#store.registry.put(id, config, null));
  }

  /**
   * Returns the earlier choices to keep: new types and a new filter count for events logged from here on, and narrow what
   * is not delivered yet.
   */
  #earlierTypes({ config }: EndpointRow, change: Partial<EndpointConfig>): Partial<EndpointConfig> {
    const { types = config.types, filter = config.filter ?? null } = change;
    if (JSON.stringify([types, filter]) === JSON.stringify([config.types, config.filter ?? null])) return {};
    return { earlierTypes: withEarlier(config.earlierTypes ?? [], config, this.#store.log) };
  }

  /**
   * Puts new secrets first; the old ones sign beside them for `overlapMs`. Changes nothing when too many would sign, and
   * returns when the first of them ends; null for an endpoint that is not there.
   */
  async rotate(id: string, fresh: FreshSecrets, overlapMs: number): Promise<Changed | { firstEnd: number } | null> {
    const row = this.#store.registry.live(id);
    if (row === null) return null;
    const now = Date.now();
    const secrets = rotatedSecrets(row.config, fresh, { now, expiresAt: now + overlapMs });
    if ("firstEnd" in secrets) return secrets;
    return this.#push(this.#store.registry.put(id, { ...row.config, secrets }, null));
  }

  /** Deletes an endpoint; `true` when its object is gone, `false` while that is retried, null when unknown. */
  async delete(id: string): Promise<boolean | null> {
    const row = this.#store.registry.get(id);
    if (row === undefined) return null;
    const deleting = row.state === "deleting" ? row : this.#store.registry.markDeleting(row);
    this.#store.changed();
    return this.#confirmed(deleting);
  }

  /** The alarm is armed before the answer: a configuration that is not confirmed now is pushed again. */
  async #push(row: EndpointRow): Promise<Changed> {
    this.#store.changed();
    const confirmed = await this.#confirmed(row);
    if (confirmed) this.#fanOut.kick();
    return { row, confirmed };
  }

  /** Resolves to true once the Endpoint has the change, to false after the deadline; pushing goes on either way. */
  #confirmed(row: EndpointRow): Promise<boolean> {
    return withDeadline(this.#fanOut.configure(row), CONFIRM_MS).then(
      () => true,
      () => false,
    );
  }

  /** Returns the seq that an endpoint starts after; null when the event it names is not in the log. */
  #startSeq(start: StartFrom): number | null {
    if (start.at === "now") return this.#store.log.head;
    if (start.at === "time") return this.#store.log.firstSince(start.time) - 1;
    const event = this.#store.event(start.id);
    return event === null ? null : event.seq - 1;
  }

  /** Brings the default endpoint up to WEBHOOK_URL and WEBHOOK_SECRET, which the last deployment may have changed. */
  async syncDefault({ webhookUrl, webhookSecret }: Config): Promise<void> {
    const secrets = await Promise.all(splitSecrets("WEBHOOK_SECRET", webhookSecret).map(completeSecret));
    const known = this.#store.registry.get(DEFAULT_ENDPOINT);
    const config = defaultConfig(webhookUrl, secrets, { known: known?.config, now: Date.now() });
    if (config === null || JSON.stringify(config) === JSON.stringify(known?.config)) return;
    this.#store.registry.put(DEFAULT_ENDPOINT, config, this.#store.log.head);
  }
}
