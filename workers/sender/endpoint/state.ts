import type { Alarm } from "../../../shared/durable/alarm.ts";
import { spaceIn } from "../../../shared/durable/space.ts";
import { logEvent } from "../../../shared/log-event.ts";
import type { Config } from "../config.ts";
import { BACKLOG } from "../model/endpoint.ts";
import type { ConfigureCall, Ending, Identity, LogView, Pause } from "../protocol.ts";
import { HealthAlert } from "./health-alert.ts";
import { type Failing, failingAfter, hasFailedTooLong, longestGap, outcomeOf } from "./outcome.ts";
import { DeliveryQueue } from "./queue.ts";
import { MAX_HOLD_MS } from "./retry.ts";
import type { EndpointStore } from "./storage.ts";

/**
 * An Endpoint's configuration, queue and health in memory; after a start they are read from storage again. Its health
 * is four values: since when every attempt has failed, the alert about that, the pause that the endpoint made for that or
 * for a 410, and the time until which the server asked not to be called. Each change of them is a row.
 */
export class EndpointState {
  readonly #store: EndpointStore;
  readonly #storageLimit: number;
  readonly #defaultDelays: readonly number[];
  readonly #alarm: Alarm;
  readonly alert: HealthAlert;
  #identity: Identity | null = null;
  #logId: string | null = null;
  #logOldest = 0;
  #queue = new DeliveryQueue(0);
  #writtenFloor = 0;
  #pause: Pause | null = null;
  #failing: Failing | null = null;
  /** The end of the wait that the server asked for (unix ms), and the one that is stored. */
  #hold: number | null = null;
  #writtenHold: number | null = null;
  #lastStart: number | null = null;

  constructor(store: EndpointStore, config: Pick<Config, "storageLimit" | "retryMs" | "alerts">, alarm: Alarm) {
    const { storageLimit, retryMs, alerts } = config;
    this.#store = store;
    this.#storageLimit = storageLimit;
    this.#defaultDelays = retryMs;
    this.#alarm = alarm;
    this.alert = new HealthAlert(store, alarm, alerts.rules.failing);
    if (store.exists) this.#load();
  }

  /** Null for an endpoint that nobody configured, or that was deleted. */
  get identity(): Identity | null {
    return this.#identity;
  }

  /** Delays after each failed attempt, in milliseconds: the endpoint's own, or those of RETRY_SECONDS. */
  get retryMs(): readonly number[] {
    return this.#identity?.config.retrySeconds?.map((seconds) => seconds * 1000) ?? this.#defaultDelays;
  }

  /** The time of the last attempt's start (unix ms), stored where the rate limit asks for long waits; else null. */
  get lastStart(): number | null {
    return this.#lastStart;
  }

  saveStart(now: number): void {
    this.#lastStart = now;
    this.#store.meta.set("lastStart", now);
  }

  get queue(): DeliveryQueue {
    return this.#queue;
  }

  /** While not null, nothing is sent: the registry must note the pause first and say how to go on. */
  get pause(): Pause | null {
    return this.#pause;
  }

  /** Since when every attempt has failed (unix ms); null when the last one did not. */
  get failingSince(): number | null {
    return this.#failing?.since ?? null;
  }

  /** True while the endpoint sends: it is enabled, and no pause waits for the registry to note it. */
  get active(): boolean {
    return this.#pause === null && (this.#identity?.config.enabled ?? false);
  }

  /**
   * Returns until when the server asked not to be called (unix ms); null when it may be. An end beyond the longest wait
   * was written under another clock, and counts for none.
   */
  heldUntil(now: number): number | null {
    return this.#hold !== null && this.#hold > now && this.#hold <= now + MAX_HOLD_MS ? this.#hold : null;
  }

  /**
   * Holds every delivery back for `waitMs`, and `spread` ms more, unless a hold ends later already. Returns its end. The
   * row is written with the attempt that brought it: one a hold, however many attempts ask for it.
   */
  hold(waitMs: number, { now, spread }: { now: number; spread: number }): number {
    const known = this.heldUntil(now);
    if (known !== null && known >= now + waitMs) return known;
    this.#hold = now + waitMs + spread;
    logEvent("endpoint.held", { endpoint: this.#identity?.id ?? "", until: new Date(this.#hold).toISOString() });
    return this.#hold;
  }

  /** True while storage is short: nothing more is taken, and the position waits in the log. */
  get crowded(): boolean {
    return spaceIn(this.#store.sql.bytes, this.#storageLimit) !== "ample";
  }

  /**
   * Takes a configuration, and makes the schema of an endpoint that was not known. An older revision than ours is not
   * taken. An endpoint that sends from here on looks for what it lacks, so the alarm is armed in the same commit.
   */
  configure({ from, log, ...identity }: ConfigureCall, now: number): "done" | "older" {
    const before = this.#identity;
    // Another log has other revisions too: the registry is part of the same storage.
    const another = before !== null && !this.reads(log);
    if (before !== null && !another && identity.revision < before.revision) return "older";
    const { enabled, url, types } = identity.config;
    const enabling = enabled && !before?.config.enabled;
    const resumed = this.#pause !== null && enabled;
    const forgiven = enabling || url !== before?.config.url;
    this.#write(identity, { from: before === null || another ? (from ?? 0) : null, log, now, forgiven });
    if (before === null) this.#load();
    if (another) this.#startOver(from ?? 0);
    this.#identity = identity;
    this.#logId = log.id;
    this.#logOldest = log.oldest;
    // The queue was filled by the earlier types: the log is asked again by the new ones.
    const retyped = before !== null && JSON.stringify(types) !== JSON.stringify(before.config.types);
    if (!enabled || retyped) this.#resetQueue();
    if (!enabled && identity.config.disabledReason === BACKLOG) this.expire(log.oldest - 1);
    if (enabled && (enabling || resumed || retyped || another)) {
      this.#queue.behind = true;
      this.#alarm.arm(now);
    }
    return "done";
  }

  /** `from`: the seq that a new endpoint, or one in another log, starts after; null to go on from where it is. */
  #write(
    identity: Identity,
    { from, log, now, forgiven }: { from: number | null; log: LogView; now: number; forgiven: boolean },
  ): void {
    try {
      this.#store.transact(() => {
        if (!this.#store.exists) this.#store.create(from ?? 0, now);
        else if (from !== null) this.#store.meta.set("floor", from);
        if (log.id !== this.#logId) this.#store.meta.set("log", log.id);
        this.#store.meta.set("identity", identity);
        this.#endPause(forgiven);
      });
    } catch (error) {
      if (this.#store.exists) this.#loadHealth(this.#store.meta.all());
      throw error;
    }
  }

  #resetQueue(): void {
    this.#queue.reset();
    this.#store.deliveries.lookForDue();
  }

  /** Reads another log from its start: what the rows say of the one before counts for nothing. */
  #startOver(from: number): void {
    logEvent("endpoint.log_changed", { endpoint: this.#identity?.id ?? "", from });
    this.#resetQueue();
    this.#queue.position = from;
    this.#queue.known = from;
    this.#writtenFloor = from;
  }

  /** The identity of the log that this endpoint reads: I5 (one log). Null before it has met one. */
  get logId(): string | null {
    return this.#logId;
  }

  /** The first seq that the log is known to have still. */
  get logOldest(): number {
    return this.#logOldest;
  }

  /** Returns whether a question about a log is about the one that this endpoint reads. */
  knows(log: string): boolean {
    return this.#logId === null || this.#logId === log;
  }

  /** As `knows`, for the log itself: an endpoint that has met none takes the first. */
  reads({ id, oldest }: LogView): boolean {
    if (!this.knows(id)) return false;
    if (this.#logId === null) this.#store.meta.set("log", id);
    this.#logId = id;
    this.#logOldest = Math.max(this.#logOldest, oldest);
    return true;
  }

  /** Ends a pause as a configuration comes. `forgiven`: the endpoint starts afresh, without what it did before. */
  #endPause(forgiven: boolean): void {
    if (this.#pause !== null) this.#store.meta.set("pause", null);
    this.#pause = null;
    if (!forgiven) return;
    if (this.#failing !== null) this.#store.meta.set("failingSince", null);
    this.#failing = null;
    this.#hold = null;
    this.#saveHold();
  }

  #saveHold(): void {
    if (this.#hold === this.#writtenHold) return;
    this.#store.meta.set("hold", this.#hold);
    this.#writtenHold = this.#hold;
  }

  /**
   * Judges the endpoint by one more attempt, made `at` (unix ms), in the transaction that writes the attempt. When that
   * makes the endpoint pause, the alarm is armed to report the pause.
   */
  judge(ending: Ending, at: number): void {
    this.#saveHold();
    const outcome = outcomeOf(ending);
    const gapMs = this.#failing === null ? 0 : longestGap(this.retryMs);
    const known = failingAfter(this.#failing, outcome, { at, gapMs });
    const isFirst = this.#failing === null;
    if (known !== this.#failing) {
      this.#store.meta.set("failingSince", known);
      this.#failing = known;
    }
    if (outcome === "delivered") this.alert.delivered(at);
    else if (isFirst && known !== null) this.alert.failed(known.since, at);
    const failing = outcome === "retry" && known !== null && hasFailedTooLong(known);
    if (this.#pause !== null || !(failing || outcome === "gone")) return;
    const reason = outcome === "gone" ? "gone" : "failing";
    this.#pause = { reason, revision: this.#identity?.revision ?? 0, since: known?.since ?? at };
    this.#store.meta.set("pause", this.#pause);
    this.#alarm.arm(at);
  }

  /**
   * Records events up to `last` that the log dropped before they were taken: one row for the range, and the position
   * moves past it.
   */
  expire(last: number): void {
    const { deliveries } = this.#store;
    const queue = this.#queue;
    let from = queue.position + 1;
    while (from <= last && (queue.open.has(from) || deliveries.get(from) !== null)) from++;
    if (from <= last) {
      logEvent("endpoint.expired", { endpoint: this.#identity?.id ?? "", from, to: last });
      const row = { seq: from, id: "", type: "", due: null, mark: null, skip: 0, attempts: [], body: null };
      deliveries.put({ ...row, state: "expired", until: last }, true);
    }
    queue.position = Math.max(queue.position, last);
  }

  /** Writes the floor when it moved at least `step`: after a restart the rows above it are looked at again. */
  saveFloor(step: number): void {
    const { floor } = this.#queue;
    if (floor - this.#writtenFloor < step) return;
    this.#store.meta.set("floor", floor);
    this.#writtenFloor = floor;
  }

  /** Forgets everything: the endpoint is deleted. */
  destroy(): Promise<void> {
    this.#identity = null;
    this.#queue = new DeliveryQueue(0);
    return this.#store.destroy();
  }

  #load(): void {
    const meta = this.#store.meta.all();
    this.#identity = (meta.identity ?? null) as Identity | null;
    this.#logId = (meta.log ?? null) as string | null;
    this.#loadHealth(meta);
    this.#lastStart = (meta.lastStart ?? null) as number | null;
    this.#writtenFloor = Number(meta.floor ?? 0);
    this.#queue = new DeliveryQueue(this.#writtenFloor);
  }

  #loadHealth(meta: Record<string, unknown>): void {
    this.#pause = (meta.pause ?? null) as Pause | null;
    this.alert.load(meta);
    const failing = (meta.failingSince ?? null) as Failing | number | null;
    // The first version wrote only since when: the failures after that are not known.
    this.#failing = typeof failing === "number" ? { since: failing, until: failing, ms: 0 } : failing;
    this.#hold = this.#writtenHold = (meta.hold ?? null) as number | null;
  }
}
