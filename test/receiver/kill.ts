import { evictDurableObject } from "cloudflare:test";
import { vi } from "vitest";
import { injectKv, type KvCall } from "./faulty-kv.ts";
import { inbox, inInbox } from "./harness.ts";

/**
 * Kills the Inbox at one point of what it does, as a dying process would: nothing of the turn that it dies in is
 * stored, no line after it runs. The points: each commit, each call of KV before it has an effect, and after it.
 */
export class Killer {
  readonly calls: KvCall[];
  killed = false;
  #passed = 0;
  #at = Number.POSITIVE_INFINITY;
  #ctx: DurableObjectState | null = null;

  private constructor(statePrototype: DurableObjectState, storagePrototype: DurableObjectStorage) {
    this.calls = injectKv({
      get: (next) => this.#around(next),
      put: (next) => this.#around(next),
      list: (next) => this.#around(next),
      delete: (next) => this.#around(next),
    });
    const killer = this;
    const { transactionSync } = storagePrototype;
    const { blockConcurrencyWhile } = statePrototype;
    // Each life of an object begins with this call.
    vi.spyOn(statePrototype, "blockConcurrencyWhile").mockImplementation(function (this: DurableObjectState, work) {
      killer.#ctx = this;
      return blockConcurrencyWhile.call(this, work) as never;
    });
    vi.spyOn(storagePrototype, "transactionSync").mockImplementation(function (this: DurableObjectStorage, work) {
      return transactionSync.call(this, () => {
        const result = work();
        if (killer.#isNext()) killer.#kill();
        return result;
      }) as never;
    });
  }

  /** From here on it meets every life of the Inbox. */
  static async create(): Promise<Killer> {
    const prototypes = await inInbox((_instance, state) => [
      Object.getPrototypeOf(state),
      Object.getPrototypeOf(state.storage),
    ]);
    const [statePrototype, storagePrototype] = prototypes as [DurableObjectState, DurableObjectStorage];
    const killer = new Killer(statePrototype, storagePrototype);
    await evictDurableObject(inbox());
    return killer;
  }

  /** The point number `at` from here on kills; the first one is 0. */
  arm(at: number): void {
    this.#passed = 0;
    this.#at = at;
  }

  disarm(): void {
    this.arm(Number.POSITIVE_INFINITY);
  }

  /** Who dies in a call of KV has stored what it committed before; who dies in a commit has not. */
  async #around<T>(next: () => Promise<T>): Promise<T> {
    await this.#killInKv();
    const answer = await next();
    await this.#killInKv();
    return answer;
  }

  async #killInKv(): Promise<void> {
    if (!this.#isNext()) return;
    await this.#life.storage.sync();
    this.#kill();
  }

  #isNext(): boolean {
    return this.#passed++ === this.#at;
  }

  #kill(): void {
    this.killed = true;
    this.#life.abort("killed by the test");
  }

  get #life(): DurableObjectState {
    if (this.#ctx === null) throw new Error("the killer missed the beginning of this life");
    return this.#ctx;
  }
}
