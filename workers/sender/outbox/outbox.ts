import { DurableObject } from "cloudflare:workers";
import { Alarm } from "../../../shared/durable/alarm.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { type Config, configOf, TENANT, type Vars } from "../config.ts";
import type { Delivery } from "../model/delivery.ts";
import type { EndpointConfig, EndpointRow } from "../model/endpoint.ts";
import type { LoggedEvent, PublishCall, Published, PublishResult } from "../model/event.ts";
import type {
  Changed,
  ConfigureCall,
  EndpointCalls,
  EndpointView,
  EventPage,
  EventQuery,
  Pause,
  PullAnswer,
  StartFrom,
  WaitQuery,
} from "../protocol.ts";

import { Announcements } from "./announcements.ts";
import { Endpoints } from "./endpoints.ts";
import { FanOut } from "./fan-out.ts";
import { LongPoll } from "./long-poll.ts";
import { Positions } from "./positions.ts";
import { Publisher } from "./publisher.ts";
import { dropPast } from "./retention.ts";
import { OutboxStore } from "./storage.ts";

/** The sender's log and its registry of endpoints; one for each tenant. */

/** Rows of the log that one page may look at. */
const LIST_SCAN = 10_000;
const RECOVERY_MS = 30_000;

type OutboxEnv = Vars & { ENDPOINT: DurableObjectNamespace<EndpointCalls> };

export class Outbox extends DurableObject<OutboxEnv> {
  readonly #config: Config;
  readonly #alarm: Alarm;
  readonly #store: OutboxStore;
  readonly #positions: Positions;
  readonly #fanOut: FanOut;
  readonly #endpoints: Endpoints;
  readonly #announcements: Announcements;
  readonly #publisher: Publisher;
  readonly #longPoll = new LongPoll((query) => this.events({ ...query, before: null }));

  constructor(ctx: DurableObjectState, env: OutboxEnv) {
    super(ctx, env);
    this.#config = configOf(env);
    this.#alarm = new Alarm(ctx);
    this.#store = new OutboxStore(ctx.storage);
    this.#positions = new Positions(this.#store);
    this.#publisher = new Publisher(this.#store, this.#config, {
      changed: () => this.#changed(),
      scheduled: () => this.#armLater(),
    });
    this.#fanOut = new FanOut(this.#store, this.#positions, {
      leaseMs: this.#config.leaseMs,
      port: {
        offer: (row, offer) => this.#endpoint(row.id).offer(offer),
        configure: (row) => this.#endpoints.configure(row),
        now: Date.now,
        arm: (at) => this.#alarm.arm(at),
      },
    });
    this.#endpoints = new Endpoints(this.#store, this.#positions, {
      endpoint: (id) => this.#endpoint(id),
      event: (id) => this.#publisher.event(id),
      changed: () => this.#changed(),
      confirmed: () => this.#fanOut.kick(),
      removed: (id) => this.#fanOut.forget(id),
      now: Date.now,
    });
    this.#announcements = new Announcements(this.#store, {
      announce: (event) => this.#publisher.announce(event),
      changed: () => this.#changed(),
    });
    ctx.blockConcurrencyWhile(async () => {
      await this.#alarm.load(Date.now());
      this.#endpoints.syncDefault(this.#config);
      // What a crash left half done goes on at once, not when the alarm comes.
      this.#work(Date.now());
    });
  }

  /** Logs the events of one call, all or none. Answered when they are durable; deliveries follow by themselves. */
  async publish(call: PublishCall): Promise<PublishResult> {
    return this.#publisher.publish(call);
  }

  /** Events after a position, for an endpoint that catches up. */
  pull(endpointId: string, after: number): PullAnswer {
    return this.#fanOut.pull(endpointId, after);
  }

  endpoints(): EndpointView[] {
    return this.#store.registry.all().map((row) => this.#view(row));
  }

  endpoint(id: string): EndpointView | null {
    const row = this.#store.registry.get(id);
    return row === undefined ? null : this.#view(row);
  }

  /** One page of the log, newest first or after a position. */
  events(query: Omit<EventQuery, "scanned">): EventPage {
    const { head, oldest } = this.#store.log;
    return { ...this.#store.reader.page({ ...query, scanned: LIST_SCAN }), head, oldest };
  }

  /** As `events` after a position; held back, at most `waitMs` or up to `leave`, until there is something to tell. */
  nextEvents(query: WaitQuery, waitMs: number, id: string): EventPage | Promise<EventPage> {
    return this.#longPoll.page(query, waitMs, id);
  }

  /** Ends the call of `nextEvents` that was given this id. */
  leave(id: string): void {
    this.#longPoll.leave(id);
  }

  /** A logged or scheduled event by its id; null when this log never had it, or no longer has. */
  event(id: string): LoggedEvent | null {
    return this.#publisher.event(id);
  }

  create(id: string, config: EndpointConfig, startFrom: StartFrom): Promise<Changed | "unknown_event"> {
    return this.#endpoints.create(id, config, startFrom);
  }

  update(id: string, change: Partial<EndpointConfig>): Promise<Changed | null> {
    return this.#endpoints.update(id, change);
  }

  rotate(id: string, keys: string[], expiresAt: number): Promise<Changed | null> {
    return this.#endpoints.rotate(id, keys, expiresAt);
  }

  delete(id: string): Promise<boolean | null> {
    return this.#endpoints.delete(id);
  }

  publishTest(endpointId: string): Published {
    return this.#announcements.test(endpointId);
  }

  reportPause(id: string, pause: Pause): ConfigureCall | null {
    return this.#announcements.paused(id, pause);
  }

  reportDead(endpointId: string, delivery: Omit<Delivery, "body">): void {
    this.#announcements.dead(endpointId, delivery);
  }

  /**
   * The cron's minute: schedules the periodic events of (covered, t + 60 s], runs the alarm's body, and wakes
   * one endpoint in turn, so that an alarm which was lost is found again.
   */
  async tick(t: number): Promise<void> {
    const now = Date.now();
    this.#publisher.schedulePeriodic(t, now);
    this.#work(now);
    const rows = this.#store.registry.enabled();
    const turn = rows[Math.floor(t / 60_000) % rows.length];
    if (turn !== undefined) await this.#endpoint(turn.id).wake();
  }

  /** For measurements: rows written since the object started. */
  stats(): { rowsWritten: number; head: number } {
    return { rowsWritten: this.#store.sql.rowsWritten + this.#alarm.rowsWritten, head: this.#store.log.head };
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
      // None of these is awaited: an endpoint that does not answer must not hold back the next scheduled event.
      for (const row of this.#store.registry.unpushed())
        this.ctx.waitUntil(this.#endpoints.configure(row).catch(() => {}));
      this.#fanOut.kick();
      this.#longPoll.wake();
      const tell = (seq: number) => this.#fanOut.tell(seq);
      this.ctx.waitUntil(dropPast(this.#store, this.#config, { now, tell }));
      this.#armNext(now);
    } catch (error) {
      logEvent("outbox.alarm_failed", { error: String(error) });
      this.#alarm.arm(now + RECOVERY_MS);
    }
  }

  /** Something was logged or configured that others must have: the alarm first, then the attempt. */
  #changed(): void {
    this.#alarm.arm(Date.now() + this.#config.leaseMs);
    this.#fanOut.kick();
    this.#longPoll.wake();
  }

  #armNext(now: number): void {
    this.#armLater();
    if (!this.#positions.settled || this.#store.registry.unpushed().length > 0)
      this.#alarm.arm(now + this.#config.leaseMs);
    const retry = this.#fanOut.nextRetry;
    if (retry !== null) this.#alarm.arm(Math.max(retry, now + 1000));
  }

  #armLater(): void {
    const due = this.#store.scheduled.nextDue;
    if (due !== null) this.#alarm.arm(due);
  }

  #view(row: EndpointRow): EndpointView {
    return { row, acked: this.#positions.acked(row), head: this.#store.log.head };
  }

  #endpoint(id: string): DurableObjectStub<EndpointCalls> {
    return this.env.ENDPOINT.getByName(`${TENANT}/${id}`);
  }
}
