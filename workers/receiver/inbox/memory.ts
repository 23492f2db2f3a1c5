import { toHex } from "../../../shared/bytes.ts";
import { withDeadline } from "../../../shared/deadline.ts";
import { Alarm } from "../../../shared/durable/alarm.ts";
import { type Space, spaceIn } from "../../../shared/durable/space.ts";
import { Sql, transact } from "../../../shared/durable/sql.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { HOUR_MS } from "../../../shared/time.ts";
import type { Config } from "../config.ts";
import { Rejections } from "../rejected/rejections.ts";
import { createFrom, readHoldings } from "./rebuild.ts";
import { Repetitions } from "./repetitions.ts";
import { isAhead } from "./state/clock-rules.ts";
import { wakeAt } from "./state/rules.ts";
import type { InboxState, LogIdentity, MemoryNote, Timing } from "./state/state.ts";
import { InboxStore } from "./storage/schema.ts";
import { InboxCounts } from "./tally.ts";

/** The Inbox's memory of its log: where it comes from, the transaction that changes it, and the alarm that it needs. */

/** A run of the alarm that moved nothing is not repeated sooner. */
const IDLE_MS = 30_000;
/** The requests that wake the object wait this long for KV, when KV must say first what the log holds. */
const START_WAIT_MS = 10_000;
/** Requests that are answered 503 begin no other try sooner: KV is in trouble already. */
const START_AGAIN_MS = 5_000;

/** The configuration of one Inbox; `storageLimit` in bytes. */
type InboxConfig = Timing & Pick<Config, "storageLimit" | "alerts" | "sources">;

type KnownLog = { identity: LogIdentity; state: InboxState };

/**
 * The Inbox's knowledge of its log. Nothing is accepted or shown before the tables, or KV when there are none, have said
 * what the log holds.
 */
export class InboxMemory {
  readonly config: InboxConfig;
  readonly store: InboxStore;
  readonly rejections = new Rejections();
  readonly repetitions = new Repetitions();
  readonly counts = new InboxCounts();
  /** The notes that changed since they were last saved. */
  readonly unsaved = new Set<MemoryNote>();
  /** Returns when the alarm is to run for something else than the log, later than `now`; null for never. */
  wakesBesides: (now: number) => number | null = () => null;
  readonly #ctx: DurableObjectState;
  readonly #kv: () => KVNamespace;
  readonly #alarm: Alarm;
  #log: KnownLog | null = null;
  #starting = false;
  #startAgainAt = 0;
  #running = false;
  #awake: ReturnType<typeof setTimeout> | null = null;

  constructor(ctx: DurableObjectState, config: InboxConfig, kv: () => KVNamespace) {
    const sql = new Sql(ctx.storage.sql);
    this.config = config;
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

  /** Keeps the object for so long: an idle one would be dropped from memory, with its notes, before its alarm comes. */
  stayAwake(ms: number): void {
    this.#awake = setTimeout(() => {}, ms);
  }

  /** Lets an idle object be dropped from memory. */
  rest(): void {
    if (this.#awake !== null) clearTimeout(this.#awake);
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
    const due = wakeAt(this.state, this.config);
    if (due !== null) this.#alarm.arm(Math.max(due, this.#running ? earliest + IDLE_MS : earliest));
    if (this.#log === null) return;
    const besides = this.wakesBesides(Date.now());
    if (besides !== null) this.#alarm.arm(besides);
  }

  /** Arms the alarm for `at` (unix ms), whatever the log waits for. */
  armAt(at: number): void {
    this.#alarm.arm(at);
  }

  /** Arms the alarm for what the log waits for, and drops one that was set by a clock that was ahead. */
  rearm(earliest: number): void {
    this.#alarm.fired();
    this.arm(earliest);
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
    // An alarm that an accept armed meanwhile was for the case that this line is never reached.
    this.#alarm.fired();
    this.arm(progressed ? Date.now() : Date.now() + IDLE_MS);
  }

  /** Finds out what the log holds: from its tables, or from KV when there are none. Never rejects: a later call retries. */
  async #start(): Promise<void> {
    this.#starting = true;
    try {
      const identity = this.store.identity();
      if (identity === null) await this.#rebuild();
      else await this.#wake(identity);
      this.rejections.load(this.store.ledger.note("rejections"));
      const { housekeeping } = this.state;
      this.state = { ...this.state, housekeeping: { ...housekeeping, forgetAt: this.rejections.forgetAt } };
      this.arm(Date.now());
      this.repetitions.load(this.store.ledger.note("repetitions"));
    } catch (error) {
      logEvent("start.failed", { error: String(error) });
      this.#startAgainAt = Date.now() + START_AGAIN_MS;
    }
    this.#starting = false;
  }

  async #wake(stored: LogIdentity): Promise<void> {
    const migrate = () => this.store.migrated(stored);
    const identity = transact(this.#ctx.storage, migrate, () => this.store.reload());
    const now = Date.now();
    await this.#alarm.load(now);
    const state = this.#read();
    // The errors of the life before are not known; only when that life meant to try again is.
    const waits = state.sealed.some((segment) => segment.putAt === null);
    const armed = this.#alarm.at;
    const isRetry = waits && armed !== null && armed > now && !isAhead(armed, now, HOUR_MS);
    this.#log = { identity, state: { ...state, retryAt: isRetry ? armed : null } };
    this.arm(now);
  }

  async #rebuild(): Promise<void> {
    const log = this.#ctx.id.name;
    // From here on the name is kept in the tables: a run of the alarm may not know it.
    if (log === undefined) throw new Error("an Inbox is reached by its name");
    const holdings = await readHoldings(this.kv, log);
    const epoch = toHex(crypto.getRandomValues(new Uint8Array(4)));
    const now = Date.now();
    const create = () => createFrom(holdings, { store: this.store, timing: this.config, log, epoch, now });
    const identity = transact(this.#ctx.storage, create, () => this.store.reload());
    this.#log = { identity, state: this.#read() };
    this.arm(now);
  }

  /** Reads the state from the tables. */
  #read(): InboxState {
    const { ledger } = this.store;
    const [log, housekeeping] = [this.store.load(), ledger.housekeeping()];
    // A log that has events but no note of who verified them, or has lost the note with its storage, does not know.
    const complete = log.next === 1 && housekeeping.rebuilt === null;
    return { ...log, retryAt: null, housekeeping, verified: ledger.note("verified") ?? { complete, sources: {} } };
  }

  /** The log as it is known. @throws Problem `log_unavailable` while it is not; another try is begun. */
  get #known(): KnownLog {
    if (this.#log !== null) return this.#log;
    const wait = this.#startAgainAt - Date.now();
    if (!this.#starting && (wait <= 0 || wait > START_AGAIN_MS)) this.#ctx.waitUntil(this.#start());
    throw new Problem("log_unavailable", "The log is being read or rebuilt. Nothing was taken or shown; try again.", {
      headers: { "retry-after": String(START_AGAIN_MS / 1000) },
    });
  }
}
