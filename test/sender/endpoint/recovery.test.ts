import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import type { Endpoint } from "../../../workers/sender/endpoint/endpoint.ts";
import { deliveries, endpoint, moveTo, outbox, publish, publishOne, receiver, useReceiver } from "../support.ts";

/** Deliveries that wait for a retry: sent once the endpoint is well again, sent now, skipped. */

useReceiver();

const START = Date.UTC(2040, 5, 1);
const HOUR = 3_600_000;
const ALL = { since: 0, until: null };
const fail = () => new Response("", { status: 500 });
const soon = (check: () => boolean | Promise<boolean>) => vi.waitUntil(check, { timeout: 10_000, interval: 10 });
const inState = async (state: string) => (await deliveries()).filter((row) => row.state === state);
const dueBy = async (time: number) => (await inState("due")).filter(({ due }) => (due ?? 0) <= time).length;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Publishes events that fail: their retry is an hour ahead. */
async function failing(count: number): Promise<void> {
  moveTo(START);
  await outbox().update("ep_default", { retrySeconds: [3600, 3600, 3600] });
  receiver.answer = fail;
  await publish(...Array.from({ length: count }, (_, n) => ({ type: n % 2 === 0 ? "order.paid" : "user.made" })));
  await soon(async () => (await inState("due")).length === count);
  expect(await dueBy(START + 600_000)).toBe(0);
  receiver.sent = [];
}

describe("after an outage", () => {
  it("the first success brings what waits forward, all of it, and each is sent once", async () => {
    await failing(20);
    moveTo(START + 90_000);
    receiver.answer = () => new Response("ok");
    await publishOne();
    await soon(async () => (await inState("delivered")).length === 21);
    expect(receiver.sent).toHaveLength(21);
    expect((await deliveries()).slice(1).map(({ attempts }) => attempts.length)).toEqual(Array(20).fill(2));
  });

  it("a restart in the middle goes on", async () => {
    await failing(20);
    await outbox().update("ep_default", { concurrency: 1 });
    moveTo(START + 90_000);
    receiver.answer = async () => {
      await pause(50);
      return new Response("ok");
    };
    await publishOne();
    await soon(() => receiver.sent.length > 3);
    await evictDurableObject(endpoint());
    expect((await inState("due")).length).toBeGreaterThan(0);
    await endpoint().wake();
    await soon(async () => (await inState("delivered")).length === 21);
  });

  it("a success that stays alone costs no delivery an attempt of its schedule, however often", async () => {
    await failing(20);
    for (let outage = 1; outage <= 3; outage++) {
      moveTo(START + outage * 90_000);
      receiver.sent = [];
      receiver.answer = () => (receiver.sent.length === 1 ? new Response("ok") : fail());
      await publishOne();
      await soon(() => receiver.sent.length > 1);
      await pause(300);
      // Three failures in a row end it; a few more may have been under way.
      expect(receiver.sent.length).toBeLessThan(12);
    }
    const rows = await inState("due");
    expect(rows).toHaveLength(20);
    expect(new Set(rows.map(({ attempts, skip }) => attempts.length - skip))).toEqual(new Set([1]));
  });

  it("one failure among successes brings nothing forward", async () => {
    moveTo(START);
    receiver.answer = ({ body }) => (body.includes("poison") ? fail() : new Response("ok"));
    await publishOne({ data: '"poison"' });
    await soon(async () => (await inState("due")).length === 1);
    await publish({}, {}, {});
    await soon(async () => (await inState("delivered")).length === 3);
    await pause(100);
    expect((await inState("due"))[0]?.attempts).toHaveLength(1);
  });

  it("a hold is kept", async () => {
    await failing(5);
    moveTo(START + 90_000);
    receiver.answer = () =>
      receiver.sent.length === 1
        ? new Response("ok")
        : new Response("", { status: 503, headers: { "retry-after": "60" } });
    await publishOne();
    await soon(async () => (await endpoint().status()).heldUntil !== null);
    await pause(200);
    const before = receiver.sent.length;
    await endpoint().recover({ ...ALL, states: ["due"] });
    await endpoint().wake();
    await pause(200);
    expect(receiver.sent).toHaveLength(before);
    receiver.answer = () => new Response("ok");
    moveTo(START + 90_000 + 120_000);
    await endpoint().wake();
    await soon(async () => (await inState("delivered")).length === 6);
  });

  it("an ordered endpoint gets them in order", async () => {
    await failing(6);
    await outbox().update("ep_default", { ordered: true });
    moveTo(START + 90_000);
    receiver.answer = () => new Response("ok");
    const first = (await deliveries()).at(-1);
    await endpoint().redeliver({ log: null, seq: first?.seq ?? 0, body: null, failed: false });
    await endpoint().wake();
    await soon(async () => (await inState("delivered")).length === 6);
    const order = (await deliveries()).toReversed().map(({ id }) => id);
    expect(receiver.sent.map(({ id }) => id)).toEqual(order);
  });
});

describe("recover", () => {
  it("sends what waits now, of the types asked for, and says how many", async () => {
    await failing(10);
    receiver.answer = () => new Response("ok");
    expect(await endpoint().recover({ ...ALL, since: START + HOUR, states: ["due"] })).toBe(0);
    expect(await endpoint().recover({ ...ALL, types: ["none.*"], states: ["due"] })).toBe(0);
    expect(await endpoint().recover(ALL)).toBe(0);
    // Rows: two for each delivery, its index entry included.
    const rows = await runInDurableObject(endpoint(), async (instance: Endpoint) => {
      const before = instance.store.sql.rowsWritten;
      expect(await instance.recover({ ...ALL, types: ["user.*"], states: ["dead", "due"] })).toBe(5);
      return instance.store.sql.rowsWritten - before;
    });
    expect(rows).toBeLessThanOrEqual(5 * 3 + 1);
    await endpoint().wake();
    await soon(async () => (await inState("delivered")).length >= 5);
    expect(receiver.sent.length).toBeGreaterThanOrEqual(5);
  });
});

describe("skip", () => {
  it("ends what waits without a failure's report, and neither recover nor a restart sends it", async () => {
    await failing(10);
    expect(await endpoint().skip({ ...ALL, types: ["order.paid"] })).toBe(5);
    expect((await inState("dead")).map(({ due, mark }) => [due, mark])).toEqual(Array(5).fill([null, "skipped"]));
    expect(await endpoint().skip(ALL)).toBe(5);
    expect(await endpoint().skip(ALL)).toBe(0);
    expect(await endpoint().recover({ ...ALL, states: ["dead", "due"] })).toBe(0);
    await evictDurableObject(endpoint());
    moveTo(START + 24 * HOUR);
    await endpoint().wake();
    await pause(100);
    expect(receiver.sent).toEqual([]);
    // A person may still send one of them.
    receiver.answer = () => new Response("ok");
    const seq = (await deliveries())[0]?.seq ?? 0;
    expect(await endpoint().redeliver({ log: null, seq, body: null, failed: false })).toBe("scheduled");
    await endpoint().wake();
    await soon(async () => (await inState("delivered")).length === 1);
  });

  it("lets an ordered endpoint go on behind it", async () => {
    moveTo(START);
    await outbox().update("ep_default", { ordered: true });
    receiver.answer = ({ body }) => (body.includes("poison") ? fail() : new Response("ok"));
    await publishOne({ data: '"poison"' });
    await soon(async () => (await inState("due")).length === 1);
    await publish({}, {});
    await pause(100);
    expect(receiver.sent).toHaveLength(1);
    expect(await endpoint().skip(ALL)).toBe(1);
    await soon(async () => (await inState("delivered")).length === 2);
  });
});
