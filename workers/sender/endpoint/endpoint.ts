import { DurableObject } from "cloudflare:workers";
import { Alarm } from "../../../shared/durable/alarm.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { type Config, configOf, TENANT, type Vars } from "../config.ts";
import type { ActivityView } from "../model/activity.ts";
import { type Delivery, type FirstOutcome, summaryOf } from "../model/delivery.ts";
import type {
  ConfigureCall,
  DeliveryQuery,
  EndpointStatus,
  Offer,
  OfferAnswer,
  OutboxCalls,
  Period,
  Redelivery,
} from "../protocol.ts";
import { CatchUp } from "./catch-up.ts";
import { Dispatcher } from "./dispatcher.ts";
import { DeliveryHistory } from "./history.ts";
import { Poster } from "./poster.ts";
import { Reporter } from "./reporter.ts";
import { wakeTime } from "./retry.ts";
import { EndpointState } from "./state.ts";
import { EndpointStore } from "./storage.ts";

/** One registered callback URL: takes what the Outbox offers, delivers each event, retries by its alarm. */

type EndpointEnv = Vars & { OUTBOX: DurableObjectNamespace<OutboxCalls> };

export class Endpoint extends DurableObject<EndpointEnv> {
  /** Not private, for tests to read; no call from another object reaches a field. */
  readonly store: EndpointStore;
  readonly #config: Config;
  readonly #alarm: Alarm;
  readonly #state: EndpointState;
  readonly #history: DeliveryHistory;
  readonly #dispatcher: Dispatcher;
  readonly #reporter: Reporter;

  constructor(ctx: DurableObjectState, env: EndpointEnv) {
    super(ctx, env);
    this.#config = configOf(env);
    this.store = new EndpointStore(ctx);
    const alarm = new Alarm(ctx, this.store.sql);
    const state = new EndpointState(this.store, this.#config, alarm);
    const outbox = () => env.OUTBOX.getByName(state.identity?.tenant ?? TENANT);
    const history = new DeliveryHistory(this.store, state, this.#config, alarm);
    const poster = new Poster(this.#config, { fetch: (input, init) => fetch(input, init), now: Date.now });
    const catchUp = new CatchUp(this.store, state, { outbox, alarm, leaseMs: this.#config.leaseMs });
    this.#alarm = alarm;
    this.#state = state;
    this.#history = history;
    this.#dispatcher = new Dispatcher(this.store, state, { poster, history, catchUp, alarm, ctx });
    this.#reporter = new Reporter(this.store, state, { outbox, alarm });
    ctx.blockConcurrencyWhile(() => alarm.load(Date.now()));
  }

  /** Takes the registry's configuration; makes the schema of an endpoint that was not known. Safe to repeat. */
  configure(call: ConfigureCall): "done" | "older" {
    return this.#state.configure(call, Date.now());
  }

  /**
   * Takes events from the log: after the answer `taken` they are this object's to deliver (I2, acked means taken).
   * Answers at once, never after a delivery.
   */
  offer({ after, upTo, events, revision }: Offer): OfferAnswer {
    const { identity, active, queue, crowded } = this.#state;
    if (identity === null) return "gone";
    if (revision > identity.revision) return "stale";
    if (!active) return "disabled";
    this.#dispatcher.throttle.refill();
    // I3 (armed while unrecorded): the alarm is part of the commit that the answer waits for.
    this.#alarm.arm(Date.now() + this.#config.leaseMs);
    queue.known = Math.max(queue.known, upTo);
    // No gap before this offer: take it. Otherwise pull.
    if (after > queue.position || crowded) queue.behind = true;
    else queue.take(events, upTo, (seq) => this.store.deliveries.has(seq));
    this.#dispatcher.advance();
    // A full queue alone is not busy: the endpoint may be quick, and then lives on being offered more.
    const held = this.#state.heldUntil(Date.now()) !== null;
    return this.#dispatcher.throttle.slowed || held || crowded ? "busy" : "taken";
  }

  firstOutcome(seq: number): Promise<FirstOutcome> {
    return this.#history.firstOutcome(seq);
  }

  delivery(seq: number): Delivery | null {
    return this.#history.get(seq);
  }

  deliveries(query: DeliveryQuery): Delivery[] {
    return this.#history.list(query);
  }

  redeliver(call: Redelivery): "scheduled" | "missing" {
    return this.#history.redeliver(call, Date.now());
  }

  recover(period: Period): number {
    return this.#history.recover(period, Date.now());
  }

  activity(now: number): ActivityView {
    return this.#history.activity(now);
  }

  status(): EndpointStatus {
    const { queue } = this.#state;
    const [last] = this.deliveries({ before: null, limit: 1, state: null });
    return {
      floor: queue.floor,
      idle: queue.open.size === 0 && !queue.needsMore,
      retrying: this.store.exists ? this.store.deliveries.retrying : 0,
      heldUntil: this.#state.heldUntil(Date.now()),
      lastOutcome: last === undefined ? null : summaryOf(last),
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
    if (this.#state.active) {
      this.#dispatcher.queueDue(now);
      this.#state.saveFloor(1);
      this.#dispatcher.advance();
    }
    this.ctx.waitUntil(this.#reporter.report());
    this.store.deliveries.dropExpired(now, this.#config.retentionMs);
    this.#armNext(now);
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
    if (queue.open.size > 0 || queue.needsMore) this.#alarm.arm(later);
  }
}
