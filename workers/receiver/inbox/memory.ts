import { withDeadline } from "../../../shared/deadline.ts";
import { Alarm } from "../../../shared/durable/alarm.ts";
import { type Space, spaceIn } from "../../../shared/durable/space.ts";
import { Sql, transact } from "../../../shared/durable/sql.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { Rejections } from "../rejected/rejections.ts";
import { armFor, type KnownLog, start } from "./start.ts";
import type { InboxState, LogIdentity, Timing } from "./state/state.ts";
import { InboxStore } from "./storage/schema.ts";

/** The Inbox's memory of its log: what the tables say, the transaction that changes both, and the alarm. */

/** A run of the alarm that moved nothing is not repeated sooner. */
const IDLE_MS = 30_000;
/** The requests that wake the object wait this long for KV, when KV must say first what the log holds. */
const START_WAIT_MS = 10_000;
/** Requests that are answered 503 begin no other try sooner: KV is in trouble already. */
const START_AGAIN_MS = 5_000;

/** The configuration of one Inbox; `storageLimit` in bytes. */
export type InboxConfig = Timing & { storageLimit: number };

/**
 * The Inbox's knowledge of its log, and the one way to change it: in a transaction. Nothing is accepted or shown before
 * the tables, or KV when they are gone, have said what the log holds.
 */
export class InboxMemory {
  readonly config: InboxConfig;
  readonly store: InboxStore;
  readonly rejections = new Rejections();
  readonly #ctx: DurableObjectState;
  readonly #kv: () => KVNamespace;
  readonly #alarm: Alarm;
  #log: KnownLog | null = null;
  #starting = false;
  #startAgainAt = 0;
  #running = false;

  constructor(ctx: DurableObjectState, config: InboxConfig, kv: () => KVNamespace) {
    this.config = config;
    const sql = new Sql(ctx.storage.sql);
    this.store = new InboxStore(sql);
    this.#ctx = ctx;
    this.#kv = kv;
    this.#alarm = new Alarm(ctx, sql);
    // A start that takes longer goes on in the background, and one that fails is repeated: a throw would lose the object.
    void ctx.blockConcurrencyWhile(() => withDeadline(this.#start(), START_WAIT_MS).catch(() => {}));
  }

  get kv(): KVNamespace {
    return this.#kv();
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

  /** Returns how much space is left in the storage beside `arriving` bytes. */
  spaceLeft(arriving: number): Space {
    return spaceIn(this.store.sql.bytes + arriving, this.config.storageLimit);
  }

  /** Whether some rejected requests stand in memory alone. */
  get holdsRejections(): boolean {
    return (this.#log?.state.housekeeping.rejectedAt ?? null) !== null;
  }

  /**
   * Changes the log: `work` writes to the tables and to a draft of the state. The draft becomes the state once the
   * tables have taken the change; after a rollback both are read again.
   */
  commit<Result>(work: (draft: InboxState) => Result): Result {
    const draft = { ...this.state };
    const reload = () => {
      this.store.reload();
      this.state = { ...this.state, ...this.store.load() };
    };
    const result = transact(this.#ctx.storage, () => work(draft), reload);
    this.state = draft;
    return result;
  }

  /**
   * Arms the alarm for what the log waits for, not before `earliest`. In the turn of a commit this is part of it (I6,
   * armed while anything waits). During a run of the alarm its end arms what is due; until then this is only for a crash.
   */
  arm(earliest: number): void {
    armFor(this.#alarm, this.state, this.config, this.#running ? earliest + IDLE_MS : earliest);
  }

  /** Runs the alarm's `work`, which returns whether it moved anything and never throws, and arms the alarm again. */
  async run(work: () => Promise<boolean>): Promise<void> {
    if (this.#log === null && !this.#starting) await this.#start();
    this.#alarm.fired();
    if (this.#log === null) {
      // Something waits, or no alarm would have been set; the next run knows what.
      this.#alarm.arm(Date.now() + IDLE_MS);
      return;
    }
    this.#running = true;
    const progressed = await work();
    this.#running = false;
    // What accepts armed meanwhile was for the case that this line is never reached.
    this.#alarm.fired();
    this.arm(progressed ? Date.now() : Date.now() + IDLE_MS);
  }

  /** Finds out what the log holds. Never rejects: a later call tries again. */
  async #start(): Promise<void> {
    this.#starting = true;
    try {
      const { store, config: timing, kv } = this;
      const { storage, id } = this.#ctx;
      this.#log = await start({ kv, storage, store, alarm: this.#alarm, timing, log: id.name });
      this.rejections.load(store.ledger.note("rejections"));
    } catch (error) {
      logEvent("start.failed", { error: String(error) });
      this.#startAgainAt = Date.now() + START_AGAIN_MS;
    }
    this.#starting = false;
  }

  /** The log as it is known. @throws Problem `log_unavailable` while it is not; another try is begun. */
  get #known(): KnownLog {
    if (this.#log !== null) return this.#log;
    if (!this.#starting && Date.now() >= this.#startAgainAt) this.#ctx.waitUntil(this.#start());
    throw new Problem("log_unavailable", "What the log holds is not known yet; nothing was taken or shown.", {
      headers: { "retry-after": String(START_AGAIN_MS / 1000) },
    });
  }
}
