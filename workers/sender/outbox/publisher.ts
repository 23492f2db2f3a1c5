import type { Alarm } from "../../../shared/durable/alarm.ts";
import { batched } from "../../../shared/durable/batch.ts";
import { roomIn } from "../../../shared/durable/space.ts";
import { logEvent } from "../../../shared/log-event.ts";
import type { Config } from "../config.ts";
import type { PublishCall, PublishResult } from "../model/event.ts";
import { periodicTimes, VALUE_TYPE, valueData } from "../model/periodic.ts";
import type { Cancelled } from "../protocol.ts";
import { type LogWriter, sizeOf } from "./log-writer.ts";
import { PublishCounts } from "./publish-counts.ts";
import type { OutboxStore } from "./storage.ts";

/** Publishes what callers and the cron ask for: batches calls, commits them, releases scheduled events. */

type Means = { writer: LogWriter; alarm: Alarm; config: Pick<Config, "storageLimit" | "periodicMs"> };

/** Scheduled events released in one go, each of up to 256 KiB; more are released by the next alarm, which is then due at once. */
const RELEASE_BATCH = 100;
/** Asking for the size of the storage costs more than a row: it is asked again once this share of the room is written, or after so long. */
const ROOM_SHARE = 0.01;
const ROOM_MS = 1000;

/** The bytes that could be written at `at` (unix ms), and those of them that are `left` by what was written since. */
type Room = { at: number; bytes: number; left: number };

export class Publisher {
  readonly #store: OutboxStore;
  readonly #means: Means;
  readonly counts = new PublishCounts();
  #measured: Room | null = null;
  /** Logs the events of one call, all or none. The calls of one turn share a commit. */
  readonly publish: (call: PublishCall) => Promise<PublishResult>;

  constructor(store: OutboxStore, means: Means) {
    this.#store = store;
    this.#means = means;
    this.publish = batched((calls: PublishCall[]) => this.#publishAll(calls));
  }

  /** Schedules the periodic events of (covered, t + 60 s]; all times unix ms. */
  schedulePeriodic(t: number, now: number): void {
    const { writer, config } = this.#means;
    if (this.#room(now).left < 0) return;
    this.#store.transact(() => {
      const covered = this.#store.meta.get<number>("covered");
      const window = periodicTimes(covered, t, { now, periodMs: config.periodicMs });
      if (window === null) return;
      this.#store.meta.set("covered", window.covered);
      for (const due of window.times) {
        writer.schedule({ type: VALUE_TYPE, data: valueData(due, Math.random()), due }, now);
      }
    });
  }

  /** Gives due scheduled events their place in the log, in the order they were due. */
  release(now: number): void {
    const due = this.#store.scheduled.due(now, RELEASE_BATCH);
    if (due.length === 0) return;
    this.#store.transact(() => {
      for (const event of due) {
        const seq = this.#means.writer.release(event, now);
        this.#store.scheduled.drop(event);
        this.counts.published++;
        logEvent("event.released", { id: event.id, seq, lateMs: now - event.due });
      }
    });
  }

  /** Cancels a scheduled event. The release runs in a turn of its own: one of the two comes first. */
  cancel(id: string): Cancelled {
    const cancelled = this.#store.transact(() => this.#means.writer.cancel(id, Date.now()));
    if (cancelled !== null && "cancelledAt" in cancelled) logEvent("event.cancelled", { id });
    return cancelled;
  }

  /** Arms the alarm for the next scheduled event. */
  armScheduled(): void {
    const due = this.#store.scheduled.nextDue;
    if (due !== null) this.#means.alarm.arm(due);
  }

  #publishAll(calls: PublishCall[]): PublishResult[] {
    const now = Date.now();
    const headBefore = this.#store.log.head;
    let results: PublishResult[];
    try {
      results = this.#store.transact(() => calls.map((call) => this.#write(call, now)));
    } catch {
      // One bad call must refuse nobody else: each is tried again in a transaction of its own.
      results = calls.map((call) => this.#publishAlone(call, now));
    }
    this.counts.note(results, { before: headBefore, after: this.#store.log.head });
    if (this.#store.log.head > headBefore) this.#store.changed();
    if (calls.some(({ events }) => events.some(({ deliverAt }) => deliverAt !== null))) this.armScheduled();
    logPublished(calls, results);
    return results;
  }

  /** Writes one call into the room that those before it leave. */
  #write(call: PublishCall, now: number): PublishResult {
    const room = this.#room(now);
    const result = this.#means.writer.write(call, now, room.left);
    if (result.ok) room.left -= sizeOf(call.events);
    // Room may have been made when the next call asks.
    else if (result.code === "storage_full") this.#measured = null;
    return result;
  }

  /** Returns the room for events; little room is measured each time. */
  #room(now: number): Room {
    const known = this.#measured;
    if (known !== null && Math.abs(now - known.at) < ROOM_MS && known.left > known.bytes * (1 - ROOM_SHARE))
      return known;
    const bytes = roomIn(this.#store.sql.bytes, this.#means.config.storageLimit);
    this.#measured = { at: now, bytes, left: bytes };
    return this.#measured;
  }

  #publishAlone(call: PublishCall, now: number): PublishResult {
    try {
      return this.#store.transact(() => this.#write(call, now));
    } catch (error) {
      logEvent("publish.failed", { error: String(error) });
      return { ok: false, code: "storage_unavailable", detail: "Nothing of this request was stored; try again." };
    }
  }
}

/** Logs one line a batch: a Worker's log lines are limited, and paid for. An event that comes alone has its own. */
function logPublished(calls: readonly PublishCall[], results: readonly PublishResult[]): void {
  const published = results.flatMap((result) => (result.ok ? result.events : []));
  const [first, last] = [published[0], published.at(-1)];
  if (first === undefined || last === undefined) return;
  if (published.length > 1)
    logEvent("events.published", { count: published.length, firstId: first.id, lastId: last.id });
  else {
    const call = calls[results.findIndex(({ ok }) => ok)];
    logEvent("event.published", { id: first.id, seq: first.seq, type: call?.events[0]?.type ?? null });
  }
}
