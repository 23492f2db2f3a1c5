import { evictDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Page } from "../../../workers/receiver/event/page.ts";
import { accept } from "../support/arrivals.ts";
import { type Faults, injectKv, realKv, refuse } from "../support/faulty-kv.ts";
import {
  armedAt,
  call,
  callWith,
  get,
  inbox,
  inInbox,
  pass,
  runAlarm,
  SECOND,
  setTime,
  tables,
  useEmptyStorage,
} from "../support/harness.ts";
import { checkInvariants, inKv, keyOf } from "../support/invariants.ts";
import { leaveAll, Stream, seqsOf, Viewer } from "../support/live-harness.ts";
import { segments } from "../support/logged.ts";

/** Parts of the log that cannot be read: who is told to come back, who passes them, and how each reader names them. */

useEmptyStorage();
afterEach(leaveAll);

const MINUTE = 60 * SECOND;

/** Makes four segments, of the events 1 and 2, 3 to 5, 6, 7 and 8, and a tail with 9. */
async function madeLog(): Promise<void> {
  await segments([{}, {}], [{}, {}, {}], [{}], [{}, {}]);
  await accept("last");
}

/** Returns the key of the segment that begins with `firstSeq`. */
const keyFrom = async (firstSeq: number) =>
  inInbox((_instance, { storage }) => {
    const query = "SELECT firstSeq, epoch FROM seg WHERE firstSeq = ?";
    return keyOf(storage.sql.exec<{ firstSeq: number; epoch: string }>(query, firstSeq).one());
  });

/** Lets KV answer reads of some segments so, and of the others well. */
async function breakReads(firstSeqs: number[], read: NonNullable<Faults["read"]>): Promise<void> {
  const broken = await Promise.all(firstSeqs.map(keyFrom));
  injectKv({ read: (next, key) => (broken.includes(key) ? read(next, key) : next()) });
}

/** Lets time pass, with the alarms that fall due: the Inbox looks again at what could not be read. */
async function wait(ms: number): Promise<void> {
  const end = Date.now() + ms;
  for (let next = await armedAt(); next !== null && next <= end; next = await armedAt()) {
    setTime(Math.max(next, Date.now()));
    await runAlarm();
  }
  setTime(end);
}

const answered: [name: string, read: NonNullable<Faults["read"]>][] = [
  ["KV does not show", async () => null],
  ["KV shows a part of", async (next) => `${(await next())?.split("\n")[0]}\n`],
  ["KV shows more of", async (next) => `${await next()}{}\n`],
  ["KV shows something else for", async () => "\n"],
];
const silent: [name: string, read: NonNullable<Faults["read"]>][] = [
  ["KV throws at", refuse("KV GET failed: 500")],
  ["KV does not answer for", () => Promise.reject(new Error("no answer within 10000 ms"))],
];

const status = async (path: string) => (await call(path)).status;
const retryAfter = async (path: string) => (await call(path)).headers.get("retry-after");

describe("a segment that", () => {
  it.each([...answered, ...silent])(
    "%s is 503 with Retry-After at first, and nobody passes it",
    async (_name, read) => {
      await madeLog();
      await breakReads([3], read);
      expect([await status("/events?after=2"), await retryAfter("/events?after=2")]).toEqual([503, "5"]);
      expect(await (await call("/events?after=2")).json()).toMatchObject({
        code: "segment_unavailable",
        unread: [{ from: 3, to: 5 }],
      });
      // What can be read before the gap comes at once; the cursor stays before it.
      expect(await get<Page>("/events?after=0")).toMatchObject({ events: [{ seq: 1 }, { seq: 2 }], next: 2 });
      expect((await get<Page>("/events?after=0")).missing).toBeUndefined();
      const newest = await get<Page>("/events");
      expect([seqsOf(newest.events), newest.next, newest.missing]).toEqual([[9, 8, 7, 6], 6, undefined]);
      expect(await status("/events?before=6")).toBe(503);
      expect(await status("/events/4")).toBe(503);
      // An export would wait for a while.
      vi.spyOn(scheduler, "wait").mockResolvedValue();
      expect(await status("/events/export")).toBe(200);
      expect(
        await call("/events/export")
          .then((file) => file.text())
          .catch(() => "cut"),
      ).toBe("cut");
      await checkInvariants(await inKv());
    },
  );

  it.each(answered)("%s for a minute is named, and cursors pass it both ways", async (_name, read) => {
    await madeLog();
    await breakReads([3], read);
    expect(await status("/events?after=2")).toBe(503);
    await wait(59 * SECOND);
    expect(await status("/events?after=2")).toBe(503);
    await wait(2 * SECOND);
    const missing = [{ from: 3, to: 5 }];
    const forward = await get<Page>("/events?after=0");
    expect(forward).toMatchObject({ missing, next: 9, end: true });
    expect(seqsOf(forward.events)).toEqual([1, 2, 6, 7, 8, 9]);
    const back = await get<Page>("/events");
    expect(back).toMatchObject({ missing, next: null });
    expect(seqsOf(back.events)).toEqual([9, 8, 7, 6, 2, 1]);
    expect(await get<Page>("/events?after=3&limit=1")).toMatchObject({ missing: [{ from: 4, to: 5 }], next: 5 });
    expect((await get<Page>("/events?after=5")).missing).toBeUndefined();
    expect((await get<Page>("/events?after=0&limit=2")).missing).toBeUndefined();
    for (const path of ["/events/3", "/events/4/body"]) {
      expect([await status(path), await retryAfter(path)]).toEqual([503, null]);
    }
    expect(await status("/events/6")).toBe(200);
  });

  it.each(silent)(
    "%s for less than an hour is an outage, and nobody passes it; for longer it is named",
    async (_n, read) => {
      await madeLog();
      await breakReads([3], read);
      expect(await status("/events?after=2")).toBe(503);
      await wait(59 * MINUTE);
      expect(await status("/events?after=2")).toBe(503);
      await wait(40 * MINUTE);
      expect(await get<Page>("/events?after=2")).toMatchObject({ missing: [{ from: 3, to: 5 }] });
    },
  );

  it("can be read again is shown at the next read, and no notice of it stays", async () => {
    await madeLog();
    await breakReads([3], async () => null);
    await status("/events?after=2");
    await wait(2 * MINUTE);
    expect((await get<Page>("/events?after=0")).missing).toEqual([{ from: 3, to: 5 }]);
    injectKv({});
    const page = await get<Page>("/events?after=2");
    expect([seqsOf(page.events), page.missing]).toEqual([[3, 4, 5, 6, 7, 8, 9], undefined]);
    expect((await inbox().status()).unread).toEqual([]);
    // The next trouble begins anew.
    await breakReads([3], async () => null);
    expect(await status("/events?after=2")).toBe(503);
  });

  it("fails for seconds is forgotten by the Inbox's own look, without any reader", async () => {
    await madeLog();
    await breakReads([3], async () => null);
    expect(await status("/events?after=2")).toBe(503);
    injectKv({});
    await wait(25 * SECOND);
    expect((await inbox().status()).unread).toEqual([]);
    expect(await armedAt()).not.toBeNull();
  });

  it("fails four times in a second is not missing for that", async () => {
    await madeLog();
    await breakReads([3], async () => null);
    for (let tries = 0; tries < 8; tries++) {
      expect(await status("/events?after=2")).toBe(503);
      pass(SECOND / 8);
    }
  });

  it("is lost costs a row at most for a counted try, and looks grow rare", async () => {
    await madeLog();
    await breakReads([3], async () => null);
    await status("/events?after=2");
    const calls = injectKv({ read: async () => null });
    const rows = () => inInbox(({ memory }) => memory.store.sql.rowsWritten);
    const before = await rows();
    await wait(24 * 60 * MINUTE);
    expect(calls.filter(({ verb }) => verb === "get").length).toBeLessThan(70);
    expect((await rows()) - before).toBeLessThan(200);
  });
});

describe("any segments that KV does not show", () => {
  it("are missing on the way of a cursor, and everything else is shown once, in order", async () => {
    await segments(...Array.from({ length: 6 }, () => [{}, {}]));
    await accept("last");
    const firstSeqs = [1, 3, 5, 7, 9, 11];
    const property = fc.asyncProperty(
      fc.subarray(firstSeqs, { minLength: 1 }),
      fc.integer({ min: 1, max: 7 }),
      fc.constantFrom("after" as const, "before" as const),
      async (broken, limit, order) => {
        injectKv({});
        for (const seq of firstSeqs) await get(`/events/${seq}`);
        await breakReads(broken, async () => null);
        const seqs = firstSeqs.flatMap((seq) => [seq, seq + 1]);
        const lost = new Set(broken.flatMap((seq) => [seq, seq + 1]));
        // A reader that polls waits at most a minute at each gap, and passes none without its name.
        const shown: number[] = [];
        const named: number[] = [];
        let cursor: number | null = order === "after" ? 0 : 14;
        for (let polls = 0; cursor !== null; polls++) {
          expect(polls).toBeLessThan(60);
          const response = await call(`/events?${order}=${cursor}&limit=${limit}`);
          if (response.status === 503) {
            await wait(21 * SECOND);
            continue;
          }
          const page = await response.json<Page>();
          shown.push(...seqsOf(page.events));
          for (const { from, to } of page.missing ?? []) for (let seq = from; seq <= to; seq++) named.push(seq);
          cursor = page.end === true ? null : page.next;
        }
        const sorted = (list: number[]) => list.toSorted((a, b) => a - b);
        expect(sorted(shown)).toEqual([...seqs.filter((seq) => !lost.has(seq)), 13]);
        expect(shown).toEqual(order === "after" ? sorted(shown) : sorted(shown).toReversed());
        expect(sorted([...new Set(named)])).toEqual(sorted([...lost]));
      },
    );
    await fc.assert(property, { numRuns: 12 });
  });
});

describe("a missing part is named", () => {
  const missing = { from: 3, to: 5 };
  async function madeGap(): Promise<void> {
    await madeLog();
    await breakReads([3], async () => null);
    await status("/events?after=2");
    await wait(2 * MINUTE);
  }

  it("in a long poll", async () => {
    await madeGap();
    expect(await get("/events?after=2&wait=1")).toMatchObject({ missing: [missing], next: 9 });
  });

  it("in a stream, before the events that follow it, without an id", async () => {
    await madeGap();
    const stream = await Stream.open("?after=2");
    expect(await stream.next()).toEqual({ id: null, event: "missing", data: JSON.stringify(missing) });
    expect(await stream.next()).toMatchObject({ id: "6", event: "message" });
  });

  it("to a WebSocket's client in the page that it is sent to", async () => {
    await madeGap();
    const viewer = await Viewer.open("?after=2");
    expect(await viewer.next()).toEqual({ behind: 8 });
    expect(await get("/events?after=2")).toMatchObject({ missing: [missing] });
  });

  it("in an export, in its place", async () => {
    await madeGap();
    const ndjson = (await (await call("/events/export")).text()).split("\n").slice(0, -1);
    expect(ndjson.map((line) => JSON.parse(line).seq ?? JSON.parse(line).missing)).toEqual([1, 2, missing, 6, 7, 8, 9]);
    const csv = (await (await call("/events/export?format=csv")).text()).split("\r\n");
    expect(csv.map((line) => line.split(",")[0])).toEqual(["seq", "1", "2", "3 to 5", "6", "7", "8", "9", ""]);
    expect(csv[3]?.split(",").length).toBe(csv[0]?.split(",").length);
    expect(csv[3]).toMatch(/^3 to 5,,,,,,missing,/);
  });

  it("on the page, which shows the rest at once and offers to try again", async () => {
    await madeLog();
    await breakReads([3], async () => null);
    const html = await (await call("/?before=7", { headers: { accept: "text/html" } })).text();
    expect(html).toContain("A part of the log cannot be read");
    expect(html).toMatch(/<a href="\/\?after=2">3 to 5<\/a>/);
    expect(html).toContain('<a href="/?before=7">Try again</a>');
    for (const seq of [1, 2, 6]) expect(html).toContain(`id="e${seq}"`);
    injectKv({});
    expect(await (await call("/?before=7")).text()).toMatch(/id="missing" hidden/);
    expect(await (await call("/?before=7")).text()).toContain('id="e4"');
  });

  it("on the page of a log of which nothing can be read", async () => {
    await segments([{}]);
    await breakReads([1], async () => null);
    const response = await call("/");
    expect([response.status, (await response.text()).includes("cannot be read")]).toEqual([200, true]);
  });

  it("as degraded by /health, which reads no segment", async () => {
    await madeLog();
    expect(await (await call("/health")).json()).toEqual({ status: "ok" });
    await breakReads([3], async () => null);
    await status("/events?after=2");
    pass(10 * SECOND);
    const calls = injectKv({ read: async () => null });
    const degraded = await call("/health");
    expect([degraded.status, await degraded.json()]).toEqual([
      503,
      { status: "degraded", reasons: ["segment_unavailable"] },
    ]);
    expect(calls).toEqual([]);
    injectKv({});
    await wait(MINUTE);
    expect((await call("/health")).status).toBe(200);
  });
});

describe("damaged storage", () => {
  const damage = (statement: string) =>
    inInbox((_instance, { storage }) => {
      storage.sql.exec(statement).toArray();
    });
  const statements: [name: string, statement: string, lost: number[]][] = [
    ["headers that are no JSON", "UPDATE tail_1 SET headers = '[[' WHERE seq = 2", [2]],
    ["a time that is none", "UPDATE tail_1 SET at = 'x' WHERE seq = 2", [2]],
    ["a time beyond all calendars", "UPDATE tail_1 SET at = 9e18 WHERE seq = 2", [2]],
    ["a row that is gone", "DELETE FROM tail_1 WHERE seq = 2", [2]],
  ];

  it.each(statements)(
    "%s: 503, not 500, then a gap, and KV takes what the tail still holds",
    async (_name, statement) => {
      for (const id of ["a", "b", "c"]) await accept(id);
      await damage(statement);
      const found = await status("/events/2");
      expect([404, 503]).toContain(found);
      for (const path of ["/events", "/events?after=0", "/events/export", "/"])
        expect(await status(path)).not.toBe(500);
      await wait(30 * MINUTE);
      expect([...(await realKv.list()).keys].length).toBe(1);
      expect((await inbox().status()).waiting).toBe(0);
      await call("/events?after=1");
      await wait(2 * MINUTE);
      const page = await get<Page>("/events?after=0");
      expect([seqsOf(page.events), page.missing]).toEqual([[1, 3], [{ from: 2, to: 2 }]]);
      expect(await status("/events/2")).toBe(503);
      const lines = (await (await call("/events/export")).text()).split("\n").slice(0, -1);
      expect(lines.map((line) => JSON.parse(line).seq ?? "gap")).toEqual([1, "gap", 3]);
      await accept("d");
      await wait(30 * MINUTE);
      expect(await get<Page>("/events?after=3")).toMatchObject({ events: [{ seq: 4 }] });
    },
  );

  it.each([false, true])(
    "a segment that KV does not show whole is put again; the Inbox began anew: %s",
    async (anew) => {
      for (const id of ["a", "b", "c"]) await accept(id);
      await wait(6 * MINUTE);
      const [key = ""] = (await realKv.list()).keys.map(({ name }) => name);
      await realKv.put(key, (await realKv.get(key))?.split("\n").slice(0, 1).join("\n") ?? "");
      await damage("DELETE FROM tail_1 WHERE seq = 2");
      await damage("UPDATE seg SET n = 2");
      if (anew) await evictDurableObject(inbox());
      await wait(60 * MINUTE);
      expect((await realKv.get(key))?.split("\n").map((line) => line.slice(0, 10))).toEqual([
        ...[1, 2, 3].map((seq) => `{"seq":${seq},"`),
        "",
      ]);
      expect(await tables("tail")).toEqual([4]);
      expect((await get<Page>("/events?after=2")).events).toMatchObject([{ seq: 3 }]);
    },
  );

  it.each(["{", '{"seq":4,"id":}', '{"seq":4,"damaged":true}'])(
    "a line of a segment that is %s: that event alone is missing",
    async (line) => {
      await madeLog();
      await breakReads([3], async (next) => {
        const lines = (await next())?.split("\n") ?? [];
        return [lines[0], line, ...lines.slice(2)].join("\n");
      });
      expect(await get<Page>("/events?after=2")).toMatchObject({ events: [{ seq: 3 }], next: 3 });
      expect(await status("/events?after=3")).toBe(503);
      for (let polls = 0; polls < 4; polls++) {
        await wait(30 * SECOND);
        // A filtered read, which looks at no other line, must not make the damaged one whole.
        await call("/events?after=4&source=default");
      }
      for (const query of ["", "&source=default", "&q=nothing"]) {
        expect((await get<Page>(`/events?after=2${query}`)).missing).toEqual([{ from: 4, to: 4 }]);
      }
      expect(seqsOf((await get<Page>("/events?after=2")).events)).toEqual([3, 5, 6, 7, 8, 9]);
      expect([await status("/events/4"), await status("/events/5")]).toEqual([503, 200]);
      const exported = (await (await call("/events/export?after=2")).text()).split("\n").slice(0, 3);
      expect(exported.map((each) => JSON.parse(each).seq ?? "gap")).toEqual([3, "gap", 5]);
    },
  );

  it("a part that is cleared is missed no more", async () => {
    await madeLog();
    await breakReads([3], async () => null);
    await status("/events?after=2");
    expect((await inbox().status()).unread).toHaveLength(1);
    await inbox().clear(null);
    expect((await inbox().status()).unread).toEqual([]);
  });

  it("a tail that is gone: the other parts are shown, and the webhook goes on", async () => {
    for (const id of ["a", "b"]) await accept(id);
    injectKv({ put: refuse() });
    await wait(6 * MINUTE);
    await accept("c");
    await damage("DROP TABLE tail_1");
    expect(await status("/events/1")).toBe(503);
    expect(await status("/events?after=0")).toBe(503);
    expect(await get<Page>("/events")).toMatchObject({ events: [{ seq: 3 }], next: 3 });
    expect(await (await call("/")).text()).toContain("1 to 2");
    await call("/events?after=0");
    await wait(4 * MINUTE);
    expect(await get<Page>("/events?after=0")).toMatchObject({ events: [{ seq: 3 }], missing: [{ from: 1, to: 2 }] });
    const viewer = await Viewer.open("?after=0");
    expect(await viewer.next()).toMatchObject({ events: [{ seq: 3 }], missing: [{ from: 1, to: 2 }], next: 3 });
    expect(await accept("d")).toBe(4);
  });

  it("a table of segments that is gone: 503 everywhere", async () => {
    await madeLog();
    await damage("DROP TABLE seg");
    for (const path of ["/events", "/events/1", "/events/export", "/events?after=0&wait=1", "/"]) {
      const response = await call(path);
      expect([path, response.status]).toEqual([path, 503]);
    }
    expect((await callWith({}, "/health")).status).toBe(503);
  });
});
