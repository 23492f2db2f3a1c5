import { DurableObject } from "cloudflare:workers";
import { withDeadline } from "../../shared/deadline.ts";
import { gather } from "../../shared/gather.ts";
import { Problem } from "../../shared/problem.ts";
import { logEvent } from "../../shared/telemetry.ts";
import type { Arrival } from "./arrival.ts";
import { type Config, configOf, type Env } from "./env.ts";
import type { Histogram } from "./histogram.ts";
import { acceptOne, type Place } from "./inbox-accept.ts";
import { arrivals } from "./inbox-arrivals.ts";
import { choresRetryAt, doChores } from "./inbox-chores.ts";
import { type ClearResult, clear } from "./inbox-clear.ts";
import { countEvents, type EventCounts } from "./inbox-counts.ts";
import { type Flushing, type FlushResult, flush } from "./inbox-flush.ts";
import { Ledger } from "./inbox-ledger.ts";
import { LiveViewers } from "./inbox-live.ts";
import { type Found, find, type PageQuery, type PageSlice, page, records, type Slice } from "./inbox-pages.ts";
import { retryDelay, type State, wakeAt } from "./inbox-plan.ts";
import type { Identity } from "./inbox-schema.ts";
import { type Life, start } from "./inbox-start.ts";
import { type InboxStatus, statusOf } from "./inbox-status.ts";
import { InboxStore } from "./inbox-store.ts";
import type { EventRow } from "./record.ts";
import { type Rejection, type RejectionCounts, Rejections } from "./rejections.ts";

/** `stored: false`: nothing of this arrival was kept, and it may be sent again. */
export type Accepted = ({ stored: true } & Place) | { stored: false; error: string };

/** Of each source; null: not known. */
export type LogCounts = { events: EventCounts | null; rejected: RejectionCounts | null };

/** A run that moved nothing is not repeated sooner. */
const IDLE_MS = 30_000;
/** How long the requests that woke the object wait for KV, when it must say first what the log is. */
const START_WAIT_MS = 10_000;
/** Refused requests start no further try sooner: KV is in trouble already. */
const START_AGAIN_MS = 5_000;

/**
 * The head of one log: gives each event its seq, once, and moves sealed runs of events into KV.
 *
 * Invariants: an event is in a tail, or in a segment that was read back after the grace; nobody reads a
 * segment before that; sealed rows never change; the tails are an unbroken end of the log; while anything
 * waits in a tail an alarm is armed, in the commit that made it wait. Nothing is accepted or shown before it is
 * known what the log holds: the tables say it, or, when they are gone, KV.
 */
export class Inbox extends DurableObject<Env> {
  readonly #config: Config;
  readonly #store: InboxStore;
  readonly #ledger: Ledger;
  readonly #rejections = new Rejections();
  readonly #accept = gather((arrivals: Arrival[]) => {
    const accepted = this.#acceptAll(arrivals);
    this.#live.notify();
    return accepted;
  });
  readonly #live: LiveViewers;
  #life: Life | null = null;
  #starting = false;
  #startAgainAt = 0;
  #alarmsWritten = 0;
  /** While a flush runs its end arms what is due; until then an accept arms only against a crash of it. */
  #flushing = false;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#config = configOf(env);
    this.#store = new InboxStore(ctx.storage.sql);
    this.#ledger = new Ledger(ctx.storage.sql);
    this.#live = new LiveViewers(ctx, () => this.#view());
    // What is late here goes on in the background, and what fails is tried again: a throw would lose the object.
    void ctx.blockConcurrencyWhile(() => withDeadline(this.#start(), START_WAIT_MS).catch(() => {}));
  }

  /** One verified request; answered once it is in the log for good. */
  accept(arrival: Arrival): Promise<Accepted> {
    return this.#accept(arrival);
  }

  page(query: PageQuery): PageSlice {
    return page(this.#view(), query);
  }

  /** A page of whole rows, for who reads bodies. */
  records(query: PageQuery): Slice<EventRow> {
    return records(this.#view(), query);
  }

  find(seq: number): Found | null {
    return find(this.#view(), seq);
  }

  /** The upgrade to a viewer's socket, which the Worker has authenticated. */
  override fetch(request: Request): Response {
    return this.#live.open(request);
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    this.#live.message(socket, message);
  }

  override webSocketClose(socket: WebSocket): void {
    this.#live.closed(socket);
  }

  override webSocketError(socket: WebSocket): void {
    this.#live.closed(socket);
  }

  /** How many events came in each hour of the last day. */
  arrivals(): Histogram {
    return arrivals(this.ctx.storage.sql, this.#state, Date.now());
  }

  /** Clears one source, or the whole log: at once for every reader, then from KV. */
  clear(source: string | null): ClearResult {
    const clearing = { store: this.#store, ledger: this.#ledger, epoch: this.#identity.epoch, now: Date.now() };
    return this.#commit((draft) => {
      const result = clear(clearing, draft, source);
      this.#arm(draft, clearing.now);
      return result;
    });
  }

  /** A refused request, of which its sender has been told; `unseen` others were refused besides. */
  reject(rejection: Rejection, unseen: number): void {
    const state = this.#state;
    this.#rejections.add(rejection, unseen);
    if (state.chores.refusedAt !== null) return;
    const now = Date.now();
    this.#state = { ...state, chores: { ...state.chores, refusedAt: now } };
    this.#arm(this.#state, now);
  }

  /** The newest refused requests, of one source or of all, and how many there were of each. */
  rejections(source: string | null): { kept: Rejection[]; counts: RejectionCounts } {
    return { kept: this.#rejections.list(source), counts: this.#rejections.counts() };
  }

  /** What the log shows of each source, and what was refused of it. */
  counts(): LogCounts {
    return { events: countEvents(this.#view()), rejected: this.#rejections.counts() };
  }

  /** What waits, and whether KV takes it. */
  status(): InboxStatus {
    return statusOf(this.#state, this.#ledger);
  }

  /** The head of the log, and the rows written since this object woke, its alarms among them. */
  stats(): { head: number; rowsWritten: number } {
    const rowsWritten = this.#store.rowsWritten + this.#ledger.rowsWritten + this.#alarmsWritten;
    return { head: this.#state.next - 1, rowsWritten };
  }

  /** How many watch the log at this moment. */
  viewers(): number {
    return this.#live.size;
  }

  /** Never throws: six failed runs would end the alarm for good. */
  override async alarm(): Promise<void> {
    if (this.#life === null && !this.#starting) await this.#start();
    // Something waits, or no alarm would have been set; what, is not known yet.
    if (this.#life === null) return this.ctx.storage.setAlarm(Date.now() + IDLE_MS);
    this.#state = { ...this.#state, armed: null };
    this.#flushing = true;
    const flushed = await this.#attempt("flush.failed", flush);
    const done = await this.#attempt("chores.failed", doChores);
    this.#flushing = false;
    const now = Date.now();
    const retryAt = flushed.failed ? now + retryDelay(this.#state.sealed, now) : null;
    const chores = { ...this.#state.chores, retryAt: choresRetryAt(done, this.#state.chores, now) };
    // What accepts armed meanwhile was for the case that this line is never reached.
    this.#state = { ...this.#state, armed: null, retryAt, chores };
    this.#arm(this.#state, flushed.progressed || done.progressed ? now : now + IDLE_MS);
  }

  async #attempt(failure: string, work: (inbox: Flushing) => Promise<FlushResult>): Promise<FlushResult> {
    try {
      return await work({
        kv: this.env.EVENTS,
        identity: this.#identity,
        timing: this.#config,
        store: this.#store,
        ledger: this.#ledger,
        rejections: this.#rejections,
        now: () => Date.now(),
        state: () => this.#state,
        commit: (change) => this.#commit(change),
      });
    } catch (error) {
      logEvent(failure, { error: String(error) });
      return { progressed: false, failed: true };
    }
  }

  /** Finds out what the log holds. Never rejects: a later call tries again. */
  async #start(): Promise<void> {
    this.#starting = true;
    try {
      this.#life = await start({
        kv: this.env.EVENTS,
        storage: this.ctx.storage,
        store: this.#store,
        ledger: this.#ledger,
        timing: this.#config,
        log: this.ctx.id.name,
        arm: (state) => this.#arm(state, Date.now()),
      });
      this.#rejections.load(this.#ledger.note("rejections"));
    } catch (error) {
      logEvent("start.failed", { error: String(error) });
      this.#startAgainAt = Date.now() + START_AGAIN_MS;
    }
    this.#starting = false;
  }

  /** The log as it is known. @throws Problem `log_unavailable` while it is not; another try is begun. */
  get #known(): Life {
    if (this.#life !== null) return this.#life;
    if (!this.#starting && Date.now() >= this.#startAgainAt) this.ctx.waitUntil(this.#start());
    throw new Problem("log_unavailable", "What the log holds is not known yet; nothing was taken or shown.", {
      headers: { "retry-after": String(START_AGAIN_MS / 1000) },
    });
  }

  get #identity(): Identity {
    return this.#known.identity;
  }

  get #state(): State {
    return this.#known.state;
  }

  set #state(state: State) {
    this.#known.state = state;
  }

  /** All arrivals of one turn in one commit; if that fails, each in its own: a bad one refuses no other. */
  #acceptAll(arrivals: Arrival[]): Accepted[] {
    try {
      return this.#acceptTogether(arrivals);
    } catch (error) {
      if (arrivals.length === 1) return [{ stored: false, error: String(error) }];
      return arrivals.flatMap((arrival) => this.#acceptAll([arrival]));
    }
  }

  #acceptTogether(arrivals: Arrival[]): Accepted[] {
    const context = { now: Date.now(), epoch: this.#identity.epoch, timing: this.#config };
    return this.#commit((draft) => {
      const places = arrivals.map((arrival) => acceptOne(this.#store, draft, arrival, context));
      this.#arm(draft, context.now);
      return places.map((place) => ({ stored: true, ...place }));
    });
  }

  /** Memory follows the tables only once they have taken the change, and is read anew when they have not. */
  #commit<Result>(work: (draft: State) => Result): Result {
    const draft = { ...this.#state };
    try {
      const result = this.ctx.storage.transactionSync(() => work(draft));
      this.#state = draft;
      return result;
    } catch (error) {
      this.#state = { ...this.#state, ...this.#store.load() };
      throw error;
    }
  }

  /** Arms the alarm for what `state` waits for, not before `earliest`, unless one that soon stands already. */
  #arm(state: State, earliest: number): void {
    const due = wakeAt(state, this.#config);
    if (due === null) return;
    const time = Math.max(due, this.#flushing ? earliest + IDLE_MS : earliest);
    if (state.armed !== null && state.armed <= time) return;
    void this.ctx.storage.setAlarm(time);
    this.#alarmsWritten += 1;
    state.armed = time;
  }

  #view() {
    const { sql } = this.ctx.storage;
    const { tombstones } = this.#state.chores;
    return { sql, state: this.#state, timing: this.#config, now: Date.now(), tombstones };
  }
}
