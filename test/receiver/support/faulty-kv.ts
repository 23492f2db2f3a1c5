import { vi } from "vitest";
import { env, evict, inInbox } from "./harness.ts";

/** KV as it may behave in production and never does locally: every life of every object meets the same faults. */

const { EVENTS } = env;
const local = {
  get: EVENTS.get.bind(EVENTS) as (key: string) => Promise<string | null>,
  put: EVENTS.put.bind(EVENTS),
  list: EVENTS.list.bind(EVENTS) as (options: KVNamespaceListOptions) => Promise<KVNamespaceListResult<unknown>>,
};

/**
 * Expiry of each key that was put since the faults were first injected, by the test's time, which local KV does not
 * know.
 */
const expiries = new Map<string, number>();
const isExpired = (key: string) => (expiries.get(key) ?? Number.POSITIVE_INFINITY) <= Date.now();

/** KV as it truly is, whatever is injected. */
const real = {
  get: async (key: string) => (isExpired(key) ? null : local.get(key)),
  put: async (key: string, value: string, options?: KVNamespacePutOptions) => {
    await local.put(key, value, options);
    const seconds = options?.expirationTtl ?? Number.POSITIVE_INFINITY;
    expiries.set(key, Date.now() + seconds * 1000);
  },
  list: async (options: KVNamespaceListOptions) => {
    const page = await local.list(options);
    return { ...page, keys: page.keys.filter(({ name }) => !isExpired(name)) };
  },
  delete: EVENTS.delete.bind(EVENTS) as (key: string) => Promise<void>,
};
export const realKv = { ...real, list: () => real.list({ prefix: "events/" }) };

export type KvCall = { verb: "get" | "put" | "list" | "delete"; key: string; at: number };

/**
 * A function before each call of KV, which returns KV's answer; `next` is the true call. Verbs that are not named stay
 * as they are. Undone by `vi.restoreAllMocks()`.
 */
export type Faults = {
  /** The Inbox's own reads. */
  get?: (next: () => Promise<string | null>, key: string) => Promise<string | null>;
  /** The Worker's, for a page. */
  read?: (next: () => Promise<string | null>, key: string) => Promise<string | null>;
  put?: (next: () => Promise<void>, key: string, value: string) => Promise<void>;
  list?: (next: () => Promise<KVNamespaceListResult<unknown>>) => Promise<KVNamespaceListResult<unknown>>;
  delete?: (next: () => Promise<void>, key: string) => Promise<void>;
};

/** Injects the faults; returns a list of the calls made from now on, which grows as they are made. */
export function injectKv(faults: Faults): KvCall[] {
  vi.restoreAllMocks();
  const calls: KvCall[] = [];
  const note = (verb: KvCall["verb"], key: string) => calls.push({ verb, key, at: Date.now() });
  vi.spyOn(EVENTS, "get").mockImplementation((async (key: string, options: unknown) => {
    note("get", key);
    // Only a page's read of a segment without a tail comes with options.
    const fault = typeof options === "object" ? faults.read : faults.get;
    const text = await (fault ?? ((next) => next()))(() => real.get(key), key);
    return options === "json" && text !== null ? JSON.parse(text) : text;
  }) as never);
  vi.spyOn(EVENTS, "put").mockImplementation((async (key: string, value: string, options: KVNamespacePutOptions) => {
    note("put", key);
    await (faults.put ?? ((next) => next()))(() => real.put(key, value, options), key, value);
  }) as never);
  vi.spyOn(EVENTS, "list").mockImplementation((async (options: KVNamespaceListOptions) => {
    note("list", options.prefix ?? "");
    return (faults.list ?? ((next) => next()))(() => real.list(options));
  }) as never);
  vi.spyOn(EVENTS, "delete").mockImplementation((async (key: string) => {
    note("delete", key);
    await (faults.delete ?? ((next) => next()))(() => real.delete(key), key);
  }) as never);
  return calls;
}

export const refuse =
  (message = "KV is down") =>
  (): Promise<never> =>
    Promise.reject(new Error(message));

/** Returns a list that does not show yet the keys that `hides` names. */
export function laggingList(hides: (key: string) => boolean): NonNullable<Faults["list"]> {
  return async (next) => {
    const page = await next();
    return { ...page, keys: page.keys.filter(({ name }) => !hides(name)) };
  };
}

/** Deletes the Inbox's storage, and evicts the object. */
export async function loseStorage(): Promise<void> {
  await inInbox((_instance, { storage }) => storage.deleteAll());
  await evict();
}

/** Makes a deadline of seconds pass in milliseconds, until the mocks are restored. */
export function hasten(): void {
  const real = globalThis.setTimeout;
  const hastened = (work: () => void, ms = 0) => real(work, ms >= 1000 ? ms / 1000 : ms);
  vi.spyOn(globalThis, "setTimeout").mockImplementation(hastened as never);
}
