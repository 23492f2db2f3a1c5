import { DurableObject } from "cloudflare:workers";
import { gather } from "../../shared/gather.ts";
import { logEvent } from "../../shared/telemetry.ts";
import type { Activity, ActivityView } from "./activity.ts";
import { Alarm } from "./alarm.ts";
import { Deliverer } from "./deliverer.ts";
import { type Delivery, type DeliveryState, EndpointStore, type Identity } from "./endpoint-store.ts";
import { type Config, configOf, type Env, TENANT } from "./env.ts";
import { type FirstOutcome, FirstOutcomes, summaryOf } from "./first-outcomes.ts";
import { BUDGET, Gate } from "./gate.ts";
import type { Offer } from "./handover.ts";
import { Health } from "./health.ts";
import type { Outbox } from "./outbox.ts";
import { type Ending, nextDelivery, outcomeOf } from "./outcome.ts";
import { Reporter } from "./reporter.ts";
import { wakeTime } from "./schedule.ts";
import { type Open, Window } from "./window.ts";

/** One registered callback URL: its position in the log, its attempts, its retry alarm. */

/** `busy`: taken, and there is more to send than will be soon; what comes next can wait a while. */
export type OfferAnswer = "taken" | "busy" | "gone" | "stale" | "disabled";
export type ConfigureCall = Identity & { from: number | null };
export type EndpointStatus = { floor: number; idle: boolean; retrying: number; lastOutcome: FirstOutcome | null };
/** An event to send again; `body` null when the log has forgotten it. */
export type Redelivery = { seq: number; body: string | null };
/**
 * Finished attempts are written together. A delivery waits 2 ms at most, or it would hold back the next ones; a
 * failure has time, and an endpoint that fails all day must not cost the others a commit for each attempt.
 */
const COMMIT_DELAY_MS = { delivered: 2, failed: 100 };
/** The floor is written when it moved this far: a restart looks at no more rows than this again. */
const FLOOR_STEP = 500;
const FIRST_PULL_RETRY_MS = 1000;
const RECOVER_LIMIT = 10_000;
/** Above this share of the storage nothing more is taken: the position waits in the log. */
const FULL_SHARE = 0.6;

type Finished = { open: Open; at: number; ending: Ending };

export class Endpoint extends DurableObject<Env> {
  readonly #config: Config;
  readonly #alarm: Alarm;
  readonly #store: EndpointStore;
  readonly #deliverer: Deliverer;
  readonly #record: (finished: Finished) => Promise<null>;
  readonly #first = new FirstOutcomes();
  readonly #health: Health;
  readonly #reporter: Reporter;
  readonly #gate = new Gate(Date.now());
  #identity: Identity | null = null;
  #activity: Activity | null = null;
  #window = new Window(0);
  #writtenFloor = 0;
  #rateTimer = false;
  #pulling = false;
  #pullRetryMs = FIRST_PULL_RETRY_MS;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#config = configOf(env);
    this.#alarm = new Alarm(ctx);
    this.#store = new EndpointStore(ctx.storage);
    this.#deliverer = new Deliverer(this.#config, { fetch: (input, init) => fetch(input, init), now: Date.now });
    this.#health = new Health(this.#store);
    this.#reporter = new Reporter(this.#store, this.#health, {
      outbox: () => this.#outbox(),
      answered: (current) => this.#answered(current),
      arm: (at) => this.#alarm.arm(at),
      now: Date.now,
    });
    this.#record = gather(
      (finished: Finished[]) => this.#commit(finished),
      ({ ending }) => (outcomeOf(ending) === "delivered" ? COMMIT_DELAY_MS.delivered : COMMIT_DELAY_MS.failed),
    );
    if (this.#store.exists) this.#load();
    ctx.blockConcurrencyWhile(() => this.#alarm.load(Date.now()));
  }

  /** Takes the registry's configuration; makes the schema of an endpoint it has not met. Safe to repeat. */
  configure({ from, ...identity }: ConfigureCall): "done" | "older" {
    const before = this.#identity;
    if (before !== null && identity.revision < before.revision) return "older";
    const now = Date.now();
    const { enabled, url } = identity.config;
    const enabling = enabled && !before?.config.enabled;
    const forgiven = enabling || url !== before?.config.url;
    const resumed = this.#health.pause !== null && enabled;
    try {
      this.ctx.storage.transactionSync(() => {
        if (!this.#store.exists) this.#store.create(from ?? 0, now);
        this.#store.setMeta("identity", identity);
        this.#health.configured(forgiven);
      });
    } catch (error) {
      this.#store.reload();
      if (this.#store.exists) this.#health.load(this.#store.allMeta());
      throw error;
    }
    if (before === null) this.#load();
    this.#identity = identity;
    if (!enabled) this.#window.reset();
    if (enabling || resumed) {
      this.#window.behind = true;
      this.#alarm.arm(now);
    }
    return "done";
  }

  /** Events from the log; answered at once, never after a delivery. `taken`: they are this object's to deliver. */
  offer({ after, upTo, events, revision }: Offer): OfferAnswer {
    if (this.#identity === null) return "gone";
    if (revision > this.#identity.revision) return "stale";
    if (!this.#active) return "disabled";
    this.#gate.refill();
    // I3: from here on these events are ours, so the alarm stands in the commit that this answer waits for.
    this.#alarm.arm(Date.now() + this.#config.leaseMs);
    this.#window.known = Math.max(this.#window.known, upTo);
    // Told no further than our position, we lack nothing that an earlier life took and lost: no pull is needed.
    if (after > this.#window.pos || this.#crowded) this.#window.behind = true;
    else this.#window.take(events, upTo, (seq) => this.#store.has(seq));
    this.#advance();
    return this.#window.full || this.#gate.slowed || this.#crowded ? "busy" : "taken";
  }

  /** How the first attempt at an event ended, after its row is durable; `pending` after 10 s. */
  async firstOutcome(seq: number): Promise<FirstOutcome> {
    const known = this.delivery(seq);
    return known === null ? this.#first.wait(seq) : summaryOf(known);
  }

  delivery(seq: number): Delivery | null {
    return this.#store.exists ? this.#store.delivery(seq) : null;
  }

  deliveries(query: { before: number | null; limit: number; state: DeliveryState | null }): Delivery[] {
    return this.#store.exists ? this.#store.list(query) : [];
  }

  /** Makes one delivery due again, its schedule anew; `missing` when there is none, or no body is left. */
  redeliver({ seq, body }: Redelivery): "scheduled" | "missing" {
    const row = this.delivery(seq);
    const kept = row?.body ?? body;
    if (row === null || kept === null || row.state === "expired") return "missing";
    this.#makeDue([{ ...row, body: kept }]);
    return "scheduled";
  }

  /** Makes everything due again that failed for good at `since` or later; how many, 10,000 at most in one go. */
  recover(since: number): number {
    const rows = this.#store.exists ? this.#store.dead(since, RECOVER_LIMIT) : [];
    this.#makeDue(rows.filter(({ body }) => body !== null));
    return rows.length;
  }

  /** Attempts of the last 24 hours by the hour; the rows are read once, then each attempt is counted. */
  activity(now: number): ActivityView {
    this.#activity ??= this.#store.activity(now);
    return this.#activity.view(now);
  }

  status(): EndpointStatus {
    const [last] = this.deliveries({ before: null, limit: 1, state: null });
    return {
      floor: this.#window.floor,
      idle: this.#window.size === 0 && !this.#window.needsMore,
      retrying: this.#store.exists ? this.#store.retrying : 0,
      lastOutcome: last === undefined ? null : summaryOf(last),
    };
  }

  /** Does what the alarm would: heals one that was lost. */
  wake(): void {
    if (this.#identity !== null) this.#work();
  }

  /** Forgets everything; attempts under way are aborted with the object. */
  async destroy(): Promise<void> {
    this.#identity = null;
    this.#window = new Window(0);
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    // After this answer: an object that aborts itself fails the call that told it to.
    setTimeout(() => this.ctx.abort("the endpoint was deleted"), 0);
  }

  /** For measurements: rows written since the object started. */
  stats(): { rowsWritten: number; bytes: number } {
    return { rowsWritten: this.#store.rowsWritten + this.#alarm.rowsWritten, bytes: this.#store.bytes };
  }

  override alarm(): void {
    this.#alarm.fired();
    if (this.#identity === null) return;
    try {
      this.#work();
    } catch (error) {
      // An alarm that throws six times is gone for good.
      logEvent("endpoint.alarm_failed", { endpoint: this.#identity.id, error: String(error) });
      this.#alarm.arm(Date.now() + this.#config.leaseMs);
    }
  }

  #work(): void {
    const now = Date.now();
    this.#gate.refill();
    if (this.#active) {
      this.#openDue(now);
      this.#saveFloor(1);
      this.#advance();
    }
    if (this.#identity !== null) this.ctx.waitUntil(this.#reporter.report(this.#identity.id));
    this.#store.dropExpired(now, this.#config.retentionMs);
    this.#armNext(now);
  }

  /** Whether it sends: enabled, and not waiting for the registry to take note of why it stopped. */
  get #active(): boolean {
    return this.#health.pause === null && (this.#identity?.config.enabled ?? false);
  }

  /** The registry has taken note of a pause, or knows nothing of this endpoint any more. */
  async #answered(current: ConfigureCall | null): Promise<boolean> {
    if (current === null) await this.destroy();
    else this.configure(current);
    return current !== null;
  }

  /** Due retries that are not under way, in order of due time, as far as the window has room. */
  #openDue(now: number): void {
    if (this.#window.full) return;
    for (const due of this.#store.due(now, BUDGET, this.#window.open)) {
      if (this.#window.full) return;
      this.#window.add({ ...due, body: due.body ?? "", isNew: false });
    }
  }

  #makeDue(rows: Delivery[]): void {
    const now = Date.now();
    this.ctx.storage.transactionSync(() => {
      for (const row of rows) {
        this.#store.put({ ...row, state: "due", due: now, mark: "redelivery", skip: row.attempts.length }, false);
      }
    });
    if (rows.length > 0 && this.#active) this.#alarm.arm(now);
  }

  #advance(): void {
    this.#pump();
    if (this.#window.needsMore) this.ctx.waitUntil(this.#catchUp());
  }

  /** Starts attempts while something may be sent. */
  #pump(): void {
    if (this.#identity === null || !this.#active) return;
    const { ordered, rateLimit } = this.#identity.config;
    const perSecond = rateLimit?.perSecond ?? null;
    while (this.#window.queued > 0) {
      const now = Date.now();
      const verdict = this.#gate.ask(now, { ordered, perSecond });
      if (!verdict.go) {
        // The next event delivered to the object brings a new budget, and this asks for one.
        if (verdict.why === "spent") this.#alarm.arm(now);
        if (verdict.why === "rate") this.#pumpLater(verdict.waitMs);
        return;
      }
      const holder = ordered ? this.#store.holder : null;
      const open = this.#window.next(({ seq, mark }) => holder === null || holder.seq === seq || mark === "redelivery");
      if (open === undefined) return;
      this.#gate.start(now, perSecond);
      this.ctx.waitUntil(this.#deliver(open));
    }
  }

  /** Awake, a timer keeps the rate; if the object dies first, the alarm of I3 goes on. */
  #pumpLater(waitMs: number): void {
    if (this.#rateTimer) return;
    this.#rateTimer = true;
    setTimeout(() => {
      this.#rateTimer = false;
      this.#pump();
    }, waitMs);
  }

  async #deliver(open: Open): Promise<void> {
    if (this.#identity === null) return;
    const { config } = this.#identity;
    const at = Date.now();
    const { ending, requests } = await this.#deliverer.send(open, config, at);
    this.#gate.spend(requests);
    const failed = outcomeOf(ending) !== "delivered";
    if (!config.ordered) this.#gate.finish(failed);
    const recorded = this.#record({ open, at, ending });
    this.#pump();
    await recorded;
    // In order means: the next one starts after this one's row is there for good.
    if (config.ordered) this.#gate.finish(failed);
    if (this.#active) this.#openDue(Date.now());
    this.#advance();
  }

  /** Writes finished attempts in one transaction; only then they leave the window. */
  #commit(finished: Finished[]): null[] {
    const now = Date.now();
    let deliveries: Delivery[];
    try {
      deliveries = this.ctx.storage.transactionSync(() => finished.map((each) => this.#write(each, now)));
    } catch (error) {
      // Memory and storage may disagree now. Start again from storage: the alarm of I3 is armed.
      this.ctx.abort(`an attempt could not be recorded: ${String(error)}`);
      throw error;
    }
    for (const [index, delivery] of deliveries.entries()) {
      this.#window.finish(delivery.seq);
      this.#activity?.note(finished[index]?.at ?? now, delivery.state === "delivered");
      this.#logAttempt(delivery, finished[index]?.ending.ms ?? 0);
      this.#first.tell(delivery);
    }
    const due = deliveries.flatMap((delivery) => delivery.due ?? []);
    if (due.length > 0) this.#alarm.arm(wakeTime(Math.min(...due)));
    this.#saveFloor(FLOOR_STEP);
    return finished.map(() => null);
  }

  #write({ open, at, ending }: Finished, now: number): Delivery {
    this.#store.rollOver(now, this.#config.retentionMs, Math.max(this.#window.pos, this.#window.known));
    const context = { now, delaysMs: this.#config.retryMs, random: Math.random() };
    const delivery = nextDelivery(open, { at, ending }, context);
    this.#store.put(delivery, open.isNew);
    if (this.#health.judge(ending, at, this.#identity?.revision ?? 0)) this.#alarm.arm(at);
    return delivery;
  }

  /** Pulls what the window lacks, one batch at a time, while it has room. */
  async #catchUp(): Promise<void> {
    if (this.#pulling || this.#identity === null) return;
    const { id } = this.#identity;
    this.#pulling = true;
    try {
      while (this.#active && this.#window.needsMore && this.#window.roomy && !this.#crowded) {
        const answer = await this.#outbox().pull(id, this.#window.pos);
        if (answer === "gone") return await this.destroy();
        if ("expiredTo" in answer) this.#expire(answer.expiredTo);
        else {
          this.#window.known = Math.max(this.#window.known, answer.head);
          this.#window.take(answer.events, answer.upTo, (seq) => this.#store.has(seq));
        }
        this.#pullRetryMs = FIRST_PULL_RETRY_MS;
        this.#pump();
      }
    } catch (error) {
      logEvent("endpoint.pull_failed", { endpoint: id, error: String(error), retryMs: this.#pullRetryMs });
      this.#alarm.arm(Date.now() + this.#pullRetryMs);
      this.#pullRetryMs = Math.min(this.#pullRetryMs * 2, this.#config.leaseMs);
    } finally {
      this.#pulling = false;
    }
  }

  /** Retention took events before they were taken: one row says which, and the position moves on past them. */
  #expire(expiredTo: number): void {
    const from = this.#window.pos + 1;
    if (expiredTo < from) return;
    logEvent("endpoint.expired", { endpoint: this.#identity?.id ?? "", from, to: expiredTo });
    if (!this.#store.has(from)) {
      const row = { seq: from, id: "", type: "", due: null, mark: null, skip: 0, attempts: [], body: null };
      this.#store.put({ ...row, state: "expired", until: expiredTo }, true);
    }
    this.#window.pos = expiredTo;
  }

  #outbox(): DurableObjectStub<Outbox> {
    return this.env.OUTBOX.getByName(this.#identity?.tenant ?? TENANT);
  }

  get #crowded(): boolean {
    return this.#store.bytes > this.#config.storageLimit * FULL_SHARE;
  }

  #load(): void {
    const meta = this.#store.allMeta();
    this.#identity = (meta.identity ?? null) as Identity | null;
    this.#health.load(meta);
    this.#writtenFloor = Number(meta.floor ?? 0);
    this.#window = new Window(this.#writtenFloor);
  }

  #saveFloor(step: number): void {
    const { floor } = this.#window;
    if (floor - this.#writtenFloor < step) return;
    this.#store.setMeta("floor", floor);
    this.#writtenFloor = floor;
  }

  #armNext(now: number): void {
    const report = this.#reporter.nextAt(now);
    if (report !== null) this.#alarm.arm(report);
    if (!this.#active) return;
    const due = this.#store.nextDue(this.#window.open);
    // What is due already found no room: a finished attempt looks for it itself, the alarm is the safety.
    if (due !== null) this.#alarm.arm(due > now ? wakeTime(due) : now + this.#config.leaseMs);
    if (this.#window.size > 0 || this.#window.needsMore) this.#alarm.arm(now + this.#config.leaseMs);
  }

  #logAttempt({ id, seq, state, attempts, due }: Delivery, ms: number): void {
    const last = attempts.at(-1);
    const fields = { endpoint: this.#identity?.id ?? "", id, seq, attempt: attempts.length };
    logEvent("attempt.made", { ...fields, status: last?.status ?? 0, code: last?.code ?? null, ms, state });
    if (state === "due" && due !== null) logEvent("retry.scheduled", { ...fields, at: new Date(due).toISOString() });
  }
}
