import { evictDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { configOf } from "../../../workers/receiver/config.ts";
import type { Page } from "../../../workers/receiver/event/page.ts";
import { UNKNOWN_LINE } from "../../../workers/receiver/event/request-line.ts";
import type { Env } from "../../../workers/receiver/log/logs.ts";
import { accept, acceptMany, arrival } from "../support/arrivals.ts";
import { type Faults, hasten, injectKv, refuse } from "../support/faulty-kv.ts";
import {
  armedAt,
  call,
  DAY,
  get,
  inbox,
  inInbox,
  pass,
  runAlarm,
  SECOND,
  START,
  send,
  setTime,
  tables,
  useEmptyStorage,
  walk,
} from "../support/harness.ts";
import { checkInvariants, checkLooks, inKv } from "../support/invariants.ts";

const MINUTE = 60 * SECOND;
const QUOTA = "KV put() limit exceeded for the day.";

useEmptyStorage();

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const status = () => inbox().status();
const never = () => new Promise<never>(() => {});

/** Lets time pass, with every alarm that falls due. */
async function wait(ms: number): Promise<void> {
  const end = Date.now() + ms;
  for (let next = await armedAt(); next !== null && next <= end; next = await armedAt()) {
    setTime(Math.max(next, Date.now()));
    await runAlarm();
  }
  setTime(end);
}

/** Runs everything that is due until nothing waits. */
async function drain(): Promise<void> {
  for (let next = await armedAt(); next !== null; next = await armedAt()) await wait(Math.max(next - Date.now(), 0));
}

describe("an Inbox whose KV", () => {
  let turn = 0;
  const sometimes = <T>(next: () => Promise<T>) => (turn++ % 2 === 0 ? refuse()() : next());
  const faults: [name: string, faults: Faults][] = [
    ["refuses writes for the day", { put: refuse(QUOTA) }],
    ["refuses writes as too many", { put: refuse("KV PUT failed: 429 Too Many Requests") }],
    ["throws at writes", { put: refuse("KV PUT failed: 500 Internal Server Error") }],
    ["throws at every second write", { put: sometimes }],
    ["writes, and says that it did not", { put: async (next) => next().then(refuse()) }],
    ["never answers a write", { put: never }],
    ["writes, and never answers", { put: async (next) => next().then(never) }],
    ["does not show what it took", { get: async () => null }],
    ["shows a part of what it took", { get: async (next) => `${(await next())?.split("\n")[0]}\n` }],
    ["shows more than it took", { get: async (next) => `${await next()}{}\n` }],
    ["shows something else", { get: async () => "\n\n" }],
    ["throws at reads", { get: refuse() }],
    ["throws at every second read", { get: sometimes }],
    ["never answers a read", { get: never }],
    ["does nothing at all", { get: refuse(), put: refuse(), list: refuse(), delete: refuse() }],
  ];
  it.each(faults)("%s loses nothing, shows everything once, and drains when KV is well", async (_name, fault) => {
    await status();
    const calls = injectKv(fault);
    hasten();
    let sent = 0;
    for (let round = 0; round < 5; round++) {
      for (const id of ["a", "b"]) expect(await accept(`${round}${id}`)).toBe(++sent);
      await wait(11 * MINUTE);
      expect(await walk("after", 3)).toEqual(upTo(sent));
      expect(await walk("before", 4)).toEqual(upTo(sent).reverse());
      await checkInvariants(await inKv());
      if (round === 2) await evictDurableObject(inbox());
    }
    checkLooks(calls);
    injectKv({});
    await drain();
    const kv = await inKv();
    await checkInvariants(kv);
    expect(
      [...kv.values()]
        .flat()
        .map(({ seq }) => seq)
        .toSorted((a, b) => a - b),
    ).toEqual(upTo(sent));
    expect(await tables("tail")).toEqual([sent + 1]);
    expect(await status()).toMatchObject({ waiting: 0, oldestWaitingAt: null, kvFailing: false });
    expect(await walk("after", 3)).toEqual(upTo(sent));
  });

  it("answers a write after its deadline takes no harm", async () => {
    const late: (() => void)[] = [];
    injectKv({ put: (next) => new Promise((resolve) => late.push(() => resolve(next()))) });
    hasten();
    await accept("a");
    await wait(20 * MINUTE);
    expect(late.length).toBeGreaterThan(1);
    injectKv({});
    await drain();
    const before = await inKv();
    for (const write of late) write();
    await new Promise((done) => setTimeout(done, 20));
    expect(await inKv()).toEqual(before);
    expect(await walk("after", 1)).toEqual([1]);
  });

  it("refuses writes asks it no sooner because the alarm comes for something else", async () => {
    const calls = injectKv({ put: refuse() });
    await accept("a");
    await wait(120 * MINUTE);
    const refused = {
      source: "default",
      ...UNKNOWN_LINE,
      reason: "id_missing" as const,
      diagnosis: null,
      headers: [],
      bytes: 1,
    };
    for (let minute = 0; minute < 40; minute++) {
      // Of two in a minute the second is saved by the alarm.
      for (const at of [1, 2]) await inbox().reject({ ...refused, at }, { unseen: 0, fingerprint: null });
      await wait(MINUTE);
    }
    const puts = calls.filter(({ verb }) => verb === "put").map(({ at }) => at);
    for (const [index, at] of puts.slice(0, -1).entries()) {
      const waited = (puts[index + 1] ?? 0) - at;
      expect(waited).toBeGreaterThanOrEqual((at - START) / 8);
    }
    expect(await status()).toMatchObject({ waiting: 1, kvFailing: true });
  });

  it("is slow ends its alarm in time", async () => {
    injectKv({ put: refuse(QUOTA) });
    await acceptMany(upTo(12).map((n) => arrival(`a${n}`, { body: "x".repeat(500 * 1024) })));
    await wait(MINUTE);
    const calls = injectKv({
      put: async (next) => {
        pass(29 * SECOND);
        await next();
      },
    });
    setTime((await armedAt()) ?? Number.NaN);
    const began = Date.now();
    await runAlarm();
    expect(calls.filter(({ verb }) => verb === "put").length).toBeLessThan(12);
    expect(Date.now() - began).toBeLessThan(6 * MINUTE);
    await drain();
    expect((await inKv()).size).toBe(12);
  });
});

describe("status", () => {
  it("says how many events wait, and since when", async () => {
    const first = { waiting: 0, oldestWaitingAt: null, kvFailing: false, head: 0, segments: 0, rebuilt: null };
    expect(await status()).toMatchObject(first);
    injectKv({ put: refuse(QUOTA) });
    await accept("a");
    expect(await status()).toMatchObject({ waiting: 1, oldestWaitingAt: START, kvFailing: false, head: 1 });
    await wait(10 * MINUTE);
    await accept("b");
    const failing = { waiting: 2, oldestWaitingAt: START, kvFailing: true, head: 2, segments: 1 };
    expect(await status()).toMatchObject(failing);
    await evictDurableObject(inbox());
    expect(await status()).toMatchObject(failing);
    injectKv({});
    await drain();
    expect(await status()).toMatchObject({ waiting: 0, oldestWaitingAt: null, kvFailing: false, segments: 2 });
  });

  it("does not call a fresh seal a failure after a restart", async () => {
    await acceptMany(upTo(501).map((n) => arrival(`a${n}`)));
    await evictDurableObject(inbox());
    expect(await status()).toMatchObject({ waiting: 501, kvFailing: false });
  });
});

describe("STORAGE_LIMIT_MB", () => {
  /** Sets the limit, in bytes, of the running Inbox and those after it. */
  const limitTo = (storageLimit: number) =>
    inInbox((instance) => {
      Object.assign(configOf((instance as unknown as { env: Env }).env), { storageLimit });
    });
  afterEach(() => limitTo(1_000_000_000));

  const size = () => inInbox((_instance, { storage }) => storage.sql.databaseSize);

  it("makes the oldest keys go before any event, up to yesterday's at most, and tells so", async () => {
    const ids = (day: number) => Array.from({ length: 2000 }, (_, index) => arrival(`${day} ${index}`));
    for (const day of [0, 5, 10]) {
      setTime(START + day * DAY);
      await acceptMany(ids(day));
      await drain();
    }
    expect(await tables("seen")).toHaveLength(3);
    expect(await status()).toMatchObject({ space: "ample", seenSince: null });
    await limitTo((await size()) / 0.65);
    const log = vi.spyOn(console, "log");
    setTime(START + 10.5 * DAY);
    expect(await accept("new")).toBe(6001);
    expect(await tables("seen")).toEqual([5, 10].map((day) => START + day * DAY));
    const lines = log.mock.calls.map(([line]) => String(line)).filter((line) => line.includes("seen.dropped"));
    expect(lines).toEqual([expect.stringContaining(new Date(START + 5 * DAY).toISOString())]);
    expect(await status()).toMatchObject({ space: "ample", seenSince: START + 5 * DAY });
    expect(await (await call("/")).text()).toContain("the ids received before");
    expect(await inbox().accept(arrival("5 1"))).toMatchObject({ duplicate: true, seq: 2002 });
    expect(await inbox().accept(arrival("0 1"))).toMatchObject({ duplicate: false, seq: 6002 });
    expect((await get<Page>("/events?after=0&limit=1")).events).toMatchObject([{ seq: 1 }]);
    // The last day's keys stay, however little space is left.
    await limitTo((await size()) / 0.7);
    await accept("newer");
    expect(await tables("seen")).toHaveLength(2);
    await evictDurableObject(inbox());
    expect(await status()).toMatchObject({ space: "crowded", seenSince: START + 5 * DAY });
    setTime(START + 11 * DAY);
    await accept("newest");
    expect(await tables("seen")).toEqual([START + 10 * DAY]);
    setTime(START + 41 * DAY);
    expect(await status()).toMatchObject({ seenSince: null });
  });

  it("takes no key early while expired keys make space enough", async () => {
    for (const day of [0, 5, 10]) {
      setTime(START + day * DAY);
      await acceptMany(Array.from({ length: 2000 }, (_, index) => arrival(`${day} ${index}`)));
      await drain();
    }
    await limitTo((await size()) / 0.65);
    setTime(START + 35 * DAY);
    await accept("new");
    expect(await tables("seen")).toEqual([5, 10, 35].map((day) => START + day * DAY));
    expect(await status()).toMatchObject({ space: "ample", seenSince: null });
  });

  it("is no end: keys that fill it within a day go a day later", async () => {
    await acceptMany(Array.from({ length: 4000 }, (_, index) => arrival(`${index}`)));
    await drain();
    await limitTo((await size()) / 0.99);
    const sent = async (ms: number) => {
      setTime(START + ms);
      return (await inbox().accept(arrival("new"))).stored;
    };
    expect([await sent(DAY / 2), await sent(DAY), await sent(1.5 * DAY - 1)]).toEqual([false, false, false]);
    expect(await status()).toMatchObject({ space: "full", seenSince: null });
    expect(await sent(1.5 * DAY)).toBe(true);
    expect(await tables("seen")).toEqual([START + DAY / 2]);
    expect(await status()).toMatchObject({ space: "ample", seenSince: START + DAY / 2 });
  });

  it("is not passed by the arrivals of one turn, of which as many are taken as there is space for", async () => {
    injectKv({ put: refuse(QUOTA) });
    const LIMIT = 2_000_000;
    await status();
    await limitTo(LIMIT);
    const arrivals = upTo(40).map((n) => arrival(`${n}`, { body: "x".repeat(100_000) }));
    const answers = await inInbox((instance) => Promise.all(arrivals.map((one) => instance.accept(one))));
    const taken = answers.filter(({ stored }) => stored).length;
    expect(await size()).toBeLessThan(LIMIT);
    expect(taken).toBeGreaterThan(15);
    expect(answers.slice(taken)).toEqual(new Array(40 - taken).fill(expect.objectContaining({ full: true })));
    expect(await walk("after", 500)).toEqual(upTo(taken));
  });

  it("is never passed, nor is anything lost that was acknowledged, however long KV is away", async () => {
    injectKv({ put: refuse(QUOTA) });
    const LIMIT = 2_000_000;
    await status();
    await limitTo(LIMIT);
    const body = "x".repeat(100_000);
    const acknowledged: string[] = [];
    let refused: Response | null = null;
    for (let sent = 0; sent < 30 && refused === null; sent++) {
      const response = await send(`msg_${sent}`, body);
      if (response.status === 200) acknowledged.push(`msg_${sent}`);
      else refused = response;
      await wait(MINUTE);
    }
    expect([refused?.status, refused?.headers.get("retry-after")]).toEqual([503, "60"]);
    expect(await refused?.json()).toMatchObject({ code: "storage_full" });
    expect(acknowledged.length).toBeGreaterThan(15);
    expect(await size()).toBeLessThan(LIMIT);
    expect(await status()).toMatchObject({ space: "full", waiting: acknowledged.length, kvFailing: true });
    expect(await (await call("/")).text()).toContain("has reached STORAGE_LIMIT_MB");
    expect(await walk("after", 500)).toEqual(acknowledged.map((_, index) => index + 1));
    injectKv({});
    await drain();
    expect(await status()).toMatchObject({ space: "ample", waiting: 0 });
    expect((await send(`msg_${acknowledged.length}`, body)).headers.get("webhook-duplicate")).toBeNull();
    expect((await send("msg_0", body)).headers.get("webhook-duplicate")).toBe("true");
    expect(await walk("after", 500)).toEqual(upTo(acknowledged.length + 1));
    await checkInvariants(await inKv());
  });
});

describe("a long outage", () => {
  const WAITING = 20_000;
  const BATCH = 500;

  it(`of ${WAITING} events is held, shown, and drained at once when KV is back`, { timeout: 60_000 }, async () => {
    injectKv({ put: refuse(QUOTA) });
    const began = performance.now();
    for (let sent = 0; sent < WAITING; sent += BATCH) {
      await acceptMany(Array.from({ length: BATCH }, (_, index) => arrival(`${sent + index}`)));
      pass(SECOND);
    }
    console.log(`accepted ${WAITING} in ${performance.now() - began} ms`);
    expect(await status()).toMatchObject({ waiting: WAITING, head: WAITING });
    const size = await inInbox((_instance, { storage }) => storage.sql.databaseSize);
    await wait(30 * MINUTE);
    await evictDurableObject(inbox());
    expect(await get("/events?limit=1")).toMatchObject({ events: [{ seq: WAITING }] });
    expect(await get("/events?after=0&limit=1")).toMatchObject({ events: [{ seq: 1 }] });
    injectKv({});
    setTime((await armedAt()) ?? Number.NaN);
    const recovered = Date.now();
    for (let run = 0; (await status()).waiting > 0; run++) {
      expect(await armedAt(), "goes on at once").toBe(Date.now());
      await runAlarm();
      expect(run).toBeLessThan(2 + WAITING / BATCH / 20);
    }
    expect(Date.now()).toBe(recovered);
    await drain();
    expect(await tables("tail")).toEqual([WAITING + 1]);
    expect((await inKv()).size).toBe(WAITING / BATCH);
    expect(await walk("after", 500)).toEqual(upTo(WAITING));
    expect(await inInbox((_instance, { storage }) => storage.sql.databaseSize)).toBeLessThan(size);
    console.log(`all in ${performance.now() - began} ms`);
  });
});
