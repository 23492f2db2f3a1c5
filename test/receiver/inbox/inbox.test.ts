import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { injectKv } from "../support/faulty-kv.ts";
import {
  armedAt,
  call,
  DAY,
  env,
  get,
  inbox,
  inInbox,
  keys,
  pass,
  replaceKv,
  rowsWritten,
  runAlarm,
  SECOND,
  START,
  send,
  sendMany,
  setTime,
  tables,
  useEmptyStorage,
  walk,
} from "../support/harness.ts";

const FLUSH = 300 * SECOND;
const GRACE = 300 * SECOND;

useEmptyStorage();

/** Seals the open tail for its age, and puts it. */
async function flush(): Promise<void> {
  pass(FLUSH);
  await runAlarm();
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const refuse = (message: string) => () => Promise.reject(new Error(message));

describe("seal", () => {
  it("happens at 500 events, in the accept that finds the tail full", async () => {
    await sendMany(500, "a");
    expect(await tables("tail")).toEqual([1]);
    await send("b");
    expect(await tables("tail")).toEqual([1, 501]);
    expect(await armedAt()).toBe(START);
  });

  it("happens before a tail would hold more than 512 KiB", async () => {
    const body = new Uint8Array(200 * 1024);
    for (const id of ["a", "b", "c"]) await send(id, body);
    expect(await tables("tail")).toEqual([1, 3]);
    await send("large", new Uint8Array(1024 * 1024));
    await send("small");
    expect(await tables("tail")).toEqual([1, 3, 4, 5]);
  });

  it("happens by alarm when the oldest event is FLUSH_SECONDS old, not before", async () => {
    await send("a");
    expect(await armedAt()).toBe(START + FLUSH);
    pass(FLUSH - 1);
    await send("b");
    await runAlarm();
    expect(await tables("tail")).toEqual([1]);
    expect(await armedAt()).toBe(Date.now() + 30 * SECOND);
    pass(1);
    await runAlarm();
    expect(await tables("tail")).toEqual([1, 3]);
  });
});

describe("flush", () => {
  it("puts one segment with its metadata, under an inverted seq", async () => {
    await sendMany(3, "a", '{"type":"t"}');
    await flush();
    const { keys: listed } = await env.EVENTS.list();
    expect(listed).toEqual([
      {
        name: expect.stringMatching(/^events\/default\/main\/999999999999998-[0-9a-f]{8}$/),
        expiration: expect.any(Number),
        metadata: {
          ...{ count: 3, firstSeq: 1, lastSeq: 3, from: START, to: START, bytes: expect.any(Number) },
          expires: Date.now() + 30 * DAY,
          counts: { default: 3 },
        },
      },
    ]);
    const lines = ((await env.EVENTS.get(listed[0]?.name ?? "")) ?? "").trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject(
      [1, 2, 3].map((seq) => ({ seq, body: '{"type":"t"}' })),
    );
    await send("b");
    pass(GRACE);
    await runAlarm();
    expect((await keys()).map((key) => key.slice(20, 35))).toEqual(["999999999999995", "999999999999998"]);
  });

  it("keeps the tail until the segment was seen, a grace after the put", async () => {
    await send("a");
    await flush();
    expect([await tables("tail"), await armedAt()]).toEqual([[1, 2], Date.now() + GRACE]);
    pass(GRACE - 1);
    await runAlarm();
    expect(await tables("tail")).toEqual([1, 2]);
    pass(30 * SECOND);
    await runAlarm();
    expect([await tables("tail"), await armedAt()]).toEqual([[2], null]);
    expect(await get("/events/1")).toMatchObject({ id: "a", body: "{}" });
  });

  it("never looks at a key before the grace is over", async () => {
    const looks: number[] = [];
    await send("a");
    await replaceKv({
      get: (async (key: string) => {
        looks.push(Date.now());
        return env.EVENTS.get(key);
      }) as KVNamespace["get"],
    });
    await flush();
    const put = Date.now();
    for (let minute = 0; minute < 10; minute++) {
      pass(60 * SECOND);
      await runDurableObjectAlarm(inbox());
    }
    expect(looks).toEqual([put + GRACE]);
  });

  it("looks again when KV does not show the segment, and puts it again after the third time", async () => {
    const puts: string[] = [];
    await send("a");
    await replaceKv({
      get: (async () => null) as unknown as KVNamespace["get"],
      put: async (key, value) => {
        puts.push(String(value));
        return env.EVENTS.put(key, value as string);
      },
    });
    await flush();
    for (let look = 0; look < 2; look++) {
      pass(GRACE);
      await runAlarm();
    }
    expect([puts.length, await tables("tail")]).toEqual([1, [1, 2]]);
    pass(GRACE);
    await runAlarm();
    expect(puts).toEqual([puts[0], puts[0]]);
    await evictDurableObject(inbox());
    pass(GRACE);
    await runAlarm();
    expect(await tables("tail")).toEqual([2]);
  });

  it("counts a segment that KV shows in part as not there", async () => {
    await sendMany(2, "a");
    await flush();
    await replaceKv({ get: (async () => '{"seq":1}\n') as unknown as KVNamespace["get"] });
    pass(GRACE);
    await runAlarm();
    expect(await tables("tail")).toEqual([1, 3]);
  });

  it("drops the oldest tail first, never one behind a tail that is still here", async () => {
    await send("a");
    await flush();
    await send("b");
    const [first] = await keys();
    await replaceKv({
      get: (async (key: string) => (key === first ? null : env.EVENTS.get(key))) as KVNamespace["get"],
    });
    await flush();
    pass(2 * GRACE);
    await runAlarm();
    expect(await tables("tail")).toEqual([1, 2, 3]);
    await evictDurableObject(inbox());
    pass(2 * GRACE);
    await runAlarm();
    expect(await tables("tail")).toEqual([3]);
    expect(await walk("before", 1)).toEqual([2, 1]);
  });

  it("puts at most 20 segments a run and goes on at once", async () => {
    await replaceKv({ put: refuse("down") });
    const body = new Uint8Array(300 * 1024);
    for (const seq of upTo(26)) await send(`m${seq}`, body);
    await replaceKv({});
    await runAlarm();
    expect([(await keys()).length, await armedAt()]).toEqual([20, Date.now()]);
    await runAlarm();
    expect((await keys()).length).toBe(25);
  });
});

describe("a flush that fails", () => {
  it("loses nothing, shows everything, and is tried again later and later", async () => {
    await replaceKv({ put: refuse("down") });
    await sendMany(3, "a");
    await flush();
    const waits: number[] = [];
    for (let attempt = 0; attempt < 60; attempt++) {
      const due = (await armedAt()) as number;
      waits.push(due - Date.now());
      setTime(due);
      await runAlarm();
    }
    expect(waits[0]).toBe(37.5 * SECOND);
    expect(Math.max(...waits)).toBe(3600 * SECOND);
    expect(waits).toEqual(waits.toSorted((a, b) => a - b));
    expect(await walk("before", 2)).toEqual([3, 2, 1]);
    await replaceKv({});
    setTime((await armedAt()) as number);
    await runAlarm();
    expect(await keys()).toHaveLength(1);
  });

  it("seals only what is full while KV is down", async () => {
    await replaceKv({ put: refuse("down") });
    await send("a");
    await flush();
    await send("b");
    for (let hour = 0; hour < 3; hour++) {
      pass(3600 * SECOND);
      await runAlarm();
    }
    expect(await tables("tail")).toEqual([1, 2]);
    await sendMany(500, "c");
    expect(await tables("tail")).toEqual([1, 2, 502]);
    await replaceKv({});
    pass(3600 * SECOND);
    await runAlarm();
    expect([(await keys()).length, await tables("tail")]).toEqual([3, [1, 2, 502, 503]]);
  });

  it.each([
    ["a quota error", "KV put() limit exceeded for the day.", 1],
    ["a refusal for too many", "KV PUT failed: 429 Too Many Requests", 1],
    ["three errors in a row", "KV PUT failed: 500", 3],
  ])("stops at %s", async (_name, message, tries) => {
    const body = new Uint8Array(300 * 1024);
    for (const seq of upTo(6)) await send(`m${seq}`, body);
    const tried: string[] = [];
    await replaceKv({
      put: async (key) => {
        tried.push(key);
        throw new Error(message);
      },
    });
    await runAlarm();
    expect(tried).toHaveLength(tries);
    expect(await armedAt()).toBe(Date.now() + 30 * SECOND);
  });

  it("holds one segment back and no others", async () => {
    const body = new Uint8Array(300 * 1024);
    for (const seq of upTo(4)) await send(`m${seq}`, body);
    await replaceKv({
      put: async (key, value, options) =>
        key.includes("999999999999997") ? refuse("bad")() : env.EVENTS.put(key, value as string, options),
    });
    await runAlarm();
    expect((await keys()).map((key) => key.slice(20, 35))).toEqual(["999999999999996", "999999999999998"]);
    expect(await armedAt()).toBe(Date.now() + 30 * SECOND);
  });

  it("still drops what KV holds already while it refuses new segments", async () => {
    await send("a");
    await flush();
    await send("b");
    await replaceKv({ put: refuse("KV put() limit exceeded for the day.") });
    await flush();
    expect(await tables("tail")).toEqual([2, 3]);
    expect(await walk("after", 1)).toEqual([1, 2]);
  });

  it("never throws, and looks again, when a look fails", async () => {
    await send("a");
    await flush();
    await replaceKv({ get: refuse("down") as unknown as KVNamespace["get"] });
    pass(GRACE);
    await runAlarm();
    expect([await tables("tail"), await armedAt()]).toEqual([[1, 2], Date.now() + 75 * SECOND]);
  });

  it("is tried again when the storage refuses to drop a tail", async () => {
    await sendMany(2, "a");
    await flush();
    pass(GRACE);
    // A cursor that was not read to its end locks every table against being dropped.
    let open: SqlStorageCursor<{ seq: number }> | undefined;
    await inInbox((_instance, { storage }) => {
      open = storage.sql.exec<{ seq: number }>("SELECT seq FROM tail_1");
      open.next();
    });
    await runAlarm();
    expect(await tables("tail")).toEqual([1, 3]);
    await inInbox(() => void open?.toArray());
    pass(75 * SECOND);
    await runAlarm();
    expect(await tables("tail")).toEqual([3]);
  });
});

describe("a crash", () => {
  it.each(["after the seal", "after the put", "after a missed look"])(
    "%s loses and doubles nothing",
    async (moment) => {
      await sendMany(3, "a");
      if (moment === "after the seal") {
        await replaceKv({ put: refuse("down") });
        await flush();
      } else {
        await flush();
      }
      if (moment === "after a missed look") {
        await replaceKv({ get: (async () => null) as unknown as KVNamespace["get"] });
        pass(GRACE);
        await runAlarm();
      }
      await evictDurableObject(inbox());
      expect(await walk("after", 2)).toEqual([1, 2, 3]);
      await send("b");
      expect((await send("a1")).headers.get("webhook-duplicate")).toBe("true");
      for (let run = 0; run < 6; run++) {
        pass(GRACE);
        await runDurableObjectAlarm(inbox());
        await evictDurableObject(inbox());
        expect(await walk("before", 2)).toEqual([4, 3, 2, 1]);
      }
      expect([await tables("tail"), (await keys()).length]).toEqual([[5], 2]);
    },
  );

  it("between a put and its row repeats the put with the same key and bytes", async () => {
    const puts: [string, string][] = [];
    await sendMany(2, "a");
    await replaceKv({
      put: async (key, value) => {
        puts.push([key, String(value)]);
        throw new Error("the process died here");
      },
    });
    await flush();
    await evictDurableObject(inbox());
    await replaceKv({ put: async (key, value) => void puts.push([key, String(value)]) });
    pass(60 * SECOND);
    await runAlarm();
    expect(puts).toEqual([puts[0], puts[0]]);
  });

  it("that lost the alarm is healed when the object wakes", async () => {
    await send("a");
    await inInbox((_instance, { storage }) => storage.deleteAlarm());
    await evictDurableObject(inbox());
    expect(await inbox().status()).toMatchObject({ head: 1 });
    expect(await armedAt()).toBe(START + FLUSH);
  });

  it("that left an alarm long past is healed too", async () => {
    await send("a");
    pass(FLUSH + 31 * SECOND);
    await evictDurableObject(inbox());
    expect(await inbox().status()).toMatchObject({ head: 1 });
    expect(await armedAt()).toBe(Date.now());
  });

  it("during an outage waits as long as the last life meant to", async () => {
    await replaceKv({ put: refuse("down") });
    await send("a");
    await flush();
    pass(20 * 3600 * SECOND);
    await runAlarm();
    const armed = await armedAt();
    await evictDurableObject(inbox());
    await send("b");
    expect(await armedAt()).toBe(armed);
  });
});

describe("arrivals during a flush", () => {
  it("are logged, and shown, at every step of it", async () => {
    await sendMany(2, "a");
    let during = 0;
    await replaceKv({
      put: async (key, value, options) => {
        await send(`put${++during}`);
        await env.EVENTS.put(key, value as string, options);
        await send(`put${++during}`);
      },
    });
    await flush();
    expect(await walk("before", 3)).toEqual([4, 3, 2, 1]);
    expect(await armedAt()).toBe(Date.now() + GRACE);
    await flush();
    expect(await walk("after", 3)).toEqual([1, 2, 3, 4, 5, 6]);
  });
});

describe("retention", () => {
  it("forgets segments and the keys of their events, and goes on counting", async () => {
    injectKv({});
    await send("a");
    await flush();
    pass(GRACE);
    await runAlarm();
    pass(31 * DAY);
    expect(await get("/events")).toEqual({ events: [], next: null });
    expect((await call("/events/1")).status).toBe(404);
    expect((await send("a")).headers.get("webhook-duplicate")).toBeNull();
    await flush();
    expect(await inInbox((_instance, { storage }) => storage.sql.exec("SELECT firstSeq FROM seg").toArray())).toEqual([
      { firstSeq: 2 },
    ]);
    pass(GRACE);
    await runAlarm();
    await evictDurableObject(inbox());
    expect(await get("/events?after=0")).toMatchObject({ events: [{ seq: 2, id: "a" }], next: 2, end: true });
    expect(await tables("tail")).toEqual([3]);
  });

  it("remembers a key as long as the events last, over the tables of several periods", async () => {
    for (let day = 0; day < 29; day++) {
      await send(`day${day}`);
      expect((await send("day0")).headers.get("webhook-duplicate")).toBe("true");
      pass(DAY);
    }
    expect((await tables("seen")).length).toBe(6);
    expect((await send("day0")).headers.get("webhook-duplicate")).toBe("true");
    pass(2 * DAY);
    expect((await send("day0")).headers.get("webhook-duplicate")).toBeNull();
  });

  it("drops the tables of seen keys whole", async () => {
    injectKv({});
    await send("a");
    for (let day = 0; day < 60; day += 5) {
      pass(5 * DAY);
      await send(`day${day}`);
      await flush();
    }
    expect((await tables("seen")).length).toBeLessThanOrEqual(8);
    expect((await tables("seen"))[0]).toBeGreaterThan(START);
  });

  it("shows an event until the retention is over, and KV keeps it a day longer", async () => {
    await send("a");
    const puts: number[] = [];
    await replaceKv({
      put: async (key, value, options) => {
        puts.push(options?.expirationTtl ?? 0);
        await env.EVENTS.put(key, value as string, options);
      },
    });
    await flush();
    pass(GRACE);
    await runAlarm();
    expect(puts).toEqual([31 * 86_400]);
    const listed = async () => (await get<{ events: unknown[] }>("/events")).events.length;
    setTime(START + 30 * DAY);
    expect([await listed(), (await call("/events/1")).status]).toEqual([1, 200]);
    pass(1);
    expect([await listed(), (await call("/events/1")).status]).toEqual([0, 404]);
    expect(await keys()).toHaveLength(1);
  });

  it("drops the rows of segments when KV has dropped them, a day after the retention, and not before", async () => {
    injectKv({});
    const firstSeqs = () =>
      inInbox((_instance, { storage }) =>
        storage.sql
          .exec<{ firstSeq: number }>("SELECT firstSeq FROM seg")
          .toArray()
          .map(({ firstSeq }) => firstSeq),
      );
    await send("a");
    await flush();
    setTime(START + 31 * DAY - SECOND);
    await send("b");
    await flush();
    expect(await firstSeqs()).toEqual([1, 2]);
    pass(GRACE);
    await runAlarm();
    expect(await firstSeqs()).toEqual([2]);
  });

  it("names no segment that KV has dropped when RETENTION_DAYS was raised", async () => {
    await send("a");
    await flush();
    pass(GRACE);
    await runAlarm();
    // As if it had been put with a retention of ten days.
    await inInbox((_instance, { storage }) =>
      storage.sql.exec("UPDATE seg SET expires = ?", START + 10 * DAY).toArray(),
    );
    const [key = ""] = await keys();
    await env.EVENTS.delete(key);
    setTime(START + 10 * DAY - 1);
    expect((await call("/events")).status).toBe(503);
    pass(1);
    expect(await get("/events")).toEqual({ events: [], next: null });
  });

  it("never lets receivedAt go back", async () => {
    await send("a");
    setTime(START - 10 * SECOND);
    await send("b");
    expect(await get("/events")).toMatchObject({
      events: [{ seq: 2, receivedAt: new Date(START).toISOString() }, { seq: 1 }],
    });
  });
});

describe("rows written", () => {
  it("are few in a burst", async () => {
    await send("first");
    const before = await rowsWritten();
    for (let sent = 0; sent < 1000; sent += 100) await sendMany(100, `e${sent}_`);
    const rows = ((await rowsWritten()) - before) / 1000;
    expect(rows).toBeGreaterThan(2);
    expect(rows).toBeLessThanOrEqual(2.1);
  });

  it("are one for a duplicate, and at most three a minute more for all others", async () => {
    await send("a");
    const before = await rowsWritten();
    await send("a");
    expect([(await inbox().status()).head, await rowsWritten()]).toEqual([1, before + 1]);
    for (let sent = 0; sent < 50; sent++) await send("a");
    // The alarm, and the note that it saves.
    pass(60 * SECOND);
    await runAlarm();
    expect([(await inbox().status()).head, await rowsWritten()]).toEqual([1, before + 4]);
  });
});
