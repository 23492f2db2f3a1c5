import { batched } from "../../../shared/durable/batch.ts";
import type { Meta } from "../../../shared/durable/meta.ts";
import { logEvent } from "../../../shared/log-event.ts";
import type { Config } from "../config.ts";
import type { LoggedEvent, PublishCall, Published, PublishResult } from "../model/event.ts";
import { eventSeq, type IdKey } from "../model/event-id.ts";
import { periodicTimes, VALUE_TYPE, valueData } from "../model/periodic.ts";
import { type Announcement, announce, type PublishContext, publish, release, schedule } from "./log-writer.ts";
import type { OutboxStore } from "./storage.ts";

/** The Outbox's object as publishing needs it. */
export type PublisherPort = {
  /** Something was logged. */
  changed(): void;
  /** Something was scheduled. */
  scheduled(): void;
};

/** Scheduled events released in one go; more are released by the next alarm, which is then due at once. */
const RELEASE_BATCH = 500;

const FULL: PublishResult = {
  ok: false,
  code: "storage_full",
  detail: "The log has reached STORAGE_LIMIT_MB; nothing was stored. Retention frees space as it passes.",
};

/** Whatever enters the log: what callers publish, what was scheduled, what the sender says of itself. */
export class Publisher {
  readonly #store: OutboxStore;
  readonly #config: Config;
  readonly #port: PublisherPort;
  readonly #idKey: IdKey;
  /** The calls of one turn share a commit. */
  readonly publish: (call: PublishCall) => Promise<PublishResult>;

  constructor(store: OutboxStore, config: Config, port: PublisherPort) {
    this.#store = store;
    this.#config = config;
    this.#port = port;
    this.#idKey = loadIdKey(store.meta);
    this.publish = batched((calls: PublishCall[]) => this.#publishAll(calls));
  }

  /** A logged or scheduled event by its id; null when this log never had it, or no longer has. */
  event(id: string): LoggedEvent | null {
    const seq = eventSeq(this.#idKey, id) ?? this.#store.idempotency.get("id", id)?.seq ?? null;
    const event = seq === null ? null : this.#store.log.event(seq);
    return event?.id === id ? event : null;
  }

  /** In the caller's transaction. */
  announce(event: Announcement): Published {
    return announce(this.#store, event, this.#context(Date.now()));
  }

  /** Schedules the periodic events of (covered, t + 60 s]; all times unix ms. */
  schedulePeriodic(t: number, now: number): void {
    this.#store.transact(() => {
      const covered = this.#store.meta.get<number>("covered");
      const window = periodicTimes(covered, t, { now, periodMs: this.#config.periodicMs });
      if (window === null) return;
      this.#store.meta.set("covered", window.covered);
      for (const due of window.times) {
        schedule(this.#store, { type: VALUE_TYPE, data: valueData(due, Math.random()), due }, this.#context(now));
      }
    });
  }

  /** Gives due scheduled events their place in the log, in the order they were due. */
  release(now: number): void {
    const due = this.#store.scheduled.due(now, RELEASE_BATCH);
    if (due.length === 0) return;
    this.#store.transact(() => {
      for (const later of due) {
        const seq = release(this.#store, later, this.#context(now));
        this.#store.scheduled.drop(later);
        logEvent("event.released", { id: later.id, seq, lateMs: now - later.due });
      }
    });
  }

  #publishAll(calls: PublishCall[]): PublishResult[] {
    const context = this.#context(Date.now());
    if (this.#store.sql.bytes > this.#config.storageLimit) return calls.map(() => FULL);
    const headBefore = this.#store.log.head;
    let results: PublishResult[];
    try {
      results = this.#store.transact(() => calls.map((call) => publish(this.#store, call, context)));
    } catch {
      // One bad call must refuse nobody else: each again, in a transaction of its own.
      results = calls.map((call) => this.#publishAlone(call, context));
    }
    if (this.#store.log.head > headBefore) this.#port.changed();
    if (calls.some(({ events }) => events.some(({ deliverAt }) => deliverAt !== null))) this.#port.scheduled();
    return results;
  }

  #publishAlone(call: PublishCall, context: PublishContext): PublishResult {
    try {
      return this.#store.transact(() => publish(this.#store, call, context));
    } catch (error) {
      logEvent("publish.failed", { error: String(error) });
      return { ok: false, code: "storage_unavailable", detail: "Nothing of this request was stored; try again." };
    }
  }

  #context(now: number): PublishContext {
    const random = () => crypto.getRandomValues(new Uint8Array(10));
    return { now, retentionMs: this.#config.retentionMs, idKey: this.#idKey, random };
  }
}

/** The key that hides the seq in an id: made once for a log, or its ids could not be found again. */
function loadIdKey(meta: Meta): IdKey {
  const known = meta.get<[number, number]>("idKey");
  if (known !== null) return known;
  const [first = 0, second = 0] = crypto.getRandomValues(new Int32Array(2));
  meta.set("idKey", [first, second]);
  return [first, second];
}
