import type { Alerts } from "../../../shared/alerts/alerts.ts";
import { HOUR_MS } from "../../../shared/time.ts";
import type { Config } from "../config.ts";
import type { Delivery } from "../model/delivery.ts";
import type { EndpointRow } from "../model/endpoint.ts";
import type { EndpointHealth } from "../protocol.ts";
import type { OutboxStore } from "./storage.ts";

/** Tells the alerts which conditions the Outbox knows to begin and to end, as far as the rules ask for them. */

/** Deliveries of an endpoint die no more once none has died for so long. */
const NO_DEATHS_MS = HOUR_MS;
/** The storage must fall so far below its limit, in percent, before the condition ends: it would flutter otherwise. */
const RELIEF_PERCENT = 5;

export class AlertWatch {
  readonly #store: OutboxStore;
  readonly #alerts: Alerts;
  readonly #config: Pick<Config, "alerts" | "storageLimit">;

  constructor(store: OutboxStore, alerts: Alerts, config: Pick<Config, "alerts" | "storageLimit">) {
    this.#store = store;
    this.#alerts = alerts;
    this.#config = config;
  }

  /** An endpoint says that it has failed for too long, or delivers again. */
  health(id: string, { failingSince, isOver, status, code }: EndpointHealth): void {
    const name = this.#nameOf(id);
    if (name === null) return;
    const since = shownMinute(failingSince);
    if (isOver) this.#alerts.end("failing", id, `${name} delivers again. It had failed since ${since}.`);
    else {
      const text = `${name} fails: every attempt since ${since}, the last with ${code ?? status}.`;
      this.#alerts.begin("failing", id, { text, since: failingSince });
    }
  }

  /** An endpoint was disabled, by no person. */
  disabled({ id, config }: EndpointRow, reason: string, now: number): void {
    if (this.#config.alerts.rules.disabled === undefined) return;
    const text = `${id} (${config.url}) was disabled: ${reason}.`;
    this.#alerts.begin("disabled", id, { text, since: now });
  }

  /** A delivery died. */
  died(endpointId: string, { id, type, attempts }: Omit<Delivery, "body">, now: number): void {
    const name = this.#nameOf(endpointId);
    if (this.#config.alerts.rules.dead === undefined || name === null) return;
    const last = attempts.at(-1);
    const text = `${name}: ${type} ${id} was given up after ${attempts.length} attempts, the last with ${last?.code ?? last?.status ?? 0}.`;
    this.#alerts.begin("dead", endpointId, { text, since: now });
  }

  /** Looks which conditions have begun or ended by themselves. */
  look(now: number): void {
    if (!this.#alerts.isOn) return;
    this.#lookAtStorage(now);
    for (const { rule, subject, seenAt } of this.#alerts.open) {
      if (!(rule in this.#config.alerts.rules)) this.#alerts.end(rule, subject, `The rule "${rule}" was turned off.`);
      if (subject === null) continue;
      const row = this.#store.registry.live(subject);
      if (row === null) this.#alerts.end(rule, subject, `${subject} was deleted.`);
      else if (rule === "disabled" && row.config.enabled)
        this.#alerts.end(rule, subject, `${subject} is enabled again.`);
      else if (rule === "dead" && now - seenAt >= NO_DEATHS_MS)
        this.#alerts.end(rule, subject, `${subject}: no delivery was given up since ${shownMinute(seenAt)}.`);
    }
  }

  #lookAtStorage(now: number): void {
    const limit = this.#config.alerts.rules.storage;
    if (limit === undefined) return;
    const used = Math.floor((100 * this.#store.sql.bytes) / this.#config.storageLimit);
    const text = `The sender's log has used ${used} % of its storage.`;
    if (used >= limit) this.#alerts.begin("storage", null, { text, since: now });
    else if (used < limit - RELIEF_PERCENT) this.#alerts.end("storage", null, text);
  }

  /** Returns how an endpoint is called in a text; null for one that is not there. */
  #nameOf(id: string): string | null {
    const row = this.#store.registry.live(id);
    return row === null ? null : `${id} (${row.config.url})`;
  }
}

function shownMinute(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
