import { DurableObject } from "cloudflare:workers";
import { gather } from "../../shared/gather.ts";
import { logEvent } from "../../shared/telemetry.ts";
import { Alarm } from "./alarm.ts";
import type { ConfigureCall, Endpoint } from "./endpoint.ts";
import { type Changed, EndpointAdmin, type StartFrom } from "./endpoint-admin.ts";
import type { Delivery } from "./endpoint-store.ts";
import { type Config, configOf, type Env, TENANT } from "./env.ts";
import { eventSeq, type IdKey } from "./event-id.ts";
import { Handover, type PullAnswer } from "./handover.ts";
import type { Pause } from "./health.ts";
import { type EventQuery, type LoggedEvent, OutboxStore } from "./outbox-store.ts";
import { periodicTimes, VALUE_TYPE, valueData } from "./periodic.ts";
import { periodMs } from "./periods.ts";
import {
  announce,
  type PublishCall,
  type PublishContext,
  type Published,
  type PublishResult,
  publish,
  release,
  schedule,
} from "./publish.ts";
import { type EndpointConfig, type EndpointRow, Registry } from "./registry.ts";
import { Waiters, type WaitQuery } from "./waiters.ts";

/** The sender's log and its registry of endpoints; one for each tenant. */

/** An endpoint as the registry sees it; `acked` is how far it was handed the log, `head` where the log ends. */
export type EndpointView = { row: EndpointRow; acked: number; head: number };

export type EventPage = { events: LoggedEvent[]; last: number; head: number; oldest: number };
/** Rows of the log that one page may look at. */
const LIST_SCAN = 10_000;
/** Scheduled events released in one go; more are released by the next alarm, which is then due at once. */
const RELEASE_BATCH = 500;
const RECOVERY_MS = 30_000;
/** Above this share of the storage the oldest table goes, whatever its age. */
const FULL_SHARE = 0.6;

export class Outbox extends DurableObject<Env> {
  readonly #config: Config;
  readonly #alarm: Alarm;
  readonly #store: OutboxStore;
  readonly #registry: Registry;
  readonly #handover: Handover;
  readonly #admin: EndpointAdmin;
  readonly #idKey: IdKey;
  readonly #waiters = new Waiters((query) => this.events({ ...query, before: null }));
  readonly #publish: (call: PublishCall) => Promise<PublishResult>;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#config = configOf(env);
    this.#alarm = new Alarm(ctx);
    this.#store = new OutboxStore(ctx.storage.sql);
    this.#registry = new Registry(this.#store);
    this.#idKey = this.#loadIdKey();
    this.#handover = new Handover(this.#store, this.#registry, {
      leaseMs: this.#config.leaseMs,
      port: {
        offer: (row, offer) => this.#endpoint(row.id).offer(offer),
        configure: (row) => this.#admin.configure(row),
        now: Date.now,
        arm: (at) => this.#alarm.arm(at),
      },
    });
    this.#admin = new EndpointAdmin(this.#store, this.#registry, this.#handover, {
      endpoint: (id) => this.#endpoint(id),
      event: (id) => this.event(id),
      transact: (work) => this.#transact(work),
      announce: (event) => announce(this.#store, event, this.#context(Date.now())),
      changed: () => this.#changed(),
      now: Date.now,
    });
    this.#publish = gather((calls: PublishCall[]) => this.#publishAll(calls));
    ctx.blockConcurrencyWhile(async () => {
      await this.#alarm.load(Date.now());
      this.#admin.syncDefault(this.#config);
      // What a crash left half done goes on at once, not when the alarm comes.
      this.#work(Date.now());
    });
  }

  /** Logs the events of one call, all or none. Answered when they are durable; deliveries follow by themselves. */
  async publish(call: PublishCall): Promise<PublishResult> {
    return this.#publish(call);
  }

  /** Events after a position, for an endpoint that catches up. */
  pull(endpointId: string, after: number): PullAnswer {
    return this.#handover.pull(endpointId, after);
  }

  endpoints(): EndpointView[] {
    return this.#registry.all().map((row) => this.#view(row));
  }

  endpoint(id: string): EndpointView | null {
    const row = this.#registry.get(id);
    return row === undefined ? null : this.#view(row);
  }

  /** One page of the log, newest first or after a position. */
  events(query: Omit<EventQuery, "scanned">): EventPage {
    const { head, oldest } = this.#store;
    return { ...this.#store.page({ ...query, scanned: LIST_SCAN }), head, oldest };
  }

  /** As `events` after a position; held back, at most `waitMs`, until there is something to tell. */
  nextEvents(query: WaitQuery, waitMs: number): EventPage | Promise<EventPage> {
    return this.#waiters.page(query, waitMs);
  }

  /** A logged or scheduled event by its id; null when this log never had it, or no longer has. */
  event(id: string): LoggedEvent | null {
    const seq = eventSeq(this.#idKey, id) ?? this.#store.key("id", id)?.seq ?? null;
    const event = seq === null ? null : this.#store.event(seq);
    return event?.id === id ? event : null;
  }

  create(id: string, config: EndpointConfig, startFrom: StartFrom): Promise<Changed | "unknown_event"> {
    return this.#admin.create(id, config, startFrom);
  }

  update(id: string, change: Partial<EndpointConfig>): Promise<Changed | null> {
    return this.#admin.update(id, change);
  }

  rotate(id: string, keys: string[], expiresAt: number): Promise<Changed | null> {
    return this.#admin.rotate(id, keys, expiresAt);
  }

  delete(id: string): Promise<boolean | null> {
    return this.#admin.delete(id);
  }

  publishTest(endpointId: string): Published {
    return this.#admin.publishTest(endpointId);
  }

  reportPause(id: string, pause: Pause): ConfigureCall | null {
    return this.#admin.reportPause(id, pause);
  }

  reportDead(endpointId: string, delivery: Omit<Delivery, "body">): void {
    this.#admin.reportDead(endpointId, delivery);
  }

  /**
   * The cron's minute: schedules the periodic events of (covered, t + 60 s], runs the alarm's body, and wakes
   * one endpoint in turn, so that an alarm which was lost is found again.
   */
  async tick(t: number): Promise<void> {
    const now = Date.now();
    this.#transact(() => {
      const window = periodicTimes(this.#store.meta<number>("covered"), t, { now, periodMs: this.#config.periodicMs });
      if (window === null) return;
      this.#store.setMeta("covered", window.covered);
      for (const due of window.times) {
        schedule(this.#store, { type: VALUE_TYPE, data: valueData(due, Math.random()), due }, this.#context(now));
      }
    });
    this.#work(now);
    const rows = this.#registry.enabled();
    const turn = rows[Math.floor(t / 60_000) % rows.length];
    if (turn !== undefined) await this.#endpoint(turn.id).wake();
  }

  /** For measurements: rows written since the object started. */
  stats(): { rowsWritten: number; head: number } {
    return { rowsWritten: this.#store.rowsWritten + this.#alarm.rowsWritten, head: this.#store.head };
  }

  override alarm(): void {
    this.#alarm.fired();
    this.#work(Date.now());
  }

  /** Never throws: an alarm that throws six times is gone for good. */
  #work(now: number): void {
    try {
      this.#release(now);
      this.#handover.save();
      // None of these is awaited: an endpoint that does not answer must not hold back the next scheduled event.
      for (const row of this.#registry.unpushed()) this.ctx.waitUntil(this.#admin.configure(row).catch(() => {}));
      this.#handover.kick();
      this.#waiters.wake();
      this.ctx.waitUntil(this.#drop(now));
      this.#armNext(now);
    } catch (error) {
      logEvent("outbox.alarm_failed", { error: String(error) });
      this.#alarm.arm(now + RECOVERY_MS);
    }
  }

  /** One transaction; memory is read again when it was rolled back. */
  #transact<Value>(work: () => Value): Value {
    try {
      return this.ctx.storage.transactionSync(work);
    } catch (error) {
      this.#store.reload();
      this.#registry.reload();
      throw error;
    }
  }

  #publishAll(calls: PublishCall[]): PublishResult[] {
    const now = Date.now();
    const context = this.#context(now);
    if (this.#store.bytes > this.#config.storageLimit) return calls.map(() => FULL);
    const headBefore = this.#store.head;
    let results: PublishResult[];
    try {
      results = this.#transact(() => calls.map((call) => publish(this.#store, call, context)));
    } catch {
      // One bad call must refuse nobody else: each again, in a transaction of its own.
      results = calls.map((call) => this.#publishAlone(call, context));
    }
    if (this.#store.head > headBefore) this.#changed();
    if (calls.some(({ events }) => events.some(({ deliverAt }) => deliverAt !== null))) this.#armLater();
    return results;
  }

  #publishAlone(call: PublishCall, context: PublishContext): PublishResult {
    try {
      return this.#transact(() => publish(this.#store, call, context));
    } catch (error) {
      logEvent("publish.failed", { error: String(error) });
      return { ok: false, code: "storage_unavailable", detail: "Nothing of this request was stored; try again." };
    }
  }

  /** Gives due scheduled events their place in the log, in the order they were due. */
  #release(now: number): void {
    const due = this.#store.dueLater(now, RELEASE_BATCH);
    if (due.length === 0) return;
    this.#transact(() => {
      for (const later of due) {
        const seq = release(this.#store, later, this.#context(now));
        this.#store.dropLater(later);
        logEvent("event.released", { id: later.id, seq, lateMs: now - later.due });
      }
    });
  }

  /** Retention: whole tables, the oldest first. A DROP that is refused is tried again by the next alarm. */
  async #drop(now: number): Promise<void> {
    try {
      const needRoom = this.#store.bytes > this.#config.storageLimit * FULL_SHARE;
      for (const table of this.#store.expired(now - this.#config.retentionMs, needRoom)) {
        await this.#handover.tell(this.#store.endOf(table));
        this.#store.dropEvents(table);
        logEvent("events.dropped", { from: table.first, to: this.#store.oldest - 1 });
      }
      this.#store.dropKeys(Math.floor((now - this.#config.retentionMs) / periodMs(this.#config.retentionMs)));
    } catch (error) {
      logEvent("outbox.drop_failed", { error: String(error) });
    }
  }

  /** Something was logged or configured that others must have: the alarm first, then the attempt. */
  #changed(): void {
    this.#alarm.arm(Date.now() + this.#config.leaseMs);
    this.#handover.kick();
    this.#waiters.wake();
  }

  #armNext(now: number): void {
    this.#armLater();
    if (!this.#handover.settled || this.#registry.unpushed().length > 0) this.#alarm.arm(now + this.#config.leaseMs);
    const retry = this.#handover.nextRetry;
    if (retry !== null) this.#alarm.arm(Math.max(retry, now + 1000));
  }

  #armLater(): void {
    const due = this.#store.nextDue;
    if (due !== null) this.#alarm.arm(due);
  }

  #view(row: EndpointRow): EndpointView {
    return { row, acked: this.#handover.acked(row), head: this.#store.head };
  }

  #context(now: number): PublishContext {
    const random = () => crypto.getRandomValues(new Uint8Array(10));
    return { now, retentionMs: this.#config.retentionMs, idKey: this.#idKey, random };
  }

  #loadIdKey(): IdKey {
    const known = this.#store.meta<[number, number]>("idKey");
    if (known !== null) return known;
    const [first = 0, second = 0] = crypto.getRandomValues(new Int32Array(2));
    this.#store.setMeta("idKey", [first, second]);
    return [first, second];
  }

  #endpoint(id: string): DurableObjectStub<Endpoint> {
    return this.env.ENDPOINT.getByName(`${TENANT}/${id}`);
  }
}

const FULL: PublishResult = {
  ok: false,
  code: "storage_full",
  detail: "The log has reached STORAGE_LIMIT_MB; nothing was stored. Retention frees space as it passes.",
};
