import { DurableObject } from "cloudflare:workers";
import { toHex } from "../../shared/bytes.ts";
import { gather } from "../../shared/gather.ts";
import { logEvent } from "../../shared/telemetry.ts";
import type { Arrival } from "./arrival.ts";
import { type Config, configOf, type Env } from "./env.ts";
import { acceptOne, type Place } from "./inbox-accept.ts";
import { flush } from "./inbox-flush.ts";
import { LiveViewers } from "./inbox-live.ts";
import { type Found, find, type PageQuery, type PageSlice, page, records, type Slice } from "./inbox-pages.ts";
import { retryDelay, type State, trustedAlarm, wakeAt } from "./inbox-plan.ts";
import type { Identity } from "./inbox-schema.ts";
import { InboxStore } from "./inbox-store.ts";
import type { EventRow } from "./record.ts";

/** `stored: false`: nothing of this arrival was kept, and it may be sent again. */
export type Accepted = ({ stored: true } & Place) | { stored: false; error: string };

/** A run that moved nothing is not repeated sooner. */
const IDLE_MS = 30_000;

/**
 * The head of one log: gives each event its seq, once, and moves sealed runs of events into KV.
 *
 * Invariants: an event is in a tail, or in a segment that was read back after the grace; nobody reads a
 * segment before that; sealed rows never change; the tails are an unbroken end of the log; while anything
 * waits in a tail an alarm is armed, in the commit that made it wait.
 */
export class Inbox extends DurableObject<Env> {
  readonly #config: Config;
  readonly #store: InboxStore;
  readonly #identity: Identity;
  readonly #accept = gather((arrivals: Arrival[]) => {
    const accepted = this.#acceptAll(arrivals);
    this.#live.notify();
    return accepted;
  });
  readonly #live: LiveViewers;
  #state: State;
  #alarmsWritten = 0;
  /** While a flush runs its end arms what is due; until then an accept arms only against a crash of it. */
  #flushing = false;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#config = configOf(env);
    this.#store = new InboxStore(ctx.storage.sql);
    this.#identity = this.#store.identity() ?? ctx.storage.transactionSync(() => this.#create());
    this.#state = { ...this.#store.load(), armed: null, retryAt: null };
    this.#live = new LiveViewers(ctx, () => this.#view());
    void ctx.blockConcurrencyWhile(() => this.#recoverAlarm());
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

  /** The head of the log, and the rows written since this object woke, its alarms among them. */
  stats(): { head: number; rowsWritten: number } {
    return { head: this.#state.next - 1, rowsWritten: this.#store.rowsWritten + this.#alarmsWritten };
  }

  /** How many watch the log at this moment. */
  viewers(): number {
    return this.#live.size;
  }

  /** Never throws: six failed runs would end the alarm for good. */
  override async alarm(): Promise<void> {
    this.#state = { ...this.#state, armed: null };
    this.#flushing = true;
    let progressed = false;
    let retryAt: number | null = null;
    try {
      const result = await this.#flush();
      progressed = result.progressed;
      if (result.failed) retryAt = Date.now() + retryDelay(this.#state.sealed, Date.now());
    } catch (error) {
      logEvent("flush.failed", { error: String(error) });
      retryAt = Date.now() + IDLE_MS;
    }
    this.#flushing = false;
    // What accepts armed meanwhile was for the case that this line is never reached.
    this.#state = { ...this.#state, armed: null, retryAt };
    this.#arm(this.#state, progressed ? Date.now() : Date.now() + IDLE_MS);
  }

  #flush() {
    return flush({
      kv: this.env.EVENTS,
      identity: this.#identity,
      timing: this.#config,
      store: this.#store,
      now: () => Date.now(),
      state: () => this.#state,
      commit: (work) => this.#commit(work),
    });
  }

  #create(): Identity {
    // Stored by the call that makes the object, which knows its name: the run of an alarm may not.
    const log = this.ctx.id.name;
    if (log === undefined) throw new Error("an Inbox is reached by its name");
    return this.#store.create(log, toHex(crypto.getRandomValues(new Uint8Array(4))));
  }

  async #recoverAlarm(): Promise<void> {
    const armed = trustedAlarm(await this.ctx.storage.getAlarm(), Date.now());
    // A new life does not know the errors of the last, but when that one meant to try again.
    const waiting = this.#state.sealed.some((segment) => segment.putAt === null);
    this.#state = { ...this.#state, armed, retryAt: waiting ? armed : null };
    this.#arm(this.#state, Date.now());
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
      this.#arm(draft, this.#flushing ? context.now + IDLE_MS : context.now);
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
    const time = Math.max(due, earliest);
    if (state.armed !== null && state.armed <= time) return;
    void this.ctx.storage.setAlarm(time);
    this.#alarmsWritten += 1;
    state.armed = time;
  }

  #view() {
    return { sql: this.ctx.storage.sql, state: this.#state, timing: this.#config, now: Date.now() };
  }
}
