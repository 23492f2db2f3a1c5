import { DurableObject } from "cloudflare:workers";
import { Alarm } from "../../../shared/durable/alarm.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { type Config, configOf, TENANT, type Vars } from "../config.ts";
import { type Delivery, type FirstOutcome, summaryOf } from "../model/delivery.ts";
import type { LoggedEvent } from "../model/event.ts";
import type {
  ConfigureCall,
  CourierExports,
  DeliveryChoice,
  DeliveryFilter,
  DeliveryPart,
  DeliveryQuery,
  EndpointStatus,
  FloorAnswer,
  Offer,
  OfferAnswer,
  OutboxCalls,
  RecoverCall,
  Redelivery,
  ReplayCall,
  ReplayView,
  StateAnswer,
} from "../protocol.ts";
import { CatchUp } from "./catch-up.ts";
import { Couriers } from "./couriers.ts";
import { Dispatcher } from "./dispatcher.ts";
import { DeliveryHistory } from "./history.ts";
import { Recovery } from "./recovery.ts";
import { Replay } from "./replay.ts";
import { Reporter } from "./reporter.ts";
import { longestDelay, wakeTime } from "./retry.ts";
import { makeRoom } from "./room.ts";
import { EndpointState } from "./state.ts";
import { EndpointStore } from "./storage.ts";

/** One registered callback URL: takes what the Outbox offers, delivers each event, retries by its alarm. */

/** Room is made no more often than this: each time costs rows. */
const ROOM_PAUSE_MS = 1000;

type EndpointEnv = Vars & { OUTBOX: DurableObjectNamespace<OutboxCalls> };

export class Endpoint extends DurableObject<EndpointEnv> {
  /** Not private, for tests to read; no call from another object reaches a field. */
  readonly store: EndpointStore;
  readonly #config: Config;
  readonly #alarm: Alarm;
  readonly #state: EndpointState;
  readonly #history: DeliveryHistory;
  readonly #recovery: Recovery;
  readonly #replay: Replay;
  readonly #dispatcher: Dispatcher;
  readonly #reporter: Reporter;
  #roomMadeAt = Number.NEGATIVE_INFINITY;

  constructor(ctx: DurableObjectState, env: EndpointEnv) {
    super(ctx, env);
    this.#config = configOf(env);
    this.store = new EndpointStore(ctx);
    const alarm = new Alarm(ctx, this.store.sql);
    const state = new EndpointState(this.store, this.#config, alarm);
    const outbox = () => env.OUTBOX.getByName(state.identity?.tenant ?? TENANT);
    const recovery = new Recovery(this.store);
    const replay = new Replay(this.store, state, { outbox, alarm, leaseMs: this.#config.leaseMs });
    const history = new DeliveryHistory(this.store, state, { settings: this.#config, alarm, recovery, replay });
    const couriers = new Couriers(() => (ctx.exports as unknown as CourierExports).Courier);
    const catchUp = new CatchUp(this.store, state, { outbox, alarm, leaseMs: this.#config.leaseMs });
    this.#alarm = alarm;
    this.#state = state;
    this.#history = history;
    this.#recovery = recovery;
    this.#replay = replay;
    this.#dispatcher = new Dispatcher(this.store, state, {
      ...{ couriers, history, recovery, catchUp, replay, alarm, ctx },
    });
    this.#reporter = new Reporter(this.store, state, { outbox, alarm });
    ctx.blockConcurrencyWhile(() => alarm.load(Date.now()));
  }

  /** Takes the registry's configuration; makes the schema of an endpoint that was not known. Safe to repeat. */
  configure(call: ConfigureCall): "done" | "older" {
    const now = Date.now();
    const wasFailing = this.#state.failingSince !== null;
    const answer = this.#state.configure(call, now);
    if (wasFailing && this.#state.failingSince === null) this.#recovery.expect();
    // What waited may have been dropped from the queue.
    if (this.#replay.underWay) this.#replay.rewind();
    // Another order or rate counts from here on, not from the next event.
    if (this.#state.active) {
      this.#dispatcher.throttle.refill();
      this.#dispatcher.queueDue(now);
      this.#dispatcher.advance();
    }
    return answer;
  }

  /**
   * Takes events from the log: after the answer `taken` they are this object's to deliver (I2, acked means taken).
   * Answers at once, never after a delivery.
   */
  offer({ log, after, upTo, events, revision }: Offer): OfferAnswer {
    const { identity, active, queue, crowded } = this.#state;
    if (identity === null) return "gone";
    if (!this.#state.reads(log) || revision > identity.revision) return "stale";
    if (log.head < this.greatest()) return "ahead";
    if (events.some(({ seq, id }) => seq <= queue.position && this.store.deliveries.isOther(seq, id))) return "other";
    if (!active) return "disabled";
    if (crowded) this.#makeRoom();
    this.#dispatcher.throttle.refill();
    // I3 (armed while unrecorded): the alarm is part of the commit that the answer waits for.
    this.#alarm.arm(Date.now() + this.#config.leaseMs);
    queue.known = Math.max(queue.known, upTo);
    // No gap before this offer: take it. Otherwise pull.
    if (after > queue.position || (crowded && events.length > 0)) queue.behind = true;
    else queue.take(events, upTo, (seq, id) => this.store.deliveries.has(seq, id));
    this.#dispatcher.advance();
    // A full queue alone is not busy: the endpoint may be quick, and then lives on being offered more.
    const held = this.#state.heldUntil(Date.now()) !== null;
    return this.#dispatcher.throttle.slowed || held || crowded ? "busy" : "taken";
  }

  /**
   * Takes an offer without events and returns the floor, which is written down: a restart needs nothing of the log that
   * lies before it. Null for an endpoint that nobody configured.
   */
  floor(offer: Offer): FloorAnswer | null {
    const answer = this.offer(offer);
    if (answer === "gone") return null;
    this.#state.saveFloor(1);
    return { floor: this.#state.queue.floor, heard: answer === "taken" || answer === "busy" };
  }

  /** Returns the greatest seq that any log has given to this object, whose storage may outlive the log's. */
  greatest(): number {
    return this.store.exists ? Math.max(this.#state.queue.greatest, this.store.deliveries.maxSeq) : 0;
  }

  /** Returns the outcome of the first attempt at the event `seq` of the log `log`. */
  firstOutcome(log: string, seq: number): Promise<FirstOutcome> {
    return this.#history.firstOutcome(seq, this.#state.knows(log));
  }

  /** Sends a test event at once, and returns its outcome. The log offers the event too, should this call be lost. */
  sendTest(log: string, event: LoggedEvent): Promise<FirstOutcome> {
    if (this.#state.identity?.config.enabled && this.#state.knows(log)) {
      this.#dispatcher.throttle.refill();
      // I3 (armed while unrecorded), as for an offer.
      this.#alarm.arm(Date.now() + this.#config.leaseMs);
      this.#dispatcher.sendTest(event);
    }
    return this.firstOutcome(log, event.seq);
  }

  /** Returns a delivery; of the log `log`, or of any when null. */
  delivery(log: string | null, seq: number): Delivery | null {
    return log === null || this.#state.knows(log) ? this.#history.get(seq) : null;
  }

  deliveries(query: DeliveryQuery): Delivery[] {
    return this.#history.list(query);
  }

  /** Returns deliveries below `before`, the newest first, of those that `filter` chooses. */
  find(filter: DeliveryFilter, before: number | null, limit: number): DeliveryPart {
    return this.#history.find(filter, before, limit);
  }

  /** Returns the states of the deliveries of events of the log `log` that this endpoint may have got. */
  states(log: string, seqs: number[]): StateAnswer[] {
    if (!this.#state.knows(log)) return seqs.map(() => "pending");
    const known = this.#history.states(seqs);
    const { floor } = this.#state.queue;
    return seqs.map((seq) => known.get(seq) ?? (seq > floor ? "pending" : null));
  }

  redeliver(call: Redelivery): "scheduled" | "missing" {
    if (call.log !== null && !this.#state.knows(call.log)) return "missing";
    return this.#history.redeliver(call, Date.now());
  }

  recover(call: RecoverCall): Promise<number> {
    const outbox = this.env.OUTBOX.getByName(this.#state.identity?.tenant ?? TENANT);
    return this.#history.recover(call, Date.now(), (seqs) => outbox.bodies(this.#state.logId, seqs));
  }

  /** Begins to send a part of the log again; null when another replay runs, or the log is another. */
  async replay(call: ReplayCall): Promise<ReplayView | null> {
    if (!this.store.exists || !this.#state.knows(call.log)) return null;
    const view = await this.#replay.begin(call, Date.now());
    this.wake();
    return view;
  }

  /** Ends the replay that runs, and returns the last one; null when there was none. */
  cancelReplay(): ReplayView | null {
    return this.#replay.cancel(Date.now());
  }

  /** Ends deliveries that wait for a retry, and goes on behind them. Returns how many it ended. */
  skip(choice: DeliveryChoice): number {
    const skipped = this.store.exists ? this.#history.skip(choice) : 0;
    this.wake();
    return skipped;
  }

  /** Tells how the endpoint does. Reads the newest rows once after a start. */
  status(): EndpointStatus {
    const now = Date.now();
    const { queue, logId } = this.#state;
    return {
      ...{ log: logId, floor: queue.floor, position: queue.position },
      idle: queue.open.size === 0 && !queue.needsMore,
      beyond: this.store.deliveries.beyond(queue.position),
      ...this.#waiting(),
      ...this.#recent(now),
      heldUntil: this.#state.heldUntil(now),
      failingSince: this.#state.failingSince,
      slowed: this.#dispatcher.throttle.slowed,
      made: this.#history.made,
      replay: this.#replay.view,
    };
  }

  #waiting(): Pick<EndpointStatus, "waiting" | "retrying" | "oldestSeq" | "oldestTriedAt"> {
    const unrecorded = this.#state.queue.unrecorded;
    const retrying = this.store.exists ? this.store.deliveries.retrying : { count: 0, oldest: null };
    const oldest = [unrecorded.oldest, retrying.oldest].filter((seq) => seq !== null);
    const tried = retrying.oldest === null ? null : this.#history.get(retrying.oldest);
    return {
      waiting: unrecorded.count + retrying.count,
      retrying: retrying.count,
      oldestSeq: oldest.length === 0 ? null : Math.min(...oldest),
      oldestTriedAt: tried?.attempts[0]?.at ?? null,
    };
  }

  #recent(now: number): Pick<EndpointStatus, "lastOutcome" | "lastAttempt" | "hour" | "day" | "activity"> {
    const [last] = this.deliveries({ before: null, limit: 1, state: null });
    const activity = this.#history.activityAt(now);
    return {
      lastOutcome: last === undefined ? null : summaryOf(last),
      lastAttempt: activity.last,
      ...activity.figures(now),
      activity: activity.view(now),
    };
  }

  /** Does what the alarm would do, in case the alarm was lost. */
  wake(): void {
    if (this.#state.identity !== null) this.#work();
  }

  /** Deletes everything this object holds; attempts under way are aborted with it. */
  destroy(): Promise<void> {
    return this.#state.destroy();
  }

  override alarm(): void {
    this.#alarm.fired();
    const { identity } = this.#state;
    if (identity === null) return;
    try {
      this.#work();
    } catch (error) {
      // An alarm that throws six times is gone for good.
      logEvent("endpoint.alarm_failed", { endpoint: identity.id, error: String(error) });
      this.#alarm.arm(Date.now() + this.#config.leaseMs);
    }
  }

  #work(): void {
    const now = Date.now();
    this.#dispatcher.throttle.refill();
    if (this.#state.crowded) this.#makeRoom();
    this.store.deliveries.bringCloser(now + longestDelay(this.#state.retryMs), now);
    if (this.#state.active) {
      this.#dispatcher.queueDue(now);
      this.#state.saveFloor(1);
      this.#dispatcher.advance();
    }
    this.ctx.waitUntil(this.#reporter.report());
    this.store.deliveries.dropExpired(now, this.#config.retentionMs);
    this.#armNext(now);
  }

  /** Makes room for new deliveries, once in a while: an offer that finds none asks for it each time. */
  #makeRoom(): void {
    const now = Date.now();
    if (!this.store.exists || Math.abs(now - this.#roomMadeAt) < ROOM_PAUSE_MS) return;
    this.#roomMadeAt = now;
    const { storageLimit } = this.#config;
    makeRoom(this.store, { storageLimit, logOldest: this.#state.logOldest, floor: this.#state.queue.floor });
  }

  #armNext(now: number): void {
    const report = this.#reporter.nextAt(now);
    if (report !== null) this.#alarm.arm(report);
    const { active, queue } = this.#state;
    if (!active) return;
    const held = this.#state.heldUntil(now) ?? 0;
    // A delivery that is due already found no space. The next finished attempt queues it; the alarm is only for safety.
    const later = held > 0 ? wakeTime(held) : now + this.#config.leaseMs;
    const due = this.store.deliveries.nextDue(queue.open);
    if (due !== null) this.#alarm.arm(due > now ? wakeTime(Math.max(due, held)) : later);
    if (queue.open.size > 0 || queue.needsMore || this.#recovery.underWay || this.#replay.underWay)
      this.#alarm.arm(later);
  }
}
