import { reset, runDurableObjectAlarm } from "cloudflare:test";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  call,
  callWith,
  env,
  get,
  inbox,
  keys,
  pass,
  replaceKv,
  SECOND,
  START,
  send,
  sendMany,
  setTime,
  useEmptyStorage,
  walk,
} from "../support/harness.ts";

useEmptyStorage();

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

/** Things that may happen to a log between two pages. */
type Step =
  | { kind: "arrive"; count: number }
  | { kind: "large" }
  | { kind: "flush"; minutes: number }
  | { kind: "outage" }
  | { kind: "recovery" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("arrive" as const), count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: "large" as const }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("flush" as const), minutes: fc.constantFrom(1, 5, 10) }) },
  { weight: 1, arbitrary: fc.constant({ kind: "outage" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "recovery" as const }) },
);

async function take(action: Step, prefix: string): Promise<number> {
  switch (action.kind) {
    case "arrive":
      await sendMany(action.count, prefix);
      return action.count;
    case "large":
      await send(prefix, new Uint8Array(400 * 1024));
      return 1;
    case "flush":
      pass(action.minutes * 60 * SECOND);
      await runDurableObjectAlarm(inbox());
      return 0;
    case "outage":
      await replaceKv({ put: () => Promise.reject(new Error("down")) });
      return 0;
    case "recovery":
      await replaceKv({});
      return 0;
  }
}

describe("readPage", () => {
  it("merges tails and segments without gap or repeat, whatever happened, both ways", async () => {
    const property = fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 25 }),
      fc.integer({ min: 1, max: 9 }),
      async (steps, limit) => {
        await reset();
        setTime(START);
        let count = 0;
        for (const [index, action] of steps.entries()) count += await take(action, `s${index}_`);
        expect(await walk("after", limit)).toEqual(upTo(count));
        expect(await walk("before", limit)).toEqual(upTo(count).reverse());
      },
    );
    await fc.assert(property, { numRuns: 25 });
  });

  it("goes on through a flush between two pages", async () => {
    await sendMany(10, "a");
    const first = await get<{ next: number }>("/events?limit=4");
    for (let run = 0; run < 2; run++) {
      pass(300 * SECOND);
      await runDurableObjectAlarm(inbox());
      await sendMany(3, `b${run}_`);
    }
    const second = await get<{ events: { seq: number }[] }>(`/events?limit=4&before=${first.next}`);
    expect(second.events.map(({ seq }) => seq)).toEqual([6, 5, 4, 3]);
  });

  /** Makes a log of `count` segments of one event each, none of which is in a tail any more. */
  async function segments(count: number, body: Uint8Array<ArrayBuffer>): Promise<void> {
    for (let segment = 0; segment < count; segment++) {
      await send(`s${segment}`, body);
      pass(300 * SECOND);
      await runDurableObjectAlarm(inbox());
    }
    pass(300 * SECOND);
    await runDurableObjectAlarm(inbox());
  }

  it("reads at most 40 segments, and says where to go on", async () => {
    await segments(45, new Uint8Array(1));
    const newest = await get<{ events: unknown[]; next: number }>("/events?limit=500");
    expect([newest.events.length, newest.next]).toEqual([40, 6]);
    const oldest = await get<{ events: unknown[]; next: number; end?: true }>("/events?limit=500&after=0");
    expect([oldest.events.length, oldest.next, oldest.end]).toEqual([40, 40, undefined]);
    await send("last");
    expect(await walk("after", 500)).toEqual(upTo(46));
    expect(await walk("before", 500)).toEqual(upTo(46).reverse());
  });

  it("reads at most SCAN_BYTES, but at least one segment", async () => {
    await segments(4, new Uint8Array(100_000).fill(0x20));
    const shown = async (scanBytes: number, cursor: string) => {
      const response = await callWith({ SCAN_BYTES: String(scanBytes) }, `/events?${cursor}`);
      const { events, ...rest } = await response.json<{ events: { seq: number }[] }>();
      return { seqs: events.map(({ seq }) => seq), ...rest };
    };
    expect(await shown(250_000, "after=0")).toEqual({ seqs: [1, 2], next: 2 });
    expect(await shown(250_000, "after=2")).toEqual({ seqs: [3, 4], next: 4, end: true });
    expect(await shown(1, "limit=9")).toEqual({ seqs: [4], next: 4 });
  });

  it("is 503 when KV throws, too", async () => {
    await segments(1, new Uint8Array(1));
    const get = async () => {
      throw new Error("KV GET failed: 500");
    };
    const EVENTS = Object.assign(Object.create(env.EVENTS), { get });
    for (const path of ["/events", "/events/1"]) {
      const response = await callWith({ EVENTS }, path);
      expect([response.status, response.headers.get("retry-after")]).toEqual([503, "5"]);
    }
  });

  it.each(["/events?before=2", "/events?after=0", "/events/1", "/events/1/body"])(
    "is 503, not a gap, at %s when a segment cannot be read whole",
    async (path) => {
      await segments(1, new Uint8Array(1));
      await send("last");
      const [key = ""] = await keys();
      for (const broken of [null, '{"seq":1}', ""]) {
        if (broken === null) await env.EVENTS.delete(key);
        else await env.EVENTS.put(key, broken);
        const response = await call(path);
        expect([response.status, response.headers.get("retry-after")]).toEqual([503, "5"]);
        expect(await response.json()).toMatchObject({ code: "segment_unavailable" });
      }
    },
  );
});
