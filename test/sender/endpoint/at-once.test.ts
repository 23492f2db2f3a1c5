import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import {
  deliveries,
  endpoint,
  fetchSender,
  moveTo,
  outbox,
  publish,
  publishOne,
  receiver,
  useReceiver,
} from "../support.ts";

/** What takes effect at once, whatever waits: a test event, and another order. */

useReceiver();

const START = Date.UTC(2040, 5, 1);
const TEST = /"type":"webhook.test"/;
const soon = <Value>(check: () => Value | Promise<Value>) => vi.waitUntil(check, { timeout: 5000, interval: 5 });
const sentTests = () => receiver.sent.filter(({ body }) => TEST.test(body));

async function test(): Promise<{ status: number; id: string; outcome: object }> {
  const response = await fetchSender("http://localhost:5000/endpoints/ep_default/test", { method: "POST" });
  return { status: response.status, ...(await response.json<{ id: string; outcome: object }>()) };
}

/** Makes tests pass, and everything else wait for ever. */
function onlyTests(): void {
  receiver.answer = ({ body }) => (TEST.test(body) ? new Response("ok") : new Promise<never>(() => {}));
}

describe("a test event", () => {
  const ways: [name: string, block: () => Promise<void>][] = [
    [
      "the delivery that blocks an ordered endpoint",
      async () => {
        await outbox().update("ep_default", { ordered: true });
        receiver.answer = ({ body }) => new Response("", { status: TEST.test(body) ? 200 : 500 });
        await publish({}, {}, {});
        await soon(async () => (await deliveries()).length === 1);
      },
    ],
    [
      "a rate of one a second",
      async () => {
        await outbox().update("ep_default", { rateLimit: { perSecond: 1 } });
        await publish(...Array.from({ length: 50 }, () => ({})));
      },
    ],
    [
      "a queue that is full behind attempts under way",
      async () => {
        onlyTests();
        for (let n = 0; n < 3; n++) await publish(...Array.from({ length: 100 }, () => ({})));
        await soon(() => receiver.sent.length === 6);
      },
    ],
    [
      "a hold of an hour",
      async () => {
        receiver.answer = () => new Response("", { status: 429, headers: { "retry-after": "3600" } });
        await publishOne();
        await soon(async () => (await endpoint().status()).heldUntil !== null);
        receiver.answer = () => new Response("ok");
      },
    ],
    [
      "an endpoint slowed by failures",
      async () => {
        receiver.answer = ({ body }) => new Response("", { status: TEST.test(body) ? 200 : 500 });
        await publish(...Array.from({ length: 5 }, () => ({})));
        await soon(async () => (await deliveries()).length === 5);
        onlyTests();
        await publish({}, {});
      },
    ],
  ];
  it.each(ways)("is sent at once, past %s", async (_name, block) => {
    moveTo(START);
    await block();
    const before = Date.now();
    expect(await test()).toMatchObject({ status: 200, outcome: { state: "delivered", status: 200 } });
    expect(Date.now() - before).toBeLessThan(3000);
    expect(sentTests()).toHaveLength(1);
  });

  it.each([
    ["500", () => new Response("no", { status: 500 }), { status: 500, code: null }],
    ["nothing", () => Promise.reject(new Error("Network connection lost.")), { status: 0, code: "connection_failed" }],
    [
      "429 with a wait",
      () => new Response("no", { status: 429, headers: { "retry-after": "1" } }),
      { status: 429, code: null },
    ],
  ])("is sent once when %s comes back, and not with what is recovered", async (_name, answer, expected) => {
    moveTo(START);
    receiver.answer = answer;
    expect(await test()).toMatchObject({ status: 202, outcome: { state: "dead", ...expected } });
    expect((await deliveries())[0]).toMatchObject({ type: "webhook.test", state: "dead", due: null });
    expect(await endpoint().recover({ since: 0, until: null })).toBe(0);
    moveTo(START + 86_400_000);
    await runDurableObjectAlarm(endpoint());
    await runDurableObjectAlarm(outbox());
    await evictDurableObject(endpoint());
    await endpoint().wake();
    receiver.answer = () => new Response("ok");
    await publishOne();
    await soon(async () => (await deliveries()).length === 2);
    expect(sentTests()).toHaveLength(1);
  });

  it("is sent once though its call and the log's offer cross", async () => {
    const ids = await Promise.all(Array.from({ length: 10 }, async () => (await test()).id));
    await publishOne();
    await soon(async () => (await deliveries()).length === 11);
    expect(
      sentTests()
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual(ids.toSorted());
  });
});

describe("PATCH {ordered: false}", () => {
  it("sends at once what waited for the delivery that blocks", async () => {
    moveTo(START);
    await outbox().update("ep_default", { ordered: true });
    receiver.answer = () => new Response("", { status: 500 });
    const first = await publishOne();
    await soon(async () => (await deliveries()).length === 1);
    receiver.answer = () => new Response("ok");
    await publish({}, {}, {});
    await soon(async () => (await outbox().endpoint("ep_default"))?.acked === 4);
    expect(receiver.sent.map(({ id }) => id)).toEqual([first.id]);
    await outbox().update("ep_default", { ordered: false });
    await soon(async () => (await deliveries()).filter(({ state }) => state === "delivered").length === 3);
    expect((await deliveries()).at(-1)).toMatchObject({ id: first.id, state: "due" });
  });

  it("sends beside an attempt that hangs", async () => {
    await outbox().update("ep_default", { ordered: true });
    receiver.answer = () => new Promise<never>(() => {});
    await publishOne();
    await soon(() => receiver.sent.length === 1);
    receiver.answer = () => new Response("ok");
    await publish({}, {}, {});
    await soon(async () => (await outbox().endpoint("ep_default"))?.acked === 4);
    expect(receiver.sent).toHaveLength(1);
    await outbox().update("ep_default", { ordered: false });
    await soon(async () => (await deliveries()).length === 3);
  });
});
