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

/** One registered callback URL: its position in the log, its attempts, its retry alarm. */

type EndpointEnv = Vars & { OUTBOX: DurableObjectNamespace<OutboxCalls> };

export class Endpoint extends DurableObject<EndpointEnv> {
  readonly #config: Config;
  readonly #alarm: Alarm;
  readonly #store: EndpointStore;
  readonly #state: EndpointState;
  readonly #history: DeliveryHistory;
  readonly #dispatcher: Dispatcher;
  readonly #catchUp: CatchUp;
  readonly #reporter: Reporter;

  constructor(ctx: DurableObjectState, env: EndpointEnv) {
    super(ctx, env);
    this.#config = configOf(env);
    this.#alarm = new Alarm(ctx);
    this.#store = new EndpointStore(ctx.storage);
    this.#state = new EndpointState(this.#store, this.#config);
    const arm = (at: number) => this.#alarm.arm(at);
    this.#history = new DeliveryHistory(this.#store, this.#state, this.#config, {
      arm,
      abort: (reason) => ctx.abort(reason),
    });
    this.#dispatcher = new Dispatcher(this.#store, this.#state, {
      poster: new Poster(this.#config, { fetch: (input, init) => fetch(input, init), now: Date.now }),
      history: this.#history,
      port: { arm, waitUntil: (work) => ctx.waitUntil(work), advance: () => this.#advance() },
    });
    this.#catchUp = new CatchUp(this.#store, this.#state, this.#config, {
      pull: (id, after) => this.#outbox().pull(id, after),
      gone: () => this.destroy(),
      pump: () => this.#dispatcher.pump(),
      arm,
    });
    this.#reporter = new Reporter(this.#store, this.#state.health, {
      outbox: () => this.#outbox(),
      answered: (current) => this.#answered(current),
      arm,
      now: Date.now,
    });
    ctx.blockConcurrencyWhile(() => this.#alarm.load(Date.now()));
  }

  /** Takes the registry's configuration; makes the schema of an endpoint it has not met. Safe to repeat. */
  configure(call: ConfigureCall): "done" | "older" {
    const now = Date.now();
    const taken = this.#state.configure(call, now);
    if (taken !== "resume") return taken;
    this.#alarm.arm(now);
    return "done";
  }

  /** Events from the log; answered at once, never after a delivery. `taken`: they are this object's to deliver. */
  offer({ after, upTo, events, revision }: Offer): OfferAnswer {
    const { identity, active, queue, crowded } = this.#state;
    if (identity === null) return "gone";
    if (revision > identity.revision) return "stale";
    if (!active) return "disabled";
    this.#dispatcher.throttle.refill();
    // I3: from here on these events are ours, so the alarm stands in the commit that this answer waits for.
    this.#alarm.arm(Date.now() + this.#config.leaseMs);
    queue.known = Math.max(queue.known, upTo);
    // Told no further than our position, we lack nothing that an earlier life took and lost: no pull is needed.
    if (after > queue.position || crowded) queue.behind = true;
    else queue.take(events, upTo, (seq) => this.#store.deliveries.has(seq));
    this.#advance();
    // Not one that is merely full: it may be quick, and then lives on being offered more.
    return this.#dispatcher.throttle.slowed || crowded ? "busy" : "taken";
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

  recover(since: number): number {
    return this.#history.recover(since, Date.now());
  }

  activity(now: number): ActivityView {
    return this.#history.activity(now);
  }

  status(): EndpointStatus {
    const { queue } = this.#state;
    const [last] = this.deliveries({ before: null, limit: 1, state: null });
    return {
      floor: queue.floor,
      idle: queue.size === 0 && !queue.needsMore,
      retrying: this.#store.exists ? this.#store.deliveries.retrying : 0,
      lastOutcome: last === undefined ? null : summaryOf(last),
    };
  }

  /** Does what the alarm would: heals one that was lost. */
  wake(): void {
    if (this.#state.identity !== null) this.#work();
  }

  /** Forgets everything; attempts under way are aborted with the object. */
  async destroy(): Promise<void> {
    this.#state.forget();
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    // After this answer: an object that aborts itself fails the call that told it to.
    setTimeout(() => this.ctx.abort("the endpoint was deleted"), 0);
  }

  /** For measurements: rows written since the object started. */
  stats(): { rowsWritten: number; bytes: number } {
    const { rowsWritten, bytes } = this.#store.sql;
    return { rowsWritten: rowsWritten + this.#alarm.rowsWritten, bytes };
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
      this.#dispatcher.openDue(now);
      this.#state.saveFloor(1);
      this.#advance();
    }
    const { identity } = this.#state;
    if (identity !== null) this.ctx.waitUntil(this.#reporter.report(identity.id));
    this.#store.tables.dropExpired(now, this.#config.retentionMs);
    this.#armNext(now);
  }

  /** Sends what may be sent, and fetches what is lacking. */
  #advance(): void {
    this.#dispatcher.pump();
    if (this.#state.queue.needsMore) this.ctx.waitUntil(this.#catchUp.run());
  }

  #armNext(now: number): void {
    const report = this.#reporter.nextAt(now);
    if (report !== null) this.#alarm.arm(report);
    const { active, queue } = this.#state;
    if (!active) return;
    const due = this.#store.deliveries.nextDue(queue.open);
    // What is due already found no room: a finished attempt looks for it itself, the alarm is the safety.
    if (due !== null) this.#alarm.arm(due > now ? wakeTime(due) : now + this.#config.leaseMs);
    if (queue.size > 0 || queue.needsMore) this.#alarm.arm(now + this.#config.leaseMs);
  }

  /** The registry has taken note of a pause, or knows nothing of this endpoint any more. */
  async #answered(current: ConfigureCall | null): Promise<boolean> {
    if (current === null) await this.destroy();
    else this.configure(current);
    return current !== null;
  }

  #outbox(): DurableObjectStub<OutboxCalls> {
    return this.env.OUTBOX.getByName(this.#state.identity?.tenant ?? TENANT);
  }
}
