import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { firstSeqAfter, SEQ_GAP } from "../../../workers/receiver/inbox/rebuild.ts";
import { accept, arrival } from "../support/arrivals.ts";
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
  runAlarm,
  SECOND,
  START,
  send,
  setTime,
  useEmptyStorage,
  walk,
} from "../support/harness.ts";
import { checkInvariants, inKv } from "../support/invariants.ts";

const MINUTE = 60 * SECOND;
const FLUSH = 5 * MINUTE;

useEmptyStorage();

/** Logs each group as one segment that KV holds, without its tail. */
async function segments(...groups: string[][]): Promise<void> {
  for (const ids of groups) {
    for (const id of ids) await accept(id);
    pass(FLUSH);
    await runAlarm();
  }
  pass(FLUSH);
  await runDurableObjectAlarm(inbox());
}

const ids = async () => (await get<{ events: { id: string }[] }>("/events?limit=500")).events.map(({ id }) => id);
const status = () => inbox().status();
/** The first seq of the life that was made from KV. */
const newFirst = async () => (await status()).rebuilt?.firstSeq ?? Number.NaN;
const upToAlarm = async () => {
  setTime((await armedAt()) ?? Number.NaN);
  await runAlarm();
};

describe("firstSeqAfter", () => {
  const segment = (lastSeq: number, to: number) => ({
    ...{ firstSeq: lastSeq, lastSeq, epoch: "e", n: 1, counts: null, bytes: 1, from: 0, to, expires: 0 },
  });
  const cases: [name: string, segments: [lastSeq: number, age: number][], tombstones: number[], first: number][] = [
    ["nothing", [], [], 1],
    [
      "the highest segment",
      [
        [2, 9],
        [9, 0],
        [7, 8],
      ],
      [],
      9 + SEQ_GAP,
    ],
    ["a tombstone beyond it", [[7, 0]], [3, 12], 12 + SEQ_GAP],
    ["further, the older it is", [[7, 60_000]], [], 7 + SEQ_GAP + 60_000],
    ["a clock that went back", [[7, -60_000]], [], 7 + SEQ_GAP],
    ["a tombstone alone", [], [12], 12 + SEQ_GAP + START],
  ];
  it.each(cases)("%s", (_name, segments, seqs, first) => {
    const tombstones = seqs.map((seq) => ({ source: null, seq }));
    const listed = segments.map(([lastSeq, age]) => segment(lastSeq, START - age));
    expect(firstSeqAfter({ segments: listed, tombstones }, START)).toBe(first);
  });
});

describe("an Inbox without tables", () => {
  it("is a new log when KV shows nothing of it", async () => {
    expect(await accept("a")).toBe(1);
    expect((await status()).rebuilt).toBeNull();
  });

  it("knows again what KV holds, says what is lost, and counts on far beyond it", async () => {
    await segments(["a", "b"], ["c"]);
    await accept("only in a tail");
    await loseStorage();
    expect(await walk("after", 2)).toEqual([1, 2, 3]);
    expect(await get("/events/2")).toMatchObject({ id: "b", body: "{}" });
    const firstSeq = await newFirst();
    expect(firstSeq).toBeGreaterThanOrEqual(3 + SEQ_GAP);
    expect(await accept("d")).toBe(firstSeq);
    expect(await walk("before", 2)).toEqual([firstSeq, 3, 2, 1]);
    const relists = [Date.now() + 5 * MINUTE, Date.now() + 60 * MINUTE];
    expect(await status()).toMatchObject({
      rebuilt: { at: Date.now(), segments: 2, lostAfter: 3, firstSeq, relists },
    });
    await checkInvariants(await inKv());
  });

  it("never overwrites a segment of the life before", async () => {
    await segments(["a"]);
    const before = await inKv();
    await loseStorage();
    await segments(["b"], ["c"]);
    const after = await inKv();
    for (const [key, events] of before) expect(after.get(key)).toEqual(events);
    expect(await ids()).toEqual(["c", "b", "a"]);
    expect(new Set([...after.keys()].map((key) => key.slice(-8))).size).toBe(2);
    await checkInvariants(after);
  });

  it("knows all lives before it", async () => {
    for (const id of ["a", "b", "c"]) {
      await segments([id]);
      await loseStorage();
    }
    expect(await ids()).toEqual(["c", "b", "a"]);
    const [first = 0, second = 0, third = 0] = await walk("after", 1);
    expect([first, second - first >= SEQ_GAP, third - second >= SEQ_GAP]).toEqual([1, true, true]);
  });

  it("has counts of each source again, and none where they did not fit", async () => {
    const many = Array.from({ length: 60 }, (_, index) => `source-with-a-long-name-${index}`);
    await accept("a");
    await accept("b", { source: "other" });
    pass(FLUSH);
    await runAlarm();
    for (const source of many) await accept("a", { source });
    pass(FLUSH);
    await runAlarm();
    await loseStorage();
    await status();
    const counts = await inInbox((_instance, { storage }) =>
      storage.sql.exec<{ counts: string | null }>("SELECT counts FROM seg ORDER BY firstSeq").toArray(),
    );
    expect(counts).toEqual([{ counts: '{"default":1,"other":1}' }, { counts: null }]);
    const { keys } = await realKv.list();
    expect(keys.map(({ metadata }) => JSON.stringify(metadata).length).every((length) => length <= 1024)).toBe(true);
  });

  it("reads every page of the list", async () => {
    await segments(["a"], ["b"], ["c"]);
    await loseStorage();
    const list = env.EVENTS.list.bind(env.EVENTS);
    vi.spyOn(env.EVENTS, "list").mockImplementation((async (options: object) =>
      list({ ...options, limit: 1 })) as never);
    expect(await ids()).toEqual(["c", "b", "a"]);
  });

  it("passes by keys that are no segments, and what is past retention", async () => {
    await segments(["a"], ["b"]);
    const [newest = "", oldest = ""] = (await realKv.list()).keys.map(({ name }) => name);
    const metadata = { count: 1, firstSeq: 9, lastSeq: 9, from: START, to: START, bytes: 1, expires: START + DAY };
    await env.EVENTS.put("events/default/main/zzz", "x", { metadata });
    await env.EVENTS.put(`${newest}0`, "x", { metadata });
    await env.EVENTS.put(oldest, (await realKv.get(oldest)) ?? "");
    await env.EVENTS.put("events/default/main2/999999999999990-00000000", "x", { metadata });
    await loseStorage();
    expect(await ids()).toEqual(["b"]);
    await loseStorage();
    pass(31 * DAY);
    expect(await ids()).toEqual([]);
    expect(await accept("c")).toBeGreaterThan(2 + SEQ_GAP);
  });
});

describe("a list that lags", () => {
  it.each([
    [5 * MINUTE, 1],
    [60 * MINUTE, 2],
  ])("hides segments for no longer than it does itself: shown %i ms after the rebuild", async (ms, runs) => {
    await segments(["a"], ["b"], ["c"]);
    const [newest] = (await realKv.list()).keys.map(({ name }) => name);
    await loseStorage();
    const began = Date.now();
    injectKv({ list: laggingList((key) => key === newest && Date.now() < began + ms) });
    expect(await ids()).toEqual(["b", "a"]);
    const firstSeq = await newFirst();
    expect(await accept("meanwhile")).toBe(firstSeq);
    await evictDurableObject(inbox());
    const relisted: number[] = [];
    while (relisted.length < 2) {
      const { rebuilt } = await status();
      await upToAlarm();
      if ((await status()).rebuilt?.relists.length !== rebuilt?.relists.length) relisted.push(Date.now() - began);
      expect((await ids()).includes("c")).toBe(relisted.length >= runs);
      await checkInvariants(await inKv());
    }
    expect(relisted).toEqual([5 * MINUTE, 60 * MINUTE]);
    expect(await ids()).toEqual(["meanwhile", "c", "b", "a"]);
    expect(await walk("after", 1)).toEqual([1, 2, 3, firstSeq]);
    expect((await status()).rebuilt).toMatchObject({ segments: 3, relists: [] });
  });

  it("is tried again when it fails, and is not asked for a third time", async () => {
    await segments(["a"]);
    await loseStorage();
    await status();
    injectKv({ list: refuse() });
    await upToAlarm();
    expect((await status()).rebuilt?.relists).toHaveLength(2);
    expect(await status()).toMatchObject({ kvFailing: true });
    const calls = injectKv({});
    for (let run = 0; run < 2; run++) await upToAlarm();
    expect(await status()).toMatchObject({ kvFailing: false, rebuilt: { relists: [] } });
    expect(calls.filter(({ verb }) => verb === "list")).toHaveLength(2);
    expect(await armedAt()).toBeNull();
  });

  it("that hid the whole log makes a new one, whose segments are shown where both have the same seqs", async () => {
    await segments(["a"]);
    await loseStorage();
    injectKv({ list: laggingList(() => true) });
    expect(await accept("b")).toBe(1);
    await segments();
    vi.restoreAllMocks();
    await evictDurableObject(inbox());
    expect(await ids()).toEqual(["b"]);
    await loseStorage();
    expect(await ids()).toEqual(["b"]);
    expect(await inKv().then((kv) => kv.size)).toBe(2);
  });
});

describe("a life that the list hides wholly", () => {
  it("lies below the next, and is shown with it", async () => {
    await segments(["a"]);
    await loseStorage();
    await segments(["b"]);
    const [newest] = (await realKv.list()).keys.map(({ name }) => name);
    await loseStorage();
    const began = Date.now();
    injectKv({ list: laggingList((key) => key === newest && Date.now() === began) });
    await accept("c");
    for (let run = 0; run < 2; run++) await upToAlarm();
    expect(await ids()).toEqual(["c", "b", "a"]);
    await checkInvariants(await inKv());
  });
});

describe("a rebuild that KV does not let happen", () => {
  it("takes and shows nothing, with 503, and neither crashes nor gives up", async () => {
    await segments(["a"]);
    await loseStorage();
    const calls = injectKv({ list: refuse() });
    for (let second = 0; second < 20; second++) {
      const sent = await send(`b${second}`);
      expect([sent.status, sent.headers.get("retry-after")]).toEqual([503, "5"]);
      pass(SECOND);
    }
    for (const path of ["/events", "/events/1", "/events?after=0&wait=1", "/events/stream", "/events/live"]) {
      const shown = await call(path, { headers: { upgrade: "websocket" } });
      expect([shown.status, shown.headers.get("retry-after")]).toEqual([503, "5"]);
      expect(await shown.json()).toMatchObject({ code: "log_unavailable" });
    }
    expect(calls.filter(({ verb }) => verb === "list").length).toBeLessThanOrEqual(5);
    vi.restoreAllMocks();
    pass(5 * SECOND);
    await vi.waitUntil(async () => (await send("b")).status === 200);
    expect(await ids()).toEqual(["b", "a"]);
  });

  it("is begun once for all that wait for it", async () => {
    await segments(["a"]);
    await loseStorage();
    const calls = injectKv({});
    const seqs = await Promise.all(["b", "c", "d"].map((id) => accept(id)));
    const firstSeq = await newFirst();
    expect(seqs.toSorted((a, b) => a - b)).toEqual([0, 1, 2].map((offset) => firstSeq + offset));
    expect(calls.filter(({ verb }) => verb === "list")).toHaveLength(1);
  });

  it("takes nothing while it is under way, and refuses nobody when it ends in time", async () => {
    await segments(["a"]);
    await loseStorage();
    const listed = Promise.withResolvers<void>();
    injectKv({ list: (next) => listed.promise.then(next) });
    const sent = inbox().accept(arrival("b"));
    const first = await Promise.race([sent, new Promise((done) => setTimeout(() => done("waiting"), 50))]);
    expect(first).toBe("waiting");
    listed.resolve();
    expect(await sent).toEqual({ stored: true, duplicate: false, seq: await newFirst() });
  });

  it("ends in the background when it takes longer than a request waits", async () => {
    await segments(["a"]);
    await loseStorage();
    const after = setTimeout;
    const hurried = vi
      .spyOn(globalThis, "setTimeout")
      .mockImplementation(((work: () => void, ms = 0) => after(work, ms >= 1000 ? ms / 100 : ms)) as never);
    let answer = () => {};
    const listed = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const list = env.EVENTS.list.bind(env.EVENTS);
    vi.spyOn(env.EVENTS, "list").mockImplementation((async (options: object) => {
      await listed;
      return list(options);
    }) as never);
    expect(await inbox().accept(arrival("b"))).toMatchObject({ stored: false });
    // From here on a busy machine has the time that it has in life.
    hurried.mockRestore();
    answer();
    await vi.waitUntil(async () => {
      pass(5 * SECOND);
      return (await inbox().accept(arrival("b"))).stored;
    });
    expect(await ids()).toEqual(["b", "a"]);
  });
});

describe("tables of another schema", () => {
  it("are not opened: nothing is taken or lost", async () => {
    const setSchema = (schema: number) =>
      inInbox((_instance, { storage }) => {
        storage.sql.exec(`UPDATE meta SET value = json_set(value, '$.schema', ${schema}) WHERE key = 'identity'`);
      });
    await segments(["a"]);
    await accept("b");
    await setSchema(6);
    await evictDurableObject(inbox());
    expect((await send("c")).status).toBe(503);
    await setSchema(2);
    await evictDurableObject(inbox());
    expect((await send("c")).status).toBe(503);
    await setSchema(5);
    await evictDurableObject(inbox());
    expect(await ids()).toEqual(["b", "a"]);
  });
});
