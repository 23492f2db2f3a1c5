import type { WaitQuery } from "../protocol.ts";

/**
 * Readers at the head of the log that wait for it to grow. Kept in memory alone: when the object goes, their
 * calls fail and are made again. A waiting call keeps the object awake, and nothing of it busy.
 */

/** What a read of the log answers: `last` is the last seq it looked at, `head` where the log ends. */
type Page = { events: readonly unknown[]; last: number; head: number };
type Waiter<P> = { resolve: (page: P) => void; reject: (reason: unknown) => void };
/** Those who ask for the same share one read; `query.after` moves past what its filter leaves out. */
type Group<P> = { query: WaitQuery; waiting: Set<Waiter<P>> };

/** Each holds a connection and a timer; more are answered at once, as without waiting. */
export const MAX_WAITERS = 1000;

export class LongPoll<P extends Page> {
  readonly #read: (query: WaitQuery) => P;
  /** By what was asked at first. */
  readonly #groups = new Map<string, Group<P>>();
  /** What ends a wait that its caller has given an id. */
  readonly #ends = new Map<string, () => void>();
  #count = 0;
  #woken = false;

  /** @param read one page of the log, synchronously */
  constructor(read: (query: WaitQuery) => P) {
    this.#read = read;
  }

  /** The page after the query's position: at once when it says anything, else when it does, or after `waitMs`. */
  page(query: WaitQuery, waitMs: number, id: string = crypto.randomUUID()): P | Promise<P> {
    const page = this.#read(query);
    if (waitMs <= 0 || saysAnything(page) || this.#count >= MAX_WAITERS) return page;
    // Nothing can be logged between the read and this: it is one turn.
    return this.#wait({ ...query, after: page.last }, { waitMs, id });
  }

  /** Ends a wait now, as its time does: whoever asked is gone. */
  leave(id: string): void {
    this.#ends.get(id)?.();
  }

  /**
   * To be called after each commit that may have logged something. The reading is done later, once for all that
   * is logged in this turn: no publisher waits for readers.
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

  /** Answers a group that there is something for; any other waits on from where this read ended. */
  #serve(key: string, group: Group<P>): void {
    const last = this.#answer(group.waiting, group.query, saysAnything);
    if (last === null) this.#groups.delete(key);
    else group.query = { ...group.query, after: last };
  }

  /** @returns null when they were answered, else the last seq of a page that is not `worth` an answer */
  #answer(waiters: Iterable<Waiter<P>>, query: WaitQuery, worth: (page: P) => boolean = () => true): number | null {
    try {
      const page = this.#read(query);
      if (!worth(page)) return page.last;
      for (const { resolve } of waiters) resolve(page);
    } catch (error) {
      // Uncaught in a timer it would be nobody's failure.
      for (const { reject } of waiters) reject(error);
    }
    return null;
  }
}

/** Events, or a position that the reader should know of: where a read gave up, or a head before its cursor. */
function saysAnything({ events, last, head }: Page): boolean {
  return events.length > 0 || last !== head;
}
