import type { WaitQuery } from "../protocol.ts";

/** A read of the log: `last` is the last seq that was looked at, `head` where the log ends. */
type ReadPage = { events: readonly unknown[]; last: number; head: number };
type Waiter<P> = { resolve: (page: P) => void; reject: (reason: unknown) => void };
/** Waiters with the same query share one read. `query.after` moves past events that the query leaves out. */
type Group<P> = { query: WaitQuery; waiting: Set<Waiter<P>> };

/** Each waiter holds a connection and a timer; further ones are answered at once, as without waiting. */
export const MAX_WAITERS = 1000;

/**
 * Holds back the answers of readers at the head until the log grows. Memory only: when the object goes, their calls
 * fail and are made again. A waiting call keeps the object awake, but not at work.
 */
export class LongPoll<P extends ReadPage> {
  readonly #read: (query: WaitQuery) => P;
  /** The groups by their first query. */
  readonly #groups = new Map<string, Group<P>>();
  /** By the id that a caller has given: ends its wait. */
  readonly #ends = new Map<string, () => void>();
  #count = 0;
  #woken = false;

  /** `read` returns one page of the log, synchronously. */
  constructor(read: (query: WaitQuery) => P) {
    this.#read = read;
  }

  /**
   * Returns the page after the query's position: at once when it tells anything, else when it does or after `waitMs`.
   */
  page(query: WaitQuery, waitMs: number, id: string = crypto.randomUUID()): P | Promise<P> {
    const page = this.#read(query);
    if (waitMs <= 0 || tellsAnything(page) || this.#count >= MAX_WAITERS) return page;
    // Nothing can be logged between the read and the wait: both are in one turn.
    return this.#wait({ ...query, after: page.last }, { waitMs, id });
  }

  /** Ends a wait now, as its deadline would: the caller has left. */
  leave(id: string): void {
    this.#ends.get(id)?.();
  }

  /**
   * Looks for events for those who wait; to be called after each commit that may have logged something. Reads later,
   * once for everything that is logged in this turn: no publisher waits for readers.
   */
  wake(): void {
    if (this.#woken || this.#groups.size === 0) return;
    this.#woken = true;
    setTimeout(() => {
      this.#woken = false;
      for (const [key, group] of [...this.#groups]) this.#serve(key, group);
    });
  }

  async #wait(query: WaitQuery, { waitMs, id }: { waitMs: number; id: string }): Promise<P> {
    const key = `${query.after} ${query.limit} ${query.type ?? ""}`;
    const group = this.#groups.get(key) ?? { query, waiting: new Set() };
    const waiter = Promise.withResolvers<P>();
    this.#groups.set(key, group);
    group.waiting.add(waiter);
    this.#count++;
    const end = () => void this.#answer([waiter], group.query);
    const timer = setTimeout(end, waitMs);
    this.#ends.set(id, end);
    try {
      return await waiter.promise;
    } finally {
      clearTimeout(timer);
      this.#ends.delete(id);
      this.#count--;
      group.waiting.delete(waiter);
      if (group.waiting.size === 0 && this.#groups.get(key) === group) this.#groups.delete(key);
    }
  }

  /** Answers a group when there is something for it; otherwise it waits on from where this read ended. */
  #serve(key: string, group: Group<P>): void {
    const last = this.#answer(group.waiting, group.query, tellsAnything);
    if (last === null) this.#groups.delete(key);
    else group.query = { ...group.query, after: last };
  }

  /** Returns null when the waiters were answered, else the last seq of a page that is not `worth` an answer. */
  #answer(waiters: Iterable<Waiter<P>>, query: WaitQuery, worth: (page: P) => boolean = () => true): number | null {
    try {
      const page = this.#read(query);
      if (!worth(page)) return page.last;
      for (const { resolve } of waiters) resolve(page);
    } catch (error) {
      // Uncaught in a timer, the error would reach nobody.
      for (const { reject } of waiters) reject(error);
    }
    return null;
  }
}

/**
 * Returns true for events, or for a position to know of: where a read gave up, or a head before the reader's cursor.
 */
function tellsAnything({ events, last, head }: ReadPage): boolean {
  return events.length > 0 || last !== head;
}
