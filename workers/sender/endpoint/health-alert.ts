import type { Alarm } from "../../../shared/durable/alarm.ts";
import { MINUTE_MS } from "../../../shared/time.ts";
import type { EndpointHealth } from "../protocol.ts";
import type { EndpointStore } from "./storage.ts";

/** Decides when the Outbox is to be told that an endpoint has failed for too long, and that it delivers again. */

/** The health that the Outbox is told of: failing since then, or over. */
type Reported = Pick<EndpointHealth, "failingSince" | "isOver">;

const ALERTED_KEY = "alerted";
/** A report that failed is made again after this. */
const REPORT_AGAIN_MS = MINUTE_MS;

export class HealthAlert {
  readonly #store: EndpointStore;
  readonly #alarm: Alarm;
  /** The time of failing that asks for an alert; null when no rule asks for one. */
  readonly #alertMs: number | null;
  /** The failing that the Outbox has heard of; over once an attempt has succeeded, until the Outbox has heard of that. */
  #reported: Reported | null = null;

  /** `minutes`: the rule's number. */
  constructor(store: EndpointStore, alarm: Alarm, minutes: number | undefined) {
    this.#store = store;
    this.#alarm = alarm;
    this.#alertMs = minutes === undefined ? null : minutes * MINUTE_MS;
  }

  load(meta: Record<string, unknown>): void {
    this.#reported = (meta[ALERTED_KEY] ?? null) as Reported | null;
    // The Outbox has ended the condition: under a rule that comes back, it is to be told anew.
    if (this.#reported !== null && this.#alertMs === null) this.#note(null);
  }

  /**
   * Returns when a report is due (unix ms), or is to be made again when it is due now; null for none. `since`: when the
   * endpoint began to fail, or null.
   */
  nextAt(since: number | null, now: number): number | null {
    if (this.due(since, now) !== null) return now + REPORT_AGAIN_MS;
    return since === null || this.#alertMs === null || this.#reported !== null ? null : since + this.#alertMs;
  }

  /** Returns what is to be reported now; null for nothing. */
  due(since: number | null, now: number): Reported | null {
    if (this.#alertMs === null) return null;
    if (this.#reported !== null) return this.#reported.isOver ? this.#reported : null;
    return since !== null && now - since >= this.#alertMs ? { failingSince: since, isOver: false } : null;
  }

  /** Notes that the Outbox has heard: a restart does not say it twice. `since`: as it is after the call. */
  heard(reported: Reported, since: number | null): void {
    // An attempt that succeeded during the call is to be reported next.
    const isOver = since === null;
    this.#note(reported.isOver ? null : { ...reported, isOver });
    if (isOver && !reported.isOver) this.#alarm.arm(Date.now());
  }

  /** Hears of the first failure after a success, in the transaction that writes the attempt. */
  failed(since: number, now: number): void {
    if (this.#alertMs !== null && this.#reported === null) this.#alarm.arm(Math.max(since + this.#alertMs, now));
  }

  /** Hears of a success, in the transaction that writes the attempt. */
  delivered(now: number): void {
    if (this.#reported === null || this.#reported.isOver) return;
    this.#note({ ...this.#reported, isOver: true });
    this.#alarm.arm(now);
  }

  #note(reported: Reported | null): void {
    this.#store.meta.set(ALERTED_KEY, reported);
    this.#reported = reported;
  }
}
