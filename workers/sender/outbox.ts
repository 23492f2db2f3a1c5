import { DurableObject } from "cloudflare:workers";
import { gather } from "../../shared/gather.ts";
import { splitSecrets } from "../../shared/secret.ts";
import { logEvent } from "../../shared/telemetry.ts";
import type { ConfigureCall, Endpoint, Pause } from "./endpoint.ts";
import type { Delivery } from "./endpoint-store.ts";
import { type Config, configOf, type Env, TENANT } from "./env.ts";
import { eventSeq, type IdKey } from "./event-id.ts";
import { Handover, type PullAnswer } from "./handover.ts";
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
import { DEFAULT_ENDPOINT, defaultConfig, type EndpointConfig, type EndpointRow, Registry } from "./registry.ts";

/** The sender's log and its registry of endpoints; one for each tenant. */

/** An endpoint as the registry sees it; `acked` is how far it was handed the log, `head` where the log ends. */
export type EndpointView = { row: EndpointRow; acked: number; head: number };

/** A changed row, and whether its Endpoint has confirmed the change yet. */
export type Changed = { row: EndpointRow; confirmed: boolean };
export type EventPage = { events: LoggedEvent[]; last: number; head: number; oldest: number };
export type StartFrom = { at: "now" } | { at: "event"; id: string } | { at: "time"; time: number };

const PAUSE_REASONS: Record<Pause["reason"], string> = {
  gone: "the endpoint answered 410 Gone",
  failing: "every attempt has failed for 5 days",
};
/** A change is answered once its Endpoint has confirmed it, or after this long without. */
const CONFIRM_MS = 10_000;
/** Rows of the log that one page may look at. */
const LIST_SCAN = 10_000;
/** Live secrets of one endpoint: each signs every attempt. */
const MAX_SECRETS = 10;
/** Scheduled events released in one go; more are released by the next alarm, which is then due at once. */
const RELEASE_BATCH = 500;
/** An alarm this far past was lost, or fires any moment: arming again does no harm. */
const LOST_MS = 30_000;
const RECOVERY_MS = 30_000;
/** Above this share of the storage the oldest table goes, whatever its age. */
const FULL_SHARE = 0.6;

export class Outbox extends DurableObject<Env> {
  readonly #config: Config;
  readonly #store: OutboxStore;
  readonly #registry: Registry;
  readonly #handover: Handover;
  readonly #idKey: IdKey;
  readonly #publish: (call: PublishCall) => Promise<PublishResult>;
  #armed: number | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#config = configOf(env);
    this.#store = new OutboxStore(ctx.storage.sql);
    this.#registry = new Registry(this.#store);
    this.#idKey = this.#loadIdKey();
    this.#handover = new Handover(this.#store, this.#registry, {
      leaseMs: this.#config.leaseMs,
      port: {
        offer: (row, offer) => this.#endpoint(row.id).offer(offer),
        configure: (row) => this.#configure(row),
        now: Date.now,
        arm: (at) => this.#arm(at),
      },
    });
    this.#publish = gather((calls: PublishCall[]) => this.#publishAll(calls));
    ctx.blockConcurrencyWhile(async () => {
      const armed = await ctx.storage.getAlarm();
      this.#armed = armed !== null && armed > Date.now() - LOST_MS ? armed : null;
      this.#syncDefault();
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

  /** A logged or scheduled event by its id; null when this log never had it, or no longer has. */
  event(id: string): LoggedEvent | null {
    const seq = eventSeq(this.#idKey, id) ?? this.#store.key("id", id)?.seq ?? null;
    const event = seq === null ? null : this.#store.event(seq);
    return event?.id === id ? event : null;
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
    this.#handover.startAt(id, this.#store.head);
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
    const now = Date.now();
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
    this.#arm(Date.now() + this.#config.leaseMs);
    const deleting = row.state === "deleting" ? row : this.#registry.markDeleting(row);
    return inTime(this.#configure(deleting));
  }

  /** Publishes one `webhook.test` event to one endpoint alone, whatever its types; its id and seq. */
  publishTest(endpointId: string): Published {
    const data = JSON.stringify({ message: "This is a test event.", endpointId });
    return this.#announce({ type: "webhook.test", data, id: null, target: `+${endpointId}` });
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
    const disabled = this.#transact(() => {
      const changed = this.#registry.put(id, { ...row.config, enabled: false, disabledReason: why }, null);
      const data = { endpointId: id, url: row.config.url, reason: why, failingSince: new Date(since).toISOString() };
      const event = {
        type: "endpoint.disabled",
        data: JSON.stringify(data),
        id: `disabled_${id}_${revision}`,
        target: `-${id}`,
      };
      announce(this.#store, event, this.#context(Date.now()));
      return changed;
    });
    logEvent("endpoint.disabled", { endpoint: id, reason: why });
    this.#arm(Date.now() + this.#config.leaseMs);
    this.#handover.kick();
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
    this.#announce({ type: "delivery.failed", data: JSON.stringify(data), id: name, target: `-${endpointId}` });
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
    return { rowsWritten: this.#store.rowsWritten, head: this.#store.head };
  }

  override alarm(): void {
    this.#armed = null;
    this.#work(Date.now());
  }

  /** Never throws: an alarm that throws six times is gone for good. */
  #work(now: number): void {
    try {
      this.#release(now);
      this.#handover.save();
      // None of these is awaited: an endpoint that does not answer must not hold back the next scheduled event.
      for (const row of this.#registry.unpushed()) this.ctx.waitUntil(this.#configure(row).catch(() => {}));
      this.#handover.kick();
      this.ctx.waitUntil(this.#drop(now));
      this.#armNext(now);
    } catch (error) {
      logEvent("outbox.alarm_failed", { error: String(error) });
      this.#arm(now + RECOVERY_MS);
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
    if (this.#store.head > headBefore) {
      this.#arm(now + this.#config.leaseMs);
      this.#handover.kick();
    }
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

  /** Brings an endpoint what the registry says of it. Safe to repeat; the registry notes what was confirmed. */
  async #configure(row: EndpointRow): Promise<void> {
    if (row.state === "deleting") {
      await this.#endpoint(row.id).destroy();
      this.#registry.remove(row.id);
      this.#handover.forget(row.id);
      return;
    }
    const answer = await this.#endpoint(row.id).configure(configureCall(row));
    if (answer === "done") this.#registry.confirmed(row.id, row.revision);
  }

  /** The alarm stands before the answer: a configuration that is not confirmed now is pushed again. */
  async #push(row: EndpointRow): Promise<Changed> {
    this.#arm(Date.now() + this.#config.leaseMs);
    const confirmed = await inTime(this.#configure(row));
    if (confirmed) this.#handover.kick();
    return { row, confirmed };
  }

  #announce(event: { type: string; data: string; id: string | null; target: string }): Published {
    const now = Date.now();
    const published = this.#transact(() => announce(this.#store, event, this.#context(now)));
    this.#arm(now + this.#config.leaseMs);
    this.#handover.kick();
    return published;
  }

  #live(id: string): EndpointRow | null {
    const row = this.#registry.get(id);
    return row?.state === "live" ? row : null;
  }

  /** The seq that an endpoint starts after; null when the event it names is not in the log. */
  #startSeq(start: StartFrom): number | null {
    if (start.at === "now") return this.#store.head;
    if (start.at === "time") return this.#store.firstSince(start.time) - 1;
    const event = this.event(start.id);
    return event === null ? null : event.seq - 1;
  }

  /** WEBHOOK_URL and WEBHOOK_SECRET may have changed with the last deployment: the endpoint follows them. */
  #syncDefault(): void {
    const known = this.#registry.get(DEFAULT_ENDPOINT);
    const secrets = splitSecrets("WEBHOOK_SECRET", this.#config.webhookSecret);
    const config = defaultConfig(this.#config.webhookUrl, secrets, { known: known?.config, now: Date.now() });
    if (config === null || JSON.stringify(config) === JSON.stringify(known?.config)) return;
    this.#registry.put(DEFAULT_ENDPOINT, config, this.#store.head);
  }

  #armNext(now: number): void {
    this.#armLater();
    if (!this.#handover.settled || this.#registry.unpushed().length > 0) this.#arm(now + this.#config.leaseMs);
    const retry = this.#handover.nextRetry;
    if (retry !== null) this.#arm(Math.max(retry, now + 1000));
  }

  #armLater(): void {
    const due = this.#store.nextDue;
    if (due !== null) this.#arm(due);
  }

  /** The one alarm, at the earliest of what it is asked for; I1 has it in the commit that makes it needed. */
  #arm(at: number): void {
    if (this.#armed !== null && this.#armed <= at) return;
    this.#armed = at;
    this.#store.rowsWritten++;
    this.ctx.waitUntil(this.ctx.storage.setAlarm(at));
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

/** Whether work ends within the time a caller is kept waiting; it goes on either way. */
async function inTime(work: Promise<void>): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), CONFIRM_MS);
  try {
    return await Promise.race([
      work.then(
        () => true,
        () => false,
      ),
      late.promise,
    ]);
  } finally {
    clearTimeout(timer);
  }
}

function configureCall({ id, config, revision, from }: EndpointRow): ConfigureCall {
  return { tenant: TENANT, id, config, revision, from };
}

const FULL: PublishResult = {
  ok: false,
  code: "storage_full",
  detail: "The log has reached STORAGE_LIMIT_MB; nothing was stored. Retention frees space as it passes.",
};
