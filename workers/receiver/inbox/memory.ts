import { withDeadline } from "../../../shared/deadline.ts";
import { type Space, spaceIn } from "../../../shared/durable/space.ts";
import { Sql, transact } from "../../../shared/durable/sql.ts";

import { Problem } from "../../../shared/http/problem.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { Rejections } from "../rejected/rejections.ts";
import type { InboxContext, RunResult } from "./context.ts";
import { flush, flushRetryAt } from "./flush.ts";
import { doHousekeeping, housekeepingRetryAt } from "./housekeeping.ts";
import { forgetSeen } from "./space.ts";
import { type KnownLog, start } from "./start.ts";
import { wakeAt } from "./state/rules.ts";
import type { InboxState, LogIdentity, Timing } from "./state/state.ts";
import { Ledger } from "./storage/ledger.ts";
import { InboxStore } from "./storage/tails.ts";

/** A run that moved nothing is not repeated sooner. */
const IDLE_MS = 30_000;
/** How long the requests that woke the object wait for KV, when it must say first what the log is. */
const START_WAIT_MS = 10_000;
/** Refused requests start no further try sooner: KV is in trouble already. */
const START_AGAIN_MS = 5_000;

type MemoryPort = { kv(): KVNamespace; timing: Timing; space: { storageLimit: number } };

/**
 * What an Inbox knows of its log, and the one way to change it: in a transaction, with the alarm that the change
 * needs in the same commit. Nothing is known before the tables have said what the log holds or, when they are
 * gone, KV.
 */
export class InboxMemory {
  readonly store: InboxStore;
  readonly ledger: Ledger;
  readonly rejections = new Rejections();
  readonly #ctx: DurableObjectState;
  readonly #port: MemoryPort;
  readonly #sql: Sql;
  #life: KnownLog | null = null;
  #starting = false;
  #startAgainAt = 0;
  #alarmsWritten = 0;
  /** While a flush runs its end arms what is due; until then an accept arms only against a crash of it. */
  #flushing = false;

  constructor(ctx: DurableObjectState, port: MemoryPort) {
    this.#ctx = ctx;
    this.#port = port;
    this.#sql = new Sql(ctx.storage.sql);
    this.store = new InboxStore(this.#sql);
    this.ledger = new Ledger(this.#sql);
    // What is late here goes on in the background, and what fails is tried again: a throw would lose the object.
    void ctx.blockConcurrencyWhile(() => withDeadline(this.#start(), START_WAIT_MS).catch(() => {}));
  }

  get identity(): LogIdentity {
    return this.#known.identity;
  }

  get state(): InboxState {
    return this.#known.state;
  }

  set state(state: InboxState) {
    this.#known.state = state;
  }

  /** Whether memory alone knows of some refused requests. */
  get holdsRejections(): boolean {
    return (this.#life?.state.housekeeping.rejectedAt ?? null) !== null;
  }

  /** Since this object woke, alarms among them. */
  get rowsWritten(): number {
    return this.#sql.rowsWritten + this.#alarmsWritten;
  }

  /** Memory follows the tables only once they have taken the change, and is read anew when they have not. */
  commit<Result>(work: (draft: InboxState) => Result): Result {
    const draft = { ...this.state };
    const result = transact(
      this.#ctx.storage,
      () => work(draft),
      () => {
        this.state = { ...this.state, ...this.store.load() };
      },
    );
    this.state = draft;
    return result;
  }

  /** Arms the alarm for what `state` waits for, not before `earliest`, unless one that soon stands already. */
  arm(state: InboxState, earliest: number): void {
    const due = wakeAt(state, this.#port.timing);
    if (due === null) return;
    const time = Math.max(due, this.#flushing ? earliest + IDLE_MS : earliest);
    if (state.armed !== null && state.armed <= time) return;
    void this.#ctx.storage.setAlarm(time);
    this.#alarmsWritten += 1;
    state.armed = time;
  }

  /** What the alarm is for: moves what is due into KV. Never throws: six failed runs would end the alarm for good. */
  async work(): Promise<void> {
    if (this.#life === null && !this.#starting) await this.#start();
    // Something waits, or no alarm would have been set; what, is not known yet.
    if (this.#life === null) return this.#ctx.storage.setAlarm(Date.now() + IDLE_MS);
    this.state = { ...this.state, armed: null };
    this.#flushing = true;
    const flushed = await this.#attempt("flush.failed", flush);
    const done = await this.#attempt("chores.failed", doHousekeeping);
    this.#flushing = false;
    const now = Date.now();
    const retryAt = flushRetryAt(flushed, this.state, now);
    const housekeeping = {
      ...this.state.housekeeping,
      retryAt: housekeepingRetryAt(done, this.state.housekeeping, now),
    };
    // What accepts armed meanwhile was for the case that this line is never reached.
    this.state = { ...this.state, armed: null, retryAt, housekeeping };
    this.arm(this.state, flushed.progressed || done.progressed ? now : now + IDLE_MS);
  }

  /**
   * How much space is left with `arriving` bytes more, after what could be done for it. Never throws: a drop that is
   * refused is tried again.
   */
  makeSpace(arriving: number): Space {
    const space = spaceIn(this.store.bytes + arriving, this.#port.space.storageLimit);
    if (space === "ample") return space;
    try {
      return forgetSeen(this.#open(), arriving);
    } catch (error) {
      logEvent("room.failed", { error: String(error) });
      return space;
    }
  }

  #open(): InboxContext {
    return {
      kv: this.#port.kv(),
      identity: this.identity,
      timing: this.#port.timing,
      storageLimit: this.#port.space.storageLimit,
      store: this.store,
      ledger: this.ledger,
      rejections: this.rejections,
      now: () => Date.now(),
      state: () => this.state,
      commit: (change) => this.commit(change),
    };
  }

  async #attempt(failure: string, work: (inbox: InboxContext) => Promise<RunResult>): Promise<RunResult> {
    try {
      return await work(this.#open());
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
        kv: this.#port.kv(),
        storage: this.#ctx.storage,
        store: this.store,
        ledger: this.ledger,
        timing: this.#port.timing,
        log: this.#ctx.id.name,
        arm: (state) => this.arm(state, Date.now()),
      });
      this.rejections.load(this.ledger.note("rejections"));
    } catch (error) {
      logEvent("start.failed", { error: String(error) });
      this.#startAgainAt = Date.now() + START_AGAIN_MS;
    }
    this.#starting = false;
  }

  /** The log as it is known. @throws Problem `log_unavailable` while it is not; another try is begun. */
  get #known(): KnownLog {
    if (this.#life !== null) return this.#life;
    if (!this.#starting && Date.now() >= this.#startAgainAt) this.#ctx.waitUntil(this.#start());
    throw new Problem("log_unavailable", "What the log holds is not known yet; nothing was taken or shown.", {
      headers: { "retry-after": String(START_AGAIN_MS / 1000) },
    });
  }
}
