import { DurableObject } from "cloudflare:workers";
import { type AlertSent, Alerts } from "../../../shared/alerts/alerts.ts";
import { presentCondition } from "../../../shared/alerts/message.ts";
import { type AlertTarget, postAlerts } from "../../../shared/alerts/post.ts";
import type { TestedAlert } from "../../../shared/alerts/test.ts";
import { Alarm } from "../../../shared/durable/alarm.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { parseSecrets } from "../../../shared/signing/secret.ts";
import { type Config, configOf, TENANT, type Vars } from "../config.ts";
import type { Delivery } from "../model/delivery.ts";
import { DEFAULT_ENDPOINT, type EndpointConfig, type EndpointRow } from "../model/endpoint.ts";
import type { FreshSecrets } from "../model/endpoint-secrets.ts";
import { type LoggedEvent, type PublishResult, type SentCall, unpackCall } from "../model/event.ts";
import type {
  Cancelled,
  Changed,
  ConfigureCall,
  EndpointCalls,
  EndpointHealth,
  EndpointQuery,
  EndpointReport,
  EndpointView,
  EventPage,
  EventQuery,
  OutboxMetrics,
  Pause,
  PullAnswer,
  RecipientQuery,
  Recipients,
  ReplayBounds,
  ReplayCall,
  ReplayRange,
  ReplaySeqs,
  ReportPage,
  ScheduledPage,
  ScheduledQuery,
  SearchAnswer,
  SearchQuery,
  StartFrom,
  Subscribers,
  WaitQuery,
} from "../protocol.ts";
import { AlertWatch } from "./alert-watch.ts";
import { Announcements } from "./announcements.ts";
import { Endpoints } from "./endpoints.ts";
import { FanOut } from "./fan-out.ts";
import { LagCounter } from "./lag.ts";
import { LogWriter } from "./log-writer.ts";
import { LongPoll } from "./long-poll.ts";
import { chooseEndpoints } from "./overview.ts";
import { Positions } from "./positions.ts";
import { Publisher } from "./publisher.ts";
import { subscriptionOf } from "./registry.ts";
import { replayRange, replaySeqs } from "./replay-range.ts";
import { Retention } from "./retention.ts";
import { searchLog } from "./search.ts";
import { Statuses } from "./statuses.ts";
import { OutboxStore } from "./storage.ts";

/** Rows of the log that one page may look at. */
const LIST_SCAN = 10_000;
const RECOVERY_MS = 30_000;
/** Endpoints that have series of their own: a monitor keeps each for long. */
const MAX_MEASURED = 100;

/** Events go out through couriers; the few alerts are posted by the log's object itself. */
const PLATFORM = { fetch: (...call: Parameters<typeof fetch>) => fetch(...call), now: () => Date.now() };

type OutboxEnv = Vars & { ENDPOINT: DurableObjectNamespace<EndpointCalls> };

/** The sender's log and its registry of endpoints, one object a tenant: what the parts do, by call, alarm and cron. */
export class Outbox extends DurableObject<OutboxEnv> {
  /** Not private, for tests to read; no call from another object reaches a field. */
  readonly store: OutboxStore;
  readonly #config: Config;
  readonly #alarm: Alarm;
  readonly #positions: Positions;
  readonly #statuses: Statuses;
  readonly #fanOut: FanOut;
  readonly #endpoints: Endpoints;
  readonly #announcements: Announcements;
  readonly #alerts: Alerts;
  readonly #watch: AlertWatch;
  readonly #publisher: Publisher;
  readonly #retention: Retention;
  readonly #longPoll = new LongPoll((query) => this.events({ ...query, before: null }));

  constructor(ctx: DurableObjectState, env: OutboxEnv) {
    super(ctx, env);
    const config = configOf(env);
    const store = new OutboxStore(ctx.storage);
    const alarm = new Alarm(ctx, store.sql);
    const writer = new LogWriter(store, config);
    const port = { endpoint: (id: string) => this.#endpoint(id), alarm, now: () => Date.now() };
    this.#config = config;
    this.store = store;
    this.#alarm = alarm;
    this.#positions = new Positions(store);
    this.#statuses = new Statuses(this.#positions, (id) => this.#endpoint(id).status());
    this.#fanOut = new FanOut(store, this.#positions, { port, leaseMs: config.leaseMs });
    store.follow(() => this.#longPoll.wake());
    this.#endpoints = new Endpoints(store, this.#positions, this.#fanOut);
    this.#alerts = new Alerts({
      ...{
        format: config.alerts.url === null ? null : config.alerts.format,
        worker: "sender",
        meta: store.meta,
        alarm,
      },
      post: (messages) => postAlerts(messages, alertTarget(config), PLATFORM),
      now: Date.now,
    });
    this.#watch = new AlertWatch(store, this.#alerts, config);
    this.#announcements = new Announcements(store, writer, this.#watch);
    this.#publisher = new Publisher(store, { writer, alarm, config });
    const { fanOut, positions, announcements } = {
      fanOut: this.#fanOut,
      positions: this.#positions,
      announcements: this.#announcements,
    };
    this.#retention = new Retention(store, { fanOut, positions, announcements, config });
    ctx.blockConcurrencyWhile(async () => {
      await alarm.load(Date.now());
      await this.#begin();
      await this.#endpoints.syncDefault(config);
      // Work that a crash left half done goes on at once, not when the alarm comes.
      this.#work(Date.now());
    });
  }

  /** Logs the events of one call, all or none. Answers when they are durable; deliveries follow by themselves. */
  async publish(sent: SentCall): Promise<PublishResult> {
    const call = unpackCall(sent);
    const result = await this.#publisher.publish(call);
    if (result.ok || result.code !== "storage_full") return result;
    // Said only when it is true: some of what fills the storage may be free to go.
    await this.#retention.makeRoom(Date.now());
    return this.#publisher.publish(call);
  }

  /** Returns events after a position, for an endpoint that catches up. */
  pull(endpointId: string, log: string | null, after: number): PullAnswer {
    return this.#fanOut.pull(endpointId, log, after);
  }

  /** Returns the bodies of the first of these events, as many as one answer may hold; null for each that is gone. */
  bodies(log: string | null, seqs: number[]): (string | null)[] {
    return log === null || log === this.store.logId
      ? this.store.log.events(seqs).map((event) => event?.body ?? null)
      : [];
  }

  /** Returns the part of the log that a replay is to look at. */
  replayRange(bounds: ReplayBounds): ReplayRange {
    return replayRange(this.store, bounds);
  }

  /** Returns the events of a part of the log that an endpoint wants now; null for another log, or no such endpoint. */
  replaySeqs(id: string, range: Pick<ReplayCall, "log" | "after" | "upTo" | "types">): ReplaySeqs | null {
    const row = this.store.registry.live(id);
    return row === null || range.log !== this.store.logId ? null : replaySeqs(this.store, subscriptionOf(row), range);
  }

  /** Returns the first of these events, as many as one answer may hold; null for each that is gone. */
  loggedEvents(log: string, seqs: number[]): (LoggedEvent | null)[] {
    return log === this.store.logId ? this.store.log.events(seqs) : [];
  }

  endpoint(id: string): EndpointView | null {
    const row = this.store.registry.get(id);
    return row === undefined ? null : this.#view(row);
  }

  /** Returns the endpoint with how it does, as it says at this moment; null when there is none. */
  async report(id: string): Promise<EndpointReport | null> {
    const row = this.store.registry.live(id);
    if (row === null) return null;
    await this.#statuses.refreshOne(row, Date.now());
    return this.#report(row, new LagCounter(this.store));
  }

  /** Returns a page of the endpoints with how they do. Objects are asked that may have something new to say. */
  async reports(query: EndpointQuery): Promise<ReportPage> {
    const live = this.store.registry.all().filter(({ state }) => state === "live");
    await this.#statuses.refresh(live, Date.now());
    const now = Date.now();
    const listed = live.map((row) => ({ row, state: this.#statuses.stateOf(row, now) }));
    const { rows, counts, next } = chooseEndpoints(listed, query);
    const lags = new LagCounter(this.store);
    return { reports: rows.map((row) => this.#report(row, lags)), counts, next };
  }

  /** Returns the numbers that a monitor reads, with those of the first endpoints in the order of their states. */
  async metrics(): Promise<OutboxMetrics> {
    const query = { q: null, state: null, byState: true, after: "", limit: MAX_MEASURED };
    const { reports, counts } = await this.reports(query);
    const { since, published, duplicates, refused } = this.#publisher.counts;
    const { log, sql } = this.store;
    return {
      ...{ since, published, duplicates, refused },
      ...{ events: log.head + 1 - log.oldest, storageBytes: sql.bytes, storageLimit: this.#config.storageLimit },
      ...{ counts, all: this.#statuses.all },
      endpoints: reports.map(({ row: { id }, lag, status }) => ({
        ...{ id, lag, made: this.#statuses.made(id) },
        ...{ retrying: status?.retrying ?? null, failingSince: status?.failingSince ?? null },
      })),
      omitted: Object.values(counts).reduce((sum, count) => sum + count, 0) - reports.length,
    };
  }

  /** Returns one page of the log, newest first or after a position. */
  events(query: Omit<EventQuery, "scanned">): EventPage {
    const { head, oldest } = this.store.log;
    return { ...this.store.log.page({ ...query, scanned: LIST_SCAN }), head, oldest };
  }

  /** Returns what each endpoint asks for, in the order of their ids. */
  subscribers(): Subscribers {
    const rows = this.store.registry.all().filter(({ state }) => state === "live");
    const endpoints = rows.map((row) => ({
      ...{ id: row.id, url: row.config.url, from: row.from ?? 0 },
      subscription: subscriptionOf(row),
    }));
    return { log: this.store.logId, endpoints: endpoints.sort((a, b) => (a.id < b.id ? -1 : 1)) };
  }

  /** Looks for events by text and time, within bounds. */
  search(query: SearchQuery): SearchAnswer {
    return searchLog(this.store.log, query);
  }

  /**
   * As `events` after a position, but held back until there is something to tell, `waitMs` are over or `leave` is
   * called.
   */
  nextEvents(query: WaitQuery, waitMs: number, id: string): EventPage | Promise<EventPage> {
    return this.#longPoll.page(query, waitMs, id);
  }

  /** Ends the call of `nextEvents` that was given this id. */
  leave(id: string): void {
    this.#longPoll.leave(id);
  }

  /** Returns scheduled events, those first that are due first, and how many there are in all. */
  scheduledEvents(query: ScheduledQuery): ScheduledPage & { count: number } {
    return { ...this.store.scheduled.list(query), count: this.store.scheduled.count };
  }

  cancel(id: string): Cancelled {
    return this.#publisher.cancel(id);
  }

  event(id: string): LoggedEvent | null {
    return this.store.event(id);
  }

  /** Returns the endpoints that a logged event is for, however many there are. */
  recipients(seq: number, query: RecipientQuery): Recipients {
    const event = this.store.log.routed(seq);
    const found = event === null ? { ids: [], next: null, total: 0 } : this.store.registry.recipients(event, query);
    return { ...found, log: this.store.logId };
  }

  create(id: string, config: EndpointConfig, startFrom: StartFrom): Promise<Changed | "unknown_event"> {
    return this.#endpoints.create(id, config, startFrom);
  }

  async update(
    id: string,
    change: Partial<EndpointConfig>,
    fresh: FreshSecrets | null = null,
  ): Promise<Changed | null> {
    const changed = await this.#endpoints.update(id, change, fresh);
    this.#watch.look(Date.now());
    return changed;
  }

  rotate(id: string, fresh: FreshSecrets, overlapMs: number): Promise<Changed | { firstEnd: number } | null> {
    return this.#endpoints.rotate(id, fresh, overlapMs);
  }

  delete(id: string): Promise<boolean | null> {
    return this.#endpoints.delete(id);
  }

  publishTest(endpointId: string): LoggedEvent | null {
    return this.#announcements.test(endpointId);
  }

  reportPause(id: string, pause: Pause): ConfigureCall | null {
    return this.#announcements.paused(id, pause);
  }

  reportHealth(id: string, health: EndpointHealth): void {
    this.#watch.health(id, health);
  }

  reportDead(endpointId: string, delivery: Omit<Delivery, "body">): void {
    this.#announcements.dead(endpointId, delivery);
  }

  /** The conditions that hold or whose end is not told yet, and the last POST of an alert. */
  alerts(): { conditions: ReturnType<typeof presentCondition>[]; last: (AlertSent & { at: number }) | null } {
    return { conditions: this.#alerts.open.map(presentCondition), last: this.#alerts.last };
  }

  /** Sends a test to ALERT_URL. */
  testAlert(): Promise<TestedAlert> {
    return this.#alerts.test();
  }

  /**
   * Does the cron's minute: schedules the periodic events of (covered, t + 60 s], does the alarm's work, and wakes one
   * endpoint in turn, so that a lost alarm is armed again.
   */
  async tick(t: number): Promise<void> {
    const now = Date.now();
    this.#publisher.schedulePeriodic(t, now);
    this.#work(now);
    const rows = this.store.registry.enabled();
    const turn = rows[Math.floor(t / 60_000) % rows.length];
    if (turn !== undefined) await this.#endpoint(turn.id).wake();
  }

  override alarm(): void {
    this.#alarm.fired();
    this.#work(Date.now());
  }

  /** Never throws: an alarm that throws six times is gone for good. */
  #work(now: number): void {
    try {
      this.#publisher.release(now);
      this.#positions.save();
      // Nothing here is awaited: an endpoint that does not answer must not hold back the next scheduled event.
      for (const row of this.store.registry.unpushed()) this.ctx.waitUntil(this.#fanOut.configure(row).catch(() => {}));
      this.#fanOut.kick();
      this.#longPoll.wake();
      this.ctx.waitUntil(this.#retention.run(now));
      this.#watch.look(now);
      this.ctx.waitUntil(this.#alerts.run());
      this.#armNext(now);
    } catch (error) {
      logEvent("outbox.alarm_failed", { error: String(error) });
      this.#alarm.arm(now + RECOVERY_MS);
    }
  }

  #armNext(now: number): void {
    this.#publisher.armScheduled();
    if (!this.#positions.settled || this.store.registry.unpushed().length > 0) {
      this.#alarm.arm(now + this.#config.leaseMs);
    }
    const room = this.#retention.nextAt(now);
    if (room !== null) this.#alarm.arm(room);
    const alert = this.#alerts.nextAt(now);
    if (alert !== null) this.#alarm.arm(alert);
    const retry = this.#fanOut.nextRetry;
    if (retry !== null) this.#alarm.arm(Math.max(retry, now + 1000));
  }

  /**
   * Gives the log its identity, once. An empty log may be one whose storage was lost: the endpoint of WEBHOOK_URL has
   * the same name in every life, and knows which seqs it was given before.
   */
  async #begin(): Promise<void> {
    if (this.store.logId !== "") return;
    this.store.begin(this.store.log.head > 0 ? 0 : await this.#endpoint(DEFAULT_ENDPOINT).greatest());
  }

  #report(row: EndpointRow, lags: LagCounter): EndpointReport {
    const [view, status] = [this.#view(row), this.#statuses.get(row.id)];
    return { ...view, state: this.#statuses.stateOf(row, Date.now()), status, lag: lags.lag(view, status) };
  }

  #view(row: EndpointRow): EndpointView {
    return { row, acked: this.#positions.acked(row), log: this.store.logId };
  }

  #endpoint(id: string): DurableObjectStub<EndpointCalls> {
    return this.env.ENDPOINT.getByName(`${TENANT}/${id}`);
  }
}

function alertTarget({ alerts: { url, format }, webhookSecret, localDev, dohUrl }: Config): AlertTarget {
  return { url, format, localDev, dohUrl, keys: async () => parseSecrets("WEBHOOK_SECRET", webhookSecret) };
}
