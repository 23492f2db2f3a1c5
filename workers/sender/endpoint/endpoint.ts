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
import { Courier } from "./dispatcher.ts";
import { Ledger } from "./history.ts";
import { Deliverer } from "./poster.ts";
import { Reporter } from "./reporter.ts";
import { wakeTime } from "./retry.ts";
import { Standing } from "./state.ts";
import { EndpointStore } from "./storage.ts";

/** One registered callback URL: its position in the log, its attempts, its retry alarm. */

type EndpointEnv = Vars & { OUTBOX: DurableObjectNamespace<OutboxCalls> };

export class Endpoint extends DurableObject<EndpointEnv> {
  readonly #config: Config;
  readonly #alarm: Alarm;
  readonly #store: EndpointStore;
  readonly #standing: Standing;
  readonly #ledger: Ledger;
  readonly #courier: Courier;
  readonly #catchUp: CatchUp;
  readonly #reporter: Reporter;

  constructor(ctx: DurableObjectState, env: EndpointEnv) {
    super(ctx, env);
    this.#config = configOf(env);
    this.#alarm = new Alarm(ctx);
    this.#store = new EndpointStore(ctx.storage);
    this.#standing = new Standing(this.#store, this.#config);
    const arm = (at: number) => this.#alarm.arm(at);
    this.#ledger = new Ledger(this.#store, this.#standing, this.#config, { arm, abort: (reason) => ctx.abort(reason) });
    this.#courier = new Courier(this.#store, this.#standing, {
      deliverer: new Deliverer(this.#config, { fetch: (input, init) => fetch(input, init), now: Date.now }),
      ledger: this.#ledger,
      port: { arm, waitUntil: (work) => ctx.waitUntil(work), advance: () => this.#advance() },
    });
    this.#catchUp = new CatchUp(this.#store, this.#standing, this.#config, {
      pull: (id, after) => this.#outbox().pull(id, after),
      gone: () => this.destroy(),
      pump: () => this.#courier.pump(),
      arm,
    });
    this.#reporter = new Reporter(this.#store, this.#standing.health, {
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
    const taken = this.#standing.configure(call, now);
    if (taken !== "resume") return taken;
    this.#alarm.arm(now);
    return "done";
  }

  /** Events from the log; answered at once, never after a delivery. `taken`: they are this object's to deliver. */
  offer({ after, upTo, events, revision }: Offer): OfferAnswer {
    const { identity, active, window, crowded } = this.#standing;
    if (identity === null) return "gone";
    if (revision > identity.revision) return "stale";
    if (!active) return "disabled";
    this.#courier.gate.refill();
    // I3: from here on these events are ours, so the alarm stands in the commit that this answer waits for.
    this.#alarm.arm(Date.now() + this.#config.leaseMs);
    window.known = Math.max(window.known, upTo);
    // Told no further than our position, we lack nothing that an earlier life took and lost: no pull is needed.
    if (after > window.pos || crowded) window.behind = true;
    else window.take(events, upTo, (seq) => this.#store.deliveries.has(seq));
    this.#advance();
    // Not one that is merely full: it may be quick, and then lives on being offered more.
    return this.#courier.gate.slowed || crowded ? "busy" : "taken";
  }

  firstOutcome(seq: number): Promise<FirstOutcome> {
    return this.#ledger.firstOutcome(seq);
  }

  delivery(seq: number): Delivery | null {
    return this.#ledger.get(seq);
  }

  deliveries(query: DeliveryQuery): Delivery[] {
    return this.#ledger.list(query);
  }

  redeliver(call: Redelivery): "scheduled" | "missing" {
    return this.#ledger.redeliver(call, Date.now());
  }

  recover(since: number): number {
    return this.#ledger.recover(since, Date.now());
  }

  activity(now: number): ActivityView {
    return this.#ledger.activity(now);
  }

  status(): EndpointStatus {
    const { window } = this.#standing;
    const [last] = this.deliveries({ before: null, limit: 1, state: null });
    return {
      floor: window.floor,
      idle: window.size === 0 && !window.needsMore,
      retrying: this.#store.exists ? this.#store.deliveries.retrying : 0,
      lastOutcome: last === undefined ? null : summaryOf(last),
    };
  }

  /** Does what the alarm would: heals one that was lost. */
  wake(): void {
    if (this.#standing.identity !== null) this.#work();
  }

  /** Forgets everything; attempts under way are aborted with the object. */
  async destroy(): Promise<void> {
    this.#standing.forget();
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
    const { identity } = this.#standing;
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
    this.#courier.gate.refill();
    if (this.#standing.active) {
      this.#courier.openDue(now);
      this.#standing.saveFloor(1);
      this.#advance();
    }
    const { identity } = this.#standing;
    if (identity !== null) this.ctx.waitUntil(this.#reporter.report(identity.id));
    this.#store.tables.dropExpired(now, this.#config.retentionMs);
    this.#armNext(now);
  }

  /** Sends what may be sent, and fetches what is lacking. */
  #advance(): void {
    this.#courier.pump();
    if (this.#standing.window.needsMore) this.ctx.waitUntil(this.#catchUp.run());
  }

  #armNext(now: number): void {
    const report = this.#reporter.nextAt(now);
    if (report !== null) this.#alarm.arm(report);
    const { active, window } = this.#standing;
    if (!active) return;
    const due = this.#store.deliveries.nextDue(window.open);
    // What is due already found no room: a finished attempt looks for it itself, the alarm is the safety.
    if (due !== null) this.#alarm.arm(due > now ? wakeTime(due) : now + this.#config.leaseMs);
    if (window.size > 0 || window.needsMore) this.#alarm.arm(now + this.#config.leaseMs);
  }

  /** The registry has taken note of a pause, or knows nothing of this endpoint any more. */
  async #answered(current: ConfigureCall | null): Promise<boolean> {
    if (current === null) await this.destroy();
    else this.configure(current);
    return current !== null;
  }

  #outbox(): DurableObjectStub<OutboxCalls> {
    return this.env.OUTBOX.getByName(this.#standing.identity?.tenant ?? TENANT);
  }
}
