import { DurableObject } from "cloudflare:workers";
import { type AttemptResult, attempt } from "../../shared/attempt.ts";
import { gather } from "../../shared/gather.ts";
import { parseSigningKey, type SigningKey } from "../../shared/secret.ts";
import { logEvent } from "../../shared/telemetry.ts";
import { type Delivery, type DeliveryState, EndpointStore, type Identity } from "./endpoint-store.ts";
import { type Config, configOf, type Env } from "./env.ts";
import type { Offer } from "./handover.ts";
import { nextDelivery } from "./outcome.ts";
import { type Open, Window } from "./window.ts";

/** One registered callback URL: its position in the log, its attempts, its retry alarm. */

export type OfferAnswer = "taken" | "gone" | "stale" | "disabled";
export type ConfigureCall = Identity & { from: number | null };
/** The first attempt at an event: how the delivery stands after it, or that there was none yet. */
export type FirstOutcome = { state: DeliveryState | "pending"; status: number; code: string | null };
export type EndpointStatus = { floor: number; idle: boolean; retrying: number; lastOutcome: FirstOutcome | null };

/** Connections that may wait for headers at once in one object; more would wait in the platform, unseen. */
const SLOTS = 6;
/** Outgoing requests in one event delivered to the object: the free plan ends an invocation at 50. */
const BUDGET = 40;
/** After so many timeouts in a row one attempt at a time: six hanging requests help nobody. */
const TIMEOUTS_TO_SLOW = 3;
/** Finished attempts are written together; more delay would hold back the next ones. */
const COMMIT_DELAY_MS = 2;
/** The floor is written when it moved this far: a restart looks at no more rows than this again. */
const FLOOR_STEP = 500;
const FIRST_OUTCOME_MS = 10_000;
const FIRST_PULL_RETRY_MS = 1000;
/** Above this share of the storage nothing more is taken: the position waits in the log. */
const FULL_SHARE = 0.6;

type Finished = { open: Open; at: number; result: AttemptResult };

export class Endpoint extends DurableObject<Env> {
  readonly #config: Config;
  readonly #store: EndpointStore;
  readonly #record: (finished: Finished) => Promise<null>;
  readonly #waiting = new Map<number, ((outcome: FirstOutcome) => void)[]>();
  #identity: Identity | null = null;
  #keys: SigningKey[] = [];
  #window = new Window(0);
  #writtenFloor = 0;
  #armed: number | null = null;
  #inFlight = 0;
  #budget = BUDGET;
  #timeouts = 0;
  #pulling = false;
  #pullRetryMs = FIRST_PULL_RETRY_MS;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#config = configOf(env);
    this.#store = new EndpointStore(ctx.storage);
    this.#record = gather((finished: Finished[]) => this.#commit(finished), COMMIT_DELAY_MS);
    if (this.#store.exists) this.#load();
    ctx.blockConcurrencyWhile(async () => {
      this.#armed = await ctx.storage.getAlarm();
    });
  }

  /** Takes the registry's configuration; makes the schema of an endpoint it has not met. Safe to repeat. */
  configure({ from, ...identity }: ConfigureCall): "done" | "older" {
    if (this.#identity !== null && identity.revision < this.#identity.revision) return "older";
    const wasEnabled = this.#identity?.config.enabled ?? false;
    const now = Date.now();
    try {
      this.ctx.storage.transactionSync(() => {
        if (!this.#store.exists) this.#store.create(from ?? 0, now);
        this.#store.setMeta("identity", identity);
      });
    } catch (error) {
      this.#store.reload();
      throw error;
    }
    if (this.#identity === null) this.#load();
    this.#useIdentity(identity);
    if (!identity.config.enabled) this.#window.reset();
    if (identity.config.enabled && !wasEnabled) {
      this.#window.behind = true;
      this.#arm(now);
    }
    return "done";
  }

  /** Events from the log; answered at once, never after a delivery. `taken`: they are this object's to deliver. */
  offer({ after, upTo, events, revision }: Offer): OfferAnswer {
    if (this.#identity === null) return "gone";
    if (revision > this.#identity.revision) return "stale";
    if (!this.#identity.config.enabled) return "disabled";
    this.#budget = BUDGET;
    // I3: from here on these events are ours, so the alarm stands in the commit that this answer waits for.
    this.#arm(Date.now() + this.#config.leaseMs);
    this.#window.known = Math.max(this.#window.known, upTo);
    if (after > this.#window.pos || this.#crowded) this.#window.behind = true;
    else this.#window.take(events, upTo, (seq) => this.#store.has(seq));
    this.#advance();
    return "taken";
  }

  /** How the first attempt at an event ended, after its row is durable; `pending` after 10 s. */
  async firstOutcome(seq: number): Promise<FirstOutcome> {
    const known = this.#store.exists ? this.#store.delivery(seq) : null;
    if (known !== null) return summary(known);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve({ state: "pending", status: 0, code: null }), FIRST_OUTCOME_MS);
      const answer = (outcome: FirstOutcome) => {
        clearTimeout(timer);
        resolve(outcome);
      };
      this.#waiting.set(seq, [...(this.#waiting.get(seq) ?? []), answer]);
    });
  }

  deliveries(query: { before: number | null; limit: number; state: DeliveryState | null }): Delivery[] {
    return this.#store.exists ? this.#store.list(query) : [];
  }

  status(): EndpointStatus {
    const [last] = this.deliveries({ before: null, limit: 1, state: null });
    return {
      floor: this.#window.floor,
      idle: this.#window.size === 0 && !this.#window.needsMore,
      retrying: this.#store.exists ? this.#store.retrying : 0,
      lastOutcome: last === undefined ? null : summary(last),
    };
  }

  /** Does what the alarm would: heals one that was lost. */
  wake(): void {
    if (this.#identity !== null) this.#work();
  }

  /** For measurements: rows written since the object started. */
  stats(): { rowsWritten: number } {
    return { rowsWritten: this.#store.rowsWritten };
  }

  override alarm(): void {
    this.#armed = null;
    if (this.#identity === null) return;
    try {
      this.#work();
    } catch (error) {
      // An alarm that throws six times is gone for good.
      logEvent("endpoint.alarm_failed", { endpoint: this.#identity.id, error: String(error) });
      this.#arm(Date.now() + this.#config.leaseMs);
    }
  }

  #work(): void {
    const now = Date.now();
    this.#budget = BUDGET;
    if (this.#identity?.config.enabled) {
      this.#openDue(now);
      this.#saveFloor(1);
      this.#advance();
    }
    this.#store.dropExpired(now, this.#config.retentionMs);
    this.#armNext(now);
  }

  /** Due retries that are not under way, in order of due time, as far as the window has room. */
  #openDue(now: number): void {
    if (this.#window.full) return;
    for (const due of this.#store.due(now, BUDGET, this.#window.open)) {
      if (this.#window.full) return;
      this.#window.add({ ...due, body: due.body ?? "", isNew: false });
    }
  }

  #advance(): void {
    this.#pump();
    if (this.#window.needsMore) this.ctx.waitUntil(this.#catchUp());
  }

  /** Starts attempts while there are slots, budget and something to send. */
  #pump(): void {
    const slots = this.#timeouts >= TIMEOUTS_TO_SLOW ? 1 : SLOTS;
    while (this.#inFlight < slots && this.#window.queued > 0) {
      if (this.#budget === 0) {
        // The next event delivered to the object brings a new budget, and this asks for one.
        this.#arm(Date.now());
        return;
      }
      const open = this.#window.next();
      if (open === undefined) return;
      this.#budget--;
      this.#inFlight++;
      this.ctx.waitUntil(this.#deliver(open));
    }
  }

  async #deliver(open: Open): Promise<void> {
    const at = Date.now();
    const { url } = this.#identity?.config ?? { url: "" };
    const request = { url, id: open.id, timestamp: Math.floor(at / 1000), body: open.body, keys: this.#keys };
    const result = await attempt(request, { fetch: (input, init) => fetch(input, init), now: Date.now });
    this.#inFlight--;
    this.#timeouts = result.code === "timeout" ? this.#timeouts + 1 : 0;
    const recorded = this.#record({ open, at, result });
    this.#pump();
    await recorded;
    this.#openDue(Date.now());
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
      this.#logAttempt(delivery, finished[index]?.result.ms ?? 0);
      for (const answer of this.#waiting.get(delivery.seq) ?? []) answer(summary(delivery));
      this.#waiting.delete(delivery.seq);
    }
    const due = deliveries.flatMap((delivery) => delivery.due ?? []);
    if (due.length > 0) this.#arm(Math.min(...due));
    this.#saveFloor(FLOOR_STEP);
    return finished.map(() => null);
  }

  #write({ open, at, result }: Finished, now: number): Delivery {
    this.#store.rollOver(now, this.#config.retentionMs, Math.max(this.#window.pos, this.#window.known));
    const delivery = nextDelivery(open, { at, result }, { now, delaysMs: this.#config.retryMs, random: Math.random() });
    this.#store.put(delivery, open.isNew);
    return delivery;
  }

  /** Pulls what the window lacks, one batch at a time, while it has room. */
  async #catchUp(): Promise<void> {
    if (this.#pulling || this.#identity === null) return;
    const { id, tenant } = this.#identity;
    this.#pulling = true;
    try {
      while (this.#identity?.config.enabled && this.#window.needsMore && this.#window.roomy && !this.#crowded) {
        const answer = await this.env.OUTBOX.getByName(tenant).pull(id, this.#window.pos);
        if (answer === "gone") return await this.#destroy();
        if ("expiredTo" in answer) this.#expire(answer.expiredTo);
        else {
          this.#window.known = Math.max(this.#window.known, answer.head);
          this.#window.behind = false;
          this.#window.take(answer.events, answer.upTo, (seq) => this.#store.has(seq));
        }
        this.#pullRetryMs = FIRST_PULL_RETRY_MS;
        this.#pump();
      }
      // Nothing under way will look again, and nothing is missing: the floor can follow.
      if (this.#window.size === 0) this.#saveFloor(FLOOR_STEP);
    } catch (error) {
      logEvent("endpoint.pull_failed", { endpoint: id, error: String(error), retryMs: this.#pullRetryMs });
      this.#arm(Date.now() + this.#pullRetryMs);
      this.#pullRetryMs = Math.min(this.#pullRetryMs * 2, this.#config.leaseMs);
    } finally {
      this.#pulling = false;
    }
  }

  /** Retention took events before they were taken: the position moves on past them. */
  #expire(expiredTo: number): void {
    logEvent("endpoint.expired", { endpoint: this.#identity?.id ?? "", from: this.#window.pos + 1, to: expiredTo });
    this.#window.pos = Math.max(this.#window.pos, expiredTo);
  }

  async #destroy(): Promise<void> {
    this.#identity = null;
    this.#window = new Window(0);
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    this.ctx.abort("the endpoint was deleted");
  }

  get #crowded(): boolean {
    return this.#store.bytes > this.#config.storageLimit * FULL_SHARE;
  }

  #load(): void {
    const identity = this.#store.meta<Identity>("identity");
    if (identity !== null) this.#useIdentity(identity);
    this.#writtenFloor = this.#store.meta<number>("floor") ?? 0;
    this.#window = new Window(this.#writtenFloor);
  }

  #useIdentity(identity: Identity): void {
    this.#identity = identity;
    this.#keys = identity.config.secrets.flatMap(({ key }) => {
      const parsed = parseSigningKey(key);
      return parsed.ok ? [parsed.key] : [];
    });
  }

  #saveFloor(step: number): void {
    const { floor } = this.#window;
    if (floor - this.#writtenFloor < step) return;
    this.#store.setMeta("floor", floor);
    this.#writtenFloor = floor;
  }

  /** The one alarm, at the earliest of what it is asked for. */
  #arm(at: number): void {
    if (this.#armed !== null && this.#armed <= at) return;
    this.#armed = at;
    this.#store.rowsWritten++;
    this.ctx.waitUntil(this.ctx.storage.setAlarm(at));
  }

  #armNext(now: number): void {
    if (!this.#identity?.config.enabled) return;
    const due = this.#store.nextDue(this.#window.open);
    // What is due already found no room: a finished attempt looks for it itself, the alarm is the safety.
    if (due !== null) this.#arm(due > now ? due : now + this.#config.leaseMs);
    if (this.#window.size > 0 || this.#window.needsMore) this.#arm(now + this.#config.leaseMs);
  }

  #logAttempt({ id, seq, state, attempts, due }: Delivery, ms: number): void {
    const last = attempts.at(-1);
    const fields = { endpoint: this.#identity?.id ?? "", id, seq, attempt: attempts.length };
    logEvent("attempt.made", { ...fields, status: last?.status ?? 0, code: last?.code ?? null, ms, state });
    if (due !== null) logEvent("retry.scheduled", { ...fields, at: new Date(due).toISOString() });
  }
}

function summary({ state, attempts }: Delivery): FirstOutcome {
  const last = attempts.at(-1);
  return { state, status: last?.status ?? 0, code: last?.code ?? null };
}
