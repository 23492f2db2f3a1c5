import { evictDurableObject, reset, runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { accept } from "../support/arrivals.ts";
import { injectKv, laggingList, loseStorage, realKv, refuse } from "../support/faulty-kv.ts";
import {
  armedAt,
  call,
  DAY,
  env,
  get,
  inbox,
  inInbox,
  pass,
  rowsWritten,
  runAlarm,
  SECOND,
  START,
  setTime,
  tables,
  useEmptyStorage,
} from "../support/harness.ts";
import { checkInvariants, inKv } from "../support/invariants.ts";

const FLUSH = 300 * SECOND;

useEmptyStorage();

/** Logs one event of each named source: `a1` is the first of source `a`, and so on. */
async function log(...ids: string[]): Promise<void> {
  for (const id of ids) await accept(id, { source: id.slice(0, 1) });
}

/** Seals and puts the open tail. */
async function put(): Promise<void> {
  pass(FLUSH);
  await runAlarm();
}

/** Lets KV show the segments that were put, and their tails go. */
async function settle(): Promise<void> {
  pass(FLUSH);
  while ((await armedAt()) !== null && ((await armedAt()) ?? 0) <= Date.now()) await runAlarm();
}

/** Runs everything that is due, until nothing waits. */
async function drain(): Promise<void> {
  for (let next = await armedAt(); next !== null; next = await armedAt()) {
    setTime(Math.max(next, Date.now()));
    await runAlarm();
  }
}

const ids = async () =>
  (await get<{ events: { id: string }[] }>("/events?limit=500&after=0")).events.map(({ id }) => id);

async function clear(query = ""): Promise<unknown> {
  const response = await call(`/events${query}`, { method: "DELETE" });
  expect(response.status).toBe(200);
  return response.json();
}

describe("DELETE /events", () => {
  it("clears the whole log: at once for readers, then in KV", async () => {
    await log("a1", "b1");
    await put();
    await settle();
    await log("a2");
    await put();
    await log("a3", "b2");
    expect(await clear()).toEqual({ cleared: 5, remainInKv: 0, uncounted: 0, keysToDelete: 3 });
    expect(await ids()).toEqual([]);
    expect(await get("/events")).toEqual({ events: [], next: null });
    for (const seq of [1, 3, 4]) expect((await call(`/events/${seq}`)).status).toBe(404);
    expect(await tables("tail")).toEqual([6]);
    await checkInvariants(await inKv());
    await drain();
    expect((await realKv.list()).keys).toEqual([]);
    expect(await inbox().status()).toMatchObject({ keysToDelete: 0, waiting: 0, head: 5, segments: 0 });
    await log("a4");
    expect(await ids()).toEqual(["a4"]);
    expect(await get("/events/6")).toMatchObject({ id: "a4" });
  });

  it("clears one source: segments of its own go, in others its events are hidden", async () => {
    await log("a1", "a2");
    await put();
    await log("a3", "b1");
    await put();
    await settle();
    await log("b2", "a4");
    await put();
    await log("a5");
    await put();
    await log("b3", "a6");
    expect(await clear("?source=a")).toEqual({ cleared: 6, remainInKv: 3, uncounted: 0, keysToDelete: 2 });
    expect(await ids()).toEqual(["b1", "b2", "b3"]);
    const found = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8, 9].map((seq) => call(`/events/${seq}`)));
    expect(found.map(({ status }) => status)).toEqual([404, 404, 404, 200, 200, 404, 404, 200, 404]);
    await checkInvariants(await inKv());
    await drain();
    expect((await inKv()).size).toBe(3);
    expect(await ids()).toEqual(["b1", "b2", "b3"]);
    await log("a7");
    expect(await ids()).toEqual(["b1", "b2", "b3", "a7"]);
    await checkInvariants(await inKv());
  });

  it("pages on past cleared events", async () => {
    for (let round = 0; round < 4; round++) {
      await log(`a${round}`, `b${round}`, `a${round}x`, `a${round}y`, `b${round}x`);
      await put();
    }
    await settle();
    await log("a9", "b9");
    const all = await ids();
    await clear("?source=a");
    const wanted = all.filter((id) => id.startsWith("b"));
    for (const order of ["after", "before"] as const) {
      const seen: string[] = [];
      let next: number | null = order === "after" ? 0 : null;
      for (let page = 0; page < 50; page++) {
        const cursor = next === null ? "" : `&${order}=${next}`;
        const answer: { events: { id: string }[]; next: number | null; end?: true } = await get(
          `/events?limit=2${cursor}`,
        );
        seen.push(...answer.events.map(({ id }) => id));
        next = answer.next;
        if (answer.end === true || next === null) break;
      }
      expect(order === "after" ? seen : seen.reverse()).toEqual(wanted);
    }
  });

  it("keeps the ids: a repetition of a cleared event is a duplicate", async () => {
    await log("a1");
    await clear();
    await log("a1");
    expect(await ids()).toEqual([]);
    expect(await inbox().status()).toMatchObject({ head: 1, waiting: 0 });
  });

  it("writes nothing when there is nothing to clear", async () => {
    await log("a1");
    await put();
    await clear();
    await drain();
    const before = await rowsWritten();
    for (const query of ["", "?source=a", "?source=unknown"]) {
      expect(await clear(query)).toEqual({ cleared: 0, remainInKv: 0, uncounted: 0, keysToDelete: 0 });
    }
    expect([await rowsWritten(), await armedAt()]).toEqual([before, null]);
  });

  it("keeps one tombstone a source, and one for the whole log in their place", async () => {
    const tombstones = async () => (await inbox().status()).tombstones;
    await log("a1", "b1");
    await clear("?source=a");
    await log("a2");
    await clear("?source=a");
    await clear("?source=b");
    expect(await tombstones()).toEqual([
      { source: "a", seq: 3 },
      { source: "b", seq: 3 },
    ]);
    await log("c1");
    await clear();
    expect(await tombstones()).toEqual([{ source: null, seq: 4 }]);
  });

  it("clears what two clears cover together", async () => {
    await log("a1", "b1");
    await put();
    await settle();
    expect(await clear("?source=a")).toMatchObject({ cleared: 1, remainInKv: 1, keysToDelete: 0 });
    expect(await clear("?source=b")).toMatchObject({ cleared: 1, remainInKv: 0, keysToDelete: 1 });
    await drain();
    expect((await inKv()).size).toBe(0);
  });

  it.each(["?sorce=a", "?source=", "?source=a&source=b", "?log=unknown"])(
    "refuses %s, and clears nothing",
    async (query) => {
      await log("a1");
      expect((await call(`/events${query}`, { method: "DELETE" })).ok).toBe(false);
      expect(await ids()).toEqual(["a1"]);
    },
  );

  it("is refused without a token", async () => {
    const init = { method: "DELETE", headers: { origin: "https://evil.example", "sec-fetch-site": "cross-site" } };
    expect((await call("/events", init)).status).toBe(401);
  });

  it("answers 503 and clears nothing when the storage refuses to drop a tail", async () => {
    await log("a1", "a2");
    await put();
    let open: SqlStorageCursor<{ seq: number }> | undefined;
    await inInbox((_instance, { storage }) => {
      open = storage.sql.exec<{ seq: number }>("SELECT seq FROM tail_1");
      open.next();
    });
    expect((await call("/events", { method: "DELETE" })).status).toBe(503);
    await inInbox(() => void open?.toArray());
    expect(await ids()).toEqual(["a1", "a2"]);
    expect(await clear()).toMatchObject({ cleared: 2 });
  });
});

describe("a clear", () => {
  it("survives a restart, and a lost storage", async () => {
    await log("a1", "b1");
    await put();
    await settle();
    await log("a2");
    await put();
    await settle();
    await clear("?source=a");
    await evictDurableObject(inbox());
    expect(await ids()).toEqual(["b1"]);
    await drain();
    await loseStorage();
    expect(await ids()).toEqual(["b1"]);
    await log("a3", "b2");
    expect(await ids()).toEqual(["b1", "a3", "b2"]);
  });

  it("that KV could not be told of yet is told again, and deletes go on", async () => {
    await log("a1", "b1");
    await put();
    await settle();
    injectKv({ put: refuse("KV put() limit exceeded for the day."), delete: refuse() });
    await clear("?source=a");
    await clear("?source=b");
    await runAlarm();
    expect(await inbox().status()).toMatchObject({ kvFailing: true, keysToDelete: 1 });
    injectKv({});
    await evictDurableObject(inbox());
    await drain();
    expect(await inbox().status()).toMatchObject({ kvFailing: false, keysToDelete: 0 });
    expect(await realKv.get("cleared/default/main")).toBe('[{"source":"a","seq":2},{"source":"b","seq":2}]');
  });

  it("while KV is being told of another is told too", async () => {
    await log("a1", "b1");
    await put();
    await settle();
    await clear("?source=a");
    let once = true;
    injectKv({
      put: async (next) => {
        if (once) await inbox().clear("b");
        once = false;
        return next();
      },
    });
    await drain();
    expect(await realKv.get("cleared/default/main")).toContain('"source":"b"');
  });

  it("during a put, a look or a delete leaves nothing behind", async () => {
    for (const verb of ["put", "get", "delete"] as const) {
      await reset();
      setTime(START);
      await log("a1");
      if (verb !== "put") await put();
      if (verb === "delete") {
        await clear();
        await log("a2");
      }
      let once = true;
      const first = async <T>(next: () => Promise<T>) => {
        const answer = await next();
        if (once) await inbox().clear(null);
        once = false;
        return answer;
      };
      injectKv({ [verb]: first });
      pass(FLUSH);
      await runAlarm();
      await checkInvariants(await inKv());
      await drain();
      expect([verb, (await inKv()).size, await ids()]).toEqual([verb, 0, []]);
      vi.restoreAllMocks();
    }
  });

  it("deletes at most 500 keys a day, and the rest the next day", async () => {
    await log("a1");
    await put();
    const { keys } = await realKv.list();
    const stale = Array.from({ length: 530 }, (_, index) => ({ firstSeq: 2 + index, epoch: "00000000" }));
    await inInbox((_instance, { storage }) => {
      for (const { firstSeq, epoch } of stale) {
        storage.sql.exec("INSERT INTO gone VALUES (?, ?, ?)", firstSeq, epoch, START);
      }
    });
    await evictDurableObject(inbox());
    const calls = injectKv({});
    await clear();
    await drain();
    const days = Map.groupBy(
      calls.filter(({ verb }) => verb === "delete"),
      ({ at }) => Math.floor(at / DAY) * DAY - START,
    );
    expect([...days].map(([day, deletes]) => [day, deletes.length])).toEqual([
      [0, 500],
      [DAY, 31],
    ]);
    expect(calls.filter(({ verb, key }) => verb === "delete" && key === keys[0]?.name)).toHaveLength(1);
  });

  it("deletes keys however late, as the clock may be wrong: KV may still have them", async () => {
    await log("a1");
    await put();
    await clear();
    injectKv({ delete: refuse() });
    await runDurableObjectAlarm(inbox());
    pass(33 * DAY);
    const calls = injectKv({});
    await drain();
    expect(calls.filter(({ verb }) => verb === "delete")).toHaveLength(1);
    expect((await inbox().status()).keysToDelete).toBe(0);
  });

  it("hides what a rebuild finds later, and deletes it", async () => {
    await log("a1");
    await put();
    await settle();
    await log("b1", "a2");
    await put();
    await settle();
    const [newest, oldest] = (await realKv.list()).keys.map(({ name }) => name);
    await loseStorage();
    injectKv({ list: laggingList((key) => key === oldest) });
    expect(await ids()).toEqual(["b1", "a2"]);
    expect(await clear("?source=a")).toMatchObject({ cleared: 1, remainInKv: 1 });
    injectKv({});
    await drain();
    expect(await ids()).toEqual(["b1"]);
    expect([...(await inKv()).keys()]).toEqual([newest]);
  });

  it("that a rebuild did not see at first is honoured once KV shows it", async () => {
    await log("a1");
    await put();
    await settle();
    await log("a2", "b1");
    await put();
    await settle();
    await clear("?source=a");
    injectKv({ delete: refuse() });
    await runAlarm();
    await loseStorage();
    injectKv({ get: async (next, key) => (key.startsWith("cleared/") ? null : next()) });
    expect(await ids()).toEqual(["a1", "a2", "b1"]);
    injectKv({});
    await drain();
    expect(await ids()).toEqual(["b1"]);
    expect((await inKv()).size).toBe(1);
    expect(await env.EVENTS.get("cleared/default/main")).toBe('[{"source":"a","seq":3}]');
  });

  it("counts segments whose events are not known by source", async () => {
    const sources = Array.from({ length: 60 }, (_, index) => `a-source-with-a-long-name-${index}`);
    for (const source of sources) await accept("x", { source });
    await put();
    await settle();
    await loseStorage();
    const [source = ""] = sources;
    expect(await clear(`?source=${source}`)).toEqual({ cleared: 0, remainInKv: 0, uncounted: 1, keysToDelete: 0 });
    expect(await ids()).toHaveLength(59);
    expect(await clear()).toMatchObject({ cleared: 60, uncounted: 0, keysToDelete: 1 });
  });
});
