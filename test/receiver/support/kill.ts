import { evictDurableObject } from "cloudflare:test";
import { vi } from "vitest";
import type { Inbox } from "../../../workers/receiver/inbox/inbox.ts";
import { injectKv, type KvCall } from "./faulty-kv.ts";
import { inbox, inInbox } from "./harness.ts";

type Prototypes = { inbox: Inbox; state: DurableObjectState; storage: DurableObjectStorage };

/** Calls that change the Inbox, and calls of readers. */
const ORDERS = ["accept", "alarm", "clear"] as const;
const QUESTIONS = ["fetch", "page", "records"] as const;
/** The error that callers of a dying Inbox get. */
const DEATH = "killed by the test";
const NEVER = new Promise<never>(() => {});

/**
 * Kills the Inbox at one point of its work, as if its process died: everything that it has not stored is gone, and no
 * line after the point has an effect. The points: in each commit, of which nothing is kept then; after each commit,
 * before anybody gets an answer; around each call of KV, each question of a reader, each attachment written to a socket
 * and each message sent to it; while the Worker reads KV. A point is passed over when nothing was stored or sent since
 * the point before and no time went by: both deaths are the same.
 */
export class Killer {
  readonly calls: KvCall[];
  killed = false;
  /** The names of the points since the killer was armed, to tell what was covered. */
  readonly points: string[] = [];
  #at = Number.POSITIVE_INFINITY;
  #ctx: DurableObjectState | null = null;
  #sockets = new WeakSet<WebSocket>();
  #dying = false;
  #news = true;
  #lastAt = Number.NaN;

  private constructor(prototypes: Prototypes) {
    this.calls = injectKv({
      get: (next) => this.#around("get", next, false),
      list: (next) => this.#around("list", next, false),
      put: (next) => this.#around("put", next, true),
      delete: (next) => this.#around("delete", next, true),
      read: async (next) => {
        await this.#killMeanwhile("a page's read of KV");
        return next();
      },
    });
    this.#meetLives(prototypes.state);
    this.#meetCommits(prototypes.storage);
    for (const name of [...ORDERS, ...QUESTIONS]) this.#meetCalls(prototypes.inbox, name);
    this.#meetSockets(prototypes.state);
  }

  /** Creates a killer that meets every life of the Inbox from here on. */
  static async create(): Promise<Killer> {
    const prototypes = await inInbox((instance, state) => [
      Object.getPrototypeOf(instance),
      Object.getPrototypeOf(state),
      Object.getPrototypeOf(state.storage),
    ]);
    const [ofInbox, state, storage] = prototypes as [Inbox, DurableObjectState, DurableObjectStorage];
    const killer = new Killer({ inbox: ofInbox, state, storage });
    await evictDurableObject(inbox());
    return killer;
  }

  /** Returns whether an error only says that the Inbox died. */
  isDeath(error: unknown): boolean {
    return this.killed && String(error).includes(DEATH);
  }

  /** Makes point number `at` from here on kill; the first point is 0. */
  arm(at: number): void {
    this.points.length = 0;
    this.#at = at;
    this.#news = true;
  }

  /** A point outside the Inbox's own work: the Worker reads KV for a page. */
  async #killMeanwhile(name: string): Promise<void> {
    if (!this.#isNext(name)) return;
    this.killed = true;
    await inInbox((_instance, state) => state.abort(DEATH)).catch(() => {});
  }

  #meetLives(prototype: DurableObjectState): void {
    const killer = this;
    const { blockConcurrencyWhile } = prototype;
    // Each life of an object begins with this call.
    vi.spyOn(prototype, "blockConcurrencyWhile").mockImplementation(function (this: DurableObjectState, work) {
      killer.#ctx = this;
      killer.#dying = false;
      return blockConcurrencyWhile.call(this, work) as never;
    });
  }

  #meetCommits(prototype: DurableObjectStorage): void {
    const killer = this;
    const { transactionSync } = prototype;
    vi.spyOn(prototype, "transactionSync").mockImplementation(function (this: DurableObjectStorage, work) {
      const result = transactionSync.call(this, () => {
        const result = work();
        if (killer.#dying || killer.#isNext("in a commit")) killer.#kill();
        return result;
      });
      killer.#news = true;
      if (killer.#isNext("after a commit")) killer.#killOnceStored();
      return result as never;
    });
  }

  /** Leaves the caller of a dying object without an answer, whatever was done. */
  #meetCalls(prototype: Inbox, name: (typeof ORDERS)[number] | (typeof QUESTIONS)[number]): void {
    const killer = this;
    const isQuestion = QUESTIONS.some((question) => question === name);
    const work = prototype[name] as (...values: unknown[]) => unknown;
    vi.spyOn(prototype, name).mockImplementation(async function (this: Inbox, ...values: unknown[]) {
      if (isQuestion && killer.#isNext(`asked to ${name}`)) killer.#kill();
      const answer = await work.apply(this, values);
      if (killer.#dying) await NEVER;
      killer.#news = true;
      return answer as never;
    } as never);
  }

  #meetSockets(prototype: DurableObjectState): void {
    const killer = this;
    const { acceptWebSocket } = prototype;
    vi.spyOn(prototype, "acceptWebSocket").mockImplementation(function (this: DurableObjectState, socket, tags) {
      killer.#sockets.add(socket);
      return acceptWebSocket.call(this, socket, tags ?? []);
    });
    for (const name of ["serializeAttachment", "send"] as const) {
      const work = WebSocket.prototype[name] as (value: unknown) => void;
      vi.spyOn(WebSocket.prototype, name).mockImplementation(function (this: WebSocket, value: unknown) {
        if (!killer.#sockets.has(this)) return work.call(this, value);
        if (killer.#isNext(`before ${name}`)) killer.#killOnceStored();
        if (killer.#dying) return;
        work.call(this, value);
        killer.#news = true;
        if (killer.#isNext(`after ${name}`)) killer.#killOnceStored();
      });
    }
  }

  /**
   * Calls KV between two points. An object that dies here has stored its commits; one that dies in a commit has not.
   */
  async #around<T>(verb: string, next: () => Promise<T>, writes: boolean): Promise<T> {
    await this.#killInKv(`before ${verb}`);
    const answer = await next();
    this.#news ||= writes;
    await this.#killInKv(`after ${verb}`);
    return answer;
  }

  async #killInKv(name: string): Promise<void> {
    if (this.#isNext(name)) this.#killOnceStored();
    if (this.#dying) await NEVER;
  }

  #isNext(name: string): boolean {
    if (this.#dying || (!this.#news && this.#lastAt === Date.now())) return false;
    this.#news = false;
    this.#lastAt = Date.now();
    return this.points.push(name) - 1 === this.#at;
  }

  /** Kills once the commits are on disk; nothing after this has an effect. */
  #killOnceStored(): void {
    this.#dying = true;
    void this.#life.storage.sync().then(() => this.#kill());
  }

  #kill(): void {
    this.killed = true;
    this.#life.abort(DEATH);
  }

  get #life(): DurableObjectState {
    if (this.#ctx === null) throw new Error("the killer missed the beginning of this life");
    return this.#ctx;
  }
}
