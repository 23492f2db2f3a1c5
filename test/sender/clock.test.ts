import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { longestDelay } from "../../workers/sender/endpoint/retry.ts";
import { Throttle } from "../../workers/sender/endpoint/throttle.ts";
import { Backoff } from "../../workers/sender/outbox/backoff.ts";
import {
  deliveries,
  endpoint,
  fetchSender,
  head,
  moveTo,
  outbox,
  publish,
  publishOne,
  receiver,
  settled,
  useReceiver,
} from "./support.ts";

useReceiver();

/** Objects that lived through a clock which was 40 days ahead, and is right again. */

const DAY = 86_400_000;
const TRUE_TIME = Date.UTC(2026, 5, 1);
const AHEAD = 40 * DAY;

type Row = { seq: number; loggedAt: string };

async function log(query: string): Promise<Row[]> {
  const response = await fetchSender(`http://localhost:5000/events?${query}`);
  return ((await response.json()) as { events: Row[] }).events;
}

describe("a clock that was 40 days ahead", () => {
  it("hides nothing of the log, and stamps what comes after with the true time", async () => {
    moveTo(TRUE_TIME + AHEAD);
    await publishOne();
    moveTo(TRUE_TIME);
    await publishOne();
    moveTo(TRUE_TIME + 1000);
    await publishOne();
    const rows = await log("after=0");
    expect(rows.map(({ seq, loggedAt }) => [seq, Date.parse(loggedAt) - TRUE_TIME])).toEqual([
      [1, AHEAD],
      [2, 0],
      [3, 1000],
    ]);
    expect((await log("limit=10")).map(({ seq }) => seq)).toEqual([3, 2, 1]);
    await settled(3);
  });

  it("holds no retry: one that is due later than any can be is due now", async () => {
    receiver.answer = () => new Response("", { status: 500 });
    moveTo(TRUE_TIME + AHEAD);
    await publishOne();
    const [row] = await settled(1);
    expect((row?.due ?? 0) - TRUE_TIME).toBeGreaterThan(AHEAD);
    receiver.answer = () => new Response("ok");
    moveTo(TRUE_TIME);
    // The cron wakes the endpoint: its alarm was set for the wrong day.
    await endpoint().wake();
    await vi.waitUntil(async () => (await deliveries())[0]?.state === "delivered");
  });

  it("keeps what was logged under it no longer than the rest, and drops the oldest first", async () => {
    for (const at of [0, AHEAD, 1, 7, 13].map((days) => (days === AHEAD ? AHEAD : days * DAY))) {
      moveTo(TRUE_TIME + at);
      await publish({}, {});
    }
    await settled(10);
    moveTo(TRUE_TIME + 39 * DAY);
    await outbox().tick(Date.now());
    await vi.waitUntil(
      async () => (await outbox().events({ after: 0, before: null, limit: 1, type: null })).oldest > 4,
    );
    const { oldest } = await outbox().events({ after: 0, before: null, limit: 1, type: null });
    expect(oldest).toBe(7);
  });

  it("gives the first answer to an id that was used under it, and to one that is used after", async () => {
    moveTo(TRUE_TIME + AHEAD);
    const first = await publishOne({ id: "order-1", digest: "d" });
    moveTo(TRUE_TIME);
    const second = await publishOne({ id: "order-2", digest: "d" });
    expect(await publishOne({ id: "order-1", digest: "d" })).toEqual(first);
    expect(await publishOne({ id: "order-2", digest: "d" })).toEqual(second);
    expect(await head()).toBe(2);
  });

  it("lets a new endpoint start from a time, and misses nothing from there on", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: -3, max: 45 }), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: -3, max: 45 }),
        async (days, from) => {
          const before = await head();
          const logged: { seq: number; at: number }[] = [];
          for (const day of days) {
            moveTo(TRUE_TIME + day * DAY);
            await publishOne();
            const [row] = await log("limit=1");
            logged.push({ seq: row?.seq ?? 0, at: Date.parse(row?.loggedAt ?? "") });
          }
          const start = await outbox().create(
            `ep_${crypto.randomUUID()}`,
            (await outbox().endpoint("ep_default"))?.row.config ?? expect.fail(),
            {
              at: "time",
              time: TRUE_TIME + from * DAY,
            },
          );
          const first = start === "unknown_event" ? 0 : (start.row.from ?? 0);
          // Retention takes what a later clock finds too old, also within this history.
          const { oldest } = await outbox().events({ after: null, before: null, limit: 1, type: null });
          const wanted = logged.filter(({ at, seq }) => at >= TRUE_TIME + from * DAY && seq > before && seq >= oldest);
          for (const { seq } of wanted) expect(seq).toBeGreaterThan(first);
        },
      ),
      { numRuns: 10, examples: [[[9, 0, 32], 0]] },
    );
  });
});

describe("longestDelay", () => {
  it("is longer than any delay, with its jitter", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20 * DAY)), (delays) => {
        for (const delay of [...delays, DAY]) expect(longestDelay(delays)).toBeGreaterThan(delay * 1.2);
      }),
    );
    expect(longestDelay([5000])).toBeLessThan(2 * DAY);
  });
});

describe("waits in memory", () => {
  it("end when the clock is set back", () => {
    fc.assert(
      fc.property(fc.integer({ min: 10 * 60_000, max: 400 * DAY }), (step) => {
        const backoff = new Backoff(300_000);
        backoff.failed("ep", TRUE_TIME + step);
        expect(backoff.ready("ep", TRUE_TIME)).toBe(true);
        const throttle = new Throttle(TRUE_TIME + step);
        const rate = { count: 1, windowMs: 1000 };
        const limits = { ordered: false, rate, concurrency: 48 };
        throttle.start(TRUE_TIME + step, rate);
        expect(throttle.ask(TRUE_TIME, limits)).toEqual({ go: false, why: "rate", waitMs: 1000 });
        expect(throttle.ask(TRUE_TIME + 1000, limits)).toEqual({ go: true });
      }),
    );
  });
});
