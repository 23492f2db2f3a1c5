import { reset } from "cloudflare:test";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { utf8 } from "../../../shared/bytes.ts";
import { Sql } from "../../../shared/durable/sql.ts";
import { type EventFilter, matches } from "../../../workers/receiver/event/filter.ts";
import type { Page } from "../../../workers/receiver/event/page.ts";
import type { EventRecord } from "../../../workers/receiver/event/record.ts";
import { SieveBuilder } from "../../../workers/receiver/event/text-sieve.ts";
import { isCleared } from "../../../workers/receiver/event/tombstone.ts";
import { Tails } from "../../../workers/receiver/inbox/storage/tails.ts";
import { readPage, readRecord } from "../../../workers/receiver/log/read.ts";
import { call, get, inInbox, pass, SECOND, START, setTime } from "../support/harness.ts";
import {
  awkwardText,
  flush,
  follow,
  type Logged,
  log,
  query,
  reader,
  segments,
  settle,
  tailRecords,
} from "../support/logged.ts";

beforeEach(() => setTime(START));
afterEach(() => reset());

const seqs = (events: { seq: number }[]) => events.map(({ seq }) => seq);
const large = (text: string) => text.padEnd(1000, ".");

const sources = fc.constantFrom("a", "b", "c");
const types = fc.constantFrom("x", "x.y", "x.z", "z", "x.y.z", 'x.".z', "x.y.q.z");
const body: fc.Arbitrary<string | Uint8Array<ArrayBuffer>> = fc.oneof(
  awkwardText,
  fc.constantFrom("a needle", "A NEEDLE in ſtraw", "needle"),
  awkwardText.map((text) => new Uint8Array([0xff, ...utf8(text)])),
);
const event: fc.Arbitrary<Logged> = fc.record({
  source: sources,
  type: fc.option(types, { nil: null }),
  headers: fc.array(fc.tuple(fc.constantFrom("accept", "x-a"), awkwardText), { maxLength: 2 }),
  body,
});
const filter: fc.Arbitrary<EventFilter> = fc.record({
  source: fc.option(sources, { freq: 1 }),
  type: fc.option(fc.constantFrom("x", "x.*", "z", "x.*.z", "x.y.*.*"), { freq: 1 }),
  since: fc.option(
    fc.nat(2000).map((seconds) => START + seconds * SECOND),
    { freq: 1 },
  ),
  until: fc.option(
    fc.nat(4000).map((seconds) => START + seconds * SECOND),
    { freq: 1 },
  ),
  q: fc.option(
    fc.oneof(
      awkwardText.filter((text) => text !== ""),
      fc.constantFrom("a", "x-a: ", "é", "needle", "a needle", "N STRAW", "é needle"),
    ),
    { freq: 1 },
  ),
});

describe("readPage with a filter", () => {
  it("finds the events that a naive filter finds, page by page, both ways, in tails and segments", async () => {
    const groups = fc.array(fc.record({ events: fc.array(event, { maxLength: 5 }), flush: fc.boolean() }), {
      maxLength: 6,
    });
    const reads = fc.array(
      fc.record({ filter, limit: fc.integer({ min: 1, max: 4 }), scanBytes: fc.constantFrom(1, 60, 200, 2_000_000) }),
      { minLength: 6, maxLength: 6 },
    );
    const property = fc.asyncProperty(groups, reads, fc.boolean(), async (made, reads, dropped) => {
      await reset();
      setTime(START);
      const known = new Map<number, EventRecord>();
      for (const group of made) {
        await log(...group.events);
        for (const record of await tailRecords()) known.set(record.seq, record);
        if (group.flush) await flush();
        else pass(100 * SECOND);
      }
      if (dropped) await settle();
      const from = reader();
      for (const read of reads) {
        const expected = seqs([...known.values()].filter((record) => matches(read.filter, record)));
        expect(seqs((await follow(from, { ...read, order: "after" })).events)).toEqual(expected);
        expect(seqs((await follow(from, { ...read, order: "before" })).events)).toEqual(expected.toReversed());
      }
    });
    await fc.assert(property, { numRuns: 20 });
  }, 60_000);
});

describe("readPage", () => {
  const from = (source: string) => ({ source, type: source });

  it("reads only the segments that may hold the source, where their sources are known", async () => {
    await segments([from("a")], [from("b")], [from("a"), from("b")], [from("c")]);
    const log = reader();
    expect(seqs((await readPage(log, query({ filter: { source: "b" } }))).events)).toEqual([4, 2]);
    expect(log.gets).toHaveLength(2);
    await inInbox((_instance, { storage }) => storage.sql.exec("UPDATE seg SET counts = NULL").toArray());
    expect(seqs((await readPage(log, query({ filter: { source: "b" } }))).events)).toEqual([4, 2]);
    expect(log.gets).toHaveLength(2 + 4);
  });

  it("reads only the segments of the time that the filter names", async () => {
    const times: number[] = [];
    for (let part = 0; part < 4; part++) {
      times.push(Date.now());
      await log(from("a"));
      await flush();
    }
    await settle();
    const [, second = 0, , fourth = 0] = times;
    const log4 = reader();
    const read = query({ order: "after", filter: { since: second, until: fourth } });
    expect(await readPage(log4, read)).toMatchObject({ events: [{ seq: 2 }, { seq: 3 }], next: 4, end: true });
    expect(log4.gets).toHaveLength(2);
  });

  it("reads no more segments than fill the page, where it can know or find out", async () => {
    await segments(
      ...["x", "y", "z"].map((body) => [{ source: "a", body }, from("b"), { source: "a", body: "needle" }]),
    );
    const cases: [filter: Partial<EventFilter>, limit: number, found: number[], gets: number][] = [
      [{}, 3, [9, 8, 7], 1],
      [{}, 4, [9, 8, 7, 6], 2],
      [{ source: "a" }, 2, [9, 7], 1],
      [{ source: "a" }, 3, [9, 7, 6], 2],
      [{ q: "needle" }, 1, [9], 1],
      [{ q: "needle" }, 2, [9, 6], 2],
      [{ q: "needle" }, 3, [9, 6, 3], 3],
      [{ q: "zzz" }, 1, [], 3],
      [{ q: "nowhere" }, 1, [], 0],
    ];
    for (const [filter, limit, found, gets] of cases) {
      const log = reader();
      expect(seqs((await readPage(log, query({ limit, filter }))).events)).toEqual(found);
      expect(log.gets).toHaveLength(gets);
    }
  });

  it("counts the bytes of tails and segments together, and goes on where it stopped", async () => {
    await segments([{ body: large("needle") }], [{ body: large("") }], [{ body: large("") }]);
    await log({ body: large("") });
    const shown = async (seq: number | null, scanBytes: number, q = "eed") => {
      const from = reader();
      const { events, next } = await readPage(from, query({ seq, scanBytes, filter: { q } }));
      return [seqs(events), next, from.gets.length];
    };
    expect(await shown(null, 2500)).toEqual([[], 3, 1]);
    expect(await shown(3, 2500)).toEqual([[1], null, 2]);
    expect(await shown(null, 1)).toEqual([[], 4, 0]);
    expect(await shown(4, 1)).toEqual([[], 3, 1]);
    expect(await shown(null, 10_000)).toEqual([[1], null, 3]);
    // By its sieve, one segment alone may hold the whole word.
    expect(await shown(null, 2500, "NEEDLE")).toEqual([[1], null, 1]);
  });

  it("reads no more text than SCAN_BYTES, or one segment, however much its events grow in it", async () => {
    const bodies = ["a", "\u0001", '"', "\\", "é", "\u0000"].map((text) => text.repeat(1000));
    await segments(...bodies.map((body) => [{ body }]), [{ body: new Uint8Array(1000).fill(0xff) }]);
    for (const order of ["after", "before"] as const) {
      for (const scanBytes of [1, 3000, 8000, 14_000, 50_000]) {
        const walked: number[][] = [];
        for (let seq: number | null = order === "after" ? 0 : null, more = true; more; ) {
          const from = reader();
          const page: Page = await readPage(from, query({ order, seq, scanBytes, filter: { q: "zzz" } }));
          walked.push(from.sizes);
          seq = page.next;
          more = seq !== null && page.end !== true;
        }
        const sums = walked.map((sizes) => sizes.reduce((sum, size) => sum + size, 0));
        expect(sums.filter((sum, page) => sum > scanBytes && walked[page]?.length !== 1)).toEqual([]);
        expect(walked.flat()).toHaveLength(7);
        if (scanBytes === 50_000) expect(walked).toHaveLength(1);
      }
    }
  });

  it("reads no more than 40 segments, and passes the others that cannot match at no cost", async () => {
    const groups = Array.from({ length: 43 }, (_, index) => [from(index === 0 ? "rare" : "a")]);
    await segments(...groups);
    const log = reader();
    expect(await readPage(log, query({ filter: { q: "zzz" } }))).toEqual({ events: [], next: 4 });
    expect(log.gets).toHaveLength(40);
    expect(await readPage(log, query({ filter: { source: "rare" } }))).toMatchObject({
      events: [{ seq: 1 }],
      next: null,
    });
    expect(log.gets).toHaveLength(41);
    const after = await readPage(log, query({ order: "after", seq: 0, filter: { q: "zzz" } }));
    expect(after).toEqual({ events: [], next: 40 });
  });

  it("reads none of the segments that cannot hold the text, and all of which it does not know it", async () => {
    await segments([{ body: "straw" }], [{ path: "/a-needle" }], [{ headers: [["x-a", "needle"]] }], [from("a")]);
    const found = async (filter: Partial<EventFilter>) => {
      const log = reader();
      return [seqs((await readPage(log, query({ filter }))).events), log.gets.length];
    };
    expect(await found({ q: "NEEDLE" })).toEqual([[3, 2], 2]);
    expect(await found({ q: "x-a: needle" })).toEqual([[3], 1]);
    expect(await found({ q: "needle", source: "a" })).toEqual([[], 0]);
    expect(await found({ q: "needle", until: START })).toEqual([[], 0]);
    await inInbox((_instance, { storage }) => storage.sql.exec("UPDATE seg SET sieve = NULL WHERE n = 1").toArray());
    expect(await found({ q: "NEEDLE" })).toEqual([[3, 2], 4]);
  });

  it("looks at no more than 256 sieves a request, and goes on behind them", async () => {
    await log(from("a"));
    await inInbox((_instance, { storage: { sql } }) => {
      sql.exec("DROP TABLE tail_1").toArray();
      new Tails(new Sql(sql)).begin(601);
      const many = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 600)";
      const columns = `firstSeq, lastSeq, epoch, n, bytes, "from", "to", misses, sieve`;
      const sieve = new SieveBuilder().sieve();
      sql
        .exec(`INSERT INTO seg (${columns}) ${many} SELECT n, n, 'e', 1, 1, ?, ?, 0, ? FROM s`, START, START, sieve)
        .toArray();
    });
    const log600 = reader([]);
    for (const order of ["before", "after"] as const) {
      const nexts: (number | null)[] = [];
      for (let seq: number | null = order === "after" ? 0 : null, more = true; more; ) {
        const page: Page = await readPage(log600, query({ order, seq, filter: { q: "nowhere" } }));
        nexts.push(page.next);
        seq = page.next;
        more = seq !== null && page.end !== true;
      }
      expect(nexts).toEqual(order === "before" ? [345, 89, null] : [256, 512, 600]);
    }
    expect(log600.gets).toEqual([]);
  });

  it("ends the page of a search with a segment where the next one holds more than the page takes", async () => {
    const four = (text: string) => [1, 2, 3, 4].map(() => ({ body: text }));
    await segments(four("hit"), four("hit"), [...four("none"), { body: "hit" }], [...four("none"), { body: "hit" }]);
    const shown = async (limit: number, seq: number | null, filter: Partial<EventFilter> = { q: "hit" }) => {
      const log = reader();
      const { events, next } = await readPage(log, query({ limit, seq, filter }));
      return [seqs(events), next, log.gets.length];
    };
    expect(await shown(4, null)).toEqual([[18, 13, 8, 7], 7, 4]);
    expect(await shown(5, 9)).toEqual([[8, 7, 6, 5], 5, 1]);
    expect(await shown(5, 5)).toEqual([[4, 3, 2, 1], null, 1]);
    expect(await shown(20, 9)).toEqual([[8, 7, 6, 5, 4, 3, 2, 1], null, 2]);
    expect(await shown(5, 9, {})).toEqual([[8, 7, 6, 5, 4], 4, 2]);
  });

  it("looks at no more than 10,000 segments a request, in SQL, and goes on behind them", async () => {
    await log(from("a"));
    await inInbox((_instance, { storage: { sql } }) => {
      sql.exec("DROP TABLE tail_1").toArray();
      new Tails(new Sql(sql)).begin(20_001);
      const many = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 20000)";
      const columns = `firstSeq, lastSeq, epoch, n, bytes, counts, "from", "to", misses`;
      sql
        .exec(`INSERT INTO seg (${columns}) ${many} SELECT n, n, 'e', 1, 1, '{"a":1}', ?, ?, 0 FROM s`, START, START)
        .toArray();
    });
    const log20 = reader([]);
    const rare = { source: "rare" };
    expect(await readPage(log20, query({ filter: rare }))).toEqual({ events: [], next: 10_001 });
    expect(await readPage(log20, query({ seq: 10_001, filter: rare }))).toEqual({ events: [], next: null });
    const after = await readPage(log20, query({ order: "after", seq: 0, filter: rare }));
    expect(after).toEqual({ events: [], next: 10_000 });
    expect(log20.gets).toEqual([]);
  });

  it("leaves out cleared events, in tails and segments, and finds none of them by its seq", async () => {
    await segments([from("a"), from("b")], [from("b"), from("b")], [from("a"), from("b")]);
    await log(from("a"), from("b"), from("a"));
    const tombstones = [
      { source: null, seq: 2 },
      { source: "a", seq: 7 },
    ];
    const log3 = reader(tombstones);
    const left = (await tailsAndSegments()).filter((event) => !isCleared(tombstones, event));
    expect(seqs(left)).toEqual([3, 4, 6, 8, 9]);
    for (const limit of [1, 2, 500]) {
      expect(seqs((await follow(log3, { order: "before", limit })).events)).toEqual(seqs(left).toReversed());
      expect(seqs((await follow(log3, { order: "after", limit })).events)).toEqual(seqs(left));
      expect(seqs((await follow(log3, { limit, filter: { source: "a" } })).events)).toEqual([9]);
    }
    const found = await Promise.all(seqs(left).map((seq) => readRecord(log3, seq)));
    expect(found.map((record) => record?.seq)).toEqual(seqs(left));
    expect(await Promise.all([1, 2, 5, 7].map((seq) => readRecord(log3, seq)))).toEqual([null, null, null, null]);
  });

  it("searches a long tail both ways, and reads no more of it than the page needs", async () => {
    await log(...Array.from({ length: 130 }, (_, at) => ({ body: at % 7 === 0 ? "a hit" : "none" })));
    const hits = Array.from({ length: 19 }, (_, index) => 1 + 7 * index);
    for (const limit of [2, 500]) {
      const filter = { q: "hit" };
      expect(seqs((await follow(reader(), { order: "after", limit, filter })).events)).toEqual(hits);
      expect(seqs((await follow(reader(), { order: "before", limit, filter })).events)).toEqual(hits.toReversed());
    }
    const rowsRead = await inInbox((instance) => {
      const run = vi.spyOn(instance.memory.store.sql, "run");
      instance.page(query({ limit: 1, filter: { q: "hit" } }));
      return run.mock.results.reduce((sum, { value }) => sum + (value as unknown[]).length, 0);
    });
    expect(rowsRead).toBeLessThan(60);
  });

  async function tailsAndSegments() {
    return (await follow(reader(), { order: "after" })).events;
  }
});

describe("GET /events with a filter", () => {
  it("gives the next cursor when nothing that it scanned matched", async () => {
    await segments([{ body: "x", headers: [["content-type", "text/plain"]] }]);
    await log({ type: "order.paid" }, { type: "orders" });
    expect(await get("/events?type=order.*")).toMatchObject({ events: [{ seq: 2, type: "order.paid" }], next: null });
    expect(await get("/events?q=TYPE:%20text")).toMatchObject({ events: [{ seq: 1 }], next: null });
    expect(await get("/events?after=0&q=nowhere")).toEqual({ events: [], next: 3, end: true });
    expect(await get("/events?until=2040-01-01&after=1")).toEqual({ events: [], next: 3, end: true });
    expect((await call("/events?after=4&q=nowhere")).status).toBe(409);
    expect((await call("/events?log=other")).status).toBe(404);
    expect((await call("/events/1?log=other")).status).toBe(404);
  });
});
