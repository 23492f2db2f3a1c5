import { abortAllDurableObjects, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { Webhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import { describe, expect, it, vi } from "vitest";
import { wakeTime } from "../../../workers/sender/endpoint/retry.ts";
import { Outbox } from "../../../workers/sender/outbox/outbox.ts";
import { keepLogLines } from "../../support/log-lines.ts";
import {
  endpoint,
  logView,
  moveTo,
  outbox,
  publish,
  publishOne,
  receiver,
  runAlarms,
  settled,
  useReceiver,
} from "../support.ts";

useReceiver();

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/** A receiver that answers nobody until it is told to. */
function hold(): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  receiver.answer = () => promise.then(() => new Response("ok"));
  return resolve;
}

describe("Endpoint", () => {
  it.each([
    ["standardwebhooks", new Webhook(SECRET)],
    ["svix", new SvixWebhook(SECRET)],
  ])("signs what %s verifies", async (_name, judge) => {
    await publishOne({ data: '{"text":"é ☃ 9007199254740993"}' });
    await settled(1);
    const [sent] = receiver.sent;
    const headers = Object.fromEntries(sent?.headers ?? []);
    expect(() => judge.verify(sent?.body ?? "", headers)).not.toThrow();
    expect(() => judge.verify(`${sent?.body} `, headers)).toThrow();
    expect(headers).toMatchObject({
      "content-type": "application/json",
      "user-agent": expect.stringMatching(/^workers-webhooks/),
    });
  });

  it("retries on the schedule in order of due time, with the same id and body, and ends dead", async () => {
    const start = Date.UTC(2026, 5, 1);
    moveTo(start);
    receiver.answer = () => new Response("no", { status: 500 });
    await publishOne();
    let [row] = await settled(1);
    for (let attempt = 2; row?.state === "due"; attempt++) {
      moveTo(row.due ?? 0);
      await runDurableObjectAlarm(endpoint());
      [row] = await vi.waitUntil(
        async () => {
          const rows = await settled(1);
          return rows[0]?.attempts.length === attempt && rows;
        },
        { timeout: 15_000 },
      );
    }
    expect(row).toMatchObject({ state: "dead" });
    expect(row?.attempts).toHaveLength(10);
    expect(row?.attempts[0]).toMatchObject({ status: 500, code: null, response: "no" });
    expect(receiver.counts().size).toBe(1);
    expect(new Set(receiver.sent.map(({ body }) => body)).size).toBe(1);
    const hours = ((row?.attempts.at(-1)?.at ?? 0) - start) / 3_600_000;
    expect(hours).toBeGreaterThan(75 * 0.8);
    expect(hours).toBeLessThan(77 * 1.2);
  });

  it.each([
    ["a server error", () => new Response("x", { status: 503 }), { status: 503, code: null }],
    [
      "a redirect",
      () => new Response(null, { status: 302, headers: { location: "http://localhost/" } }),
      { status: 302, code: null },
    ],
    [
      "a lost connection",
      () => Promise.reject(new Error("Network connection lost.")),
      { status: 0, code: "connection_failed" },
    ],
    [
      "an error of the platform",
      () => Promise.reject(new Error("internal error")),
      { status: 0, code: "request_failed" },
    ],
    [
      "a failure whose body breaks off",
      () => new Response(new ReadableStream({ pull: (c) => c.error(new Error("lost")) }), { status: 500 }),
      { status: 500, code: "response_incomplete" },
    ],
  ])("records %s as a failed attempt that is due again", async (_name, answer, expected) => {
    receiver.answer = answer;
    await publishOne();
    const [row] = await settled(1);
    expect(row).toMatchObject({ state: "due", attempts: [expected] });
    expect(receiver.sent).toHaveLength(1);
    await runInDurableObject(endpoint(), async (_instance, state) => {
      expect(await state.storage.getAlarm()).toBe(wakeTime(row?.due ?? 0));
    });
  });

  it("delivers by a 2xx, and reads nothing of an endless response", async () => {
    let pulled = 0;
    const endless = () =>
      new ReadableStream({ pull: (c) => void c.enqueue(new Uint8Array(1024).fill(97 + (pulled++ % 2))) });
    receiver.answer = () => new Response(endless());
    await publishOne();
    expect((await settled(1))[0]).toMatchObject({ state: "delivered" });
    expect(pulled).toBeLessThan(3);
  });

  it("has at most six attempts in flight, and delivers a backlog larger than its queue once each", async () => {
    const release = hold();
    await Promise.all(Array.from({ length: 10 }, () => publish(...Array.from({ length: 60 }, () => ({})))));
    await vi.waitUntil(() => receiver.sent.length === 6);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(receiver.sent).toHaveLength(6);
    release();
    const rows = await vi.waitUntil(
      async () => {
        // The budget of one invocation is spent again and again; each time the alarm asks for the next.
        await runAlarms();
        const all = await settled(1);
        return all.length === 600 && all;
      },
      { timeout: 15_000 },
    );
    expect(rows.every(({ state }) => state === "delivered")).toBe(true);
    expect([...receiver.counts().values()].every((sent) => sent.length === 1)).toBe(true);
  });

  it.each([
    ["evicted", () => evictDurableObject(endpoint())],
    ["killed with the Outbox", () => abortAllDurableObjects()],
  ])("finds every event again after it was %s with deliveries under way", async (_name, kill) => {
    const release = hold();
    await publish(...Array.from({ length: 100 }, () => ({})));
    await vi.waitUntil(() => receiver.sent.length === 6);
    const killed = kill().catch(() => {});
    receiver.answer = () => new Response("ok");
    release();
    await killed;
    await vi.waitUntil(
      async () => {
        await runAlarms();
        return (await settled(1)).length === 100;
      },
      { timeout: 15_000 },
    );
    expect(receiver.counts().size).toBe(100);
  });

  it("is offered nothing past what it still has to pull, when the Outbox was evicted in between", async () => {
    let allowed = 0;
    receiver.answer = async () => {
      const mine = receiver.sent.length;
      await vi.waitUntil(() => mine <= allowed, { timeout: 15_000, interval: 2 });
      return new Response("ok");
    };
    await Promise.all(Array.from({ length: 5 }, () => publish(...Array.from({ length: 100 }, () => ({})))));
    await vi.waitUntil(async () => (await outbox().endpoint("ep_default"))?.acked === 500, { timeout: 10_000 });
    await runDurableObjectAlarm(outbox());
    // 200 were taken. With 50 of them answered, there is space for an offer, but not enough for a pull.
    allowed = 50;
    await settled(50);
    await evictDurableObject(outbox());
    expect(await outbox().pull("ep_default", null, 100)).toMatchObject({ upTo: 200 });
    await publishOne();
    await vi.waitUntil(async () => (await outbox().endpoint("ep_default"))?.acked === 501, { timeout: 10_000 });
    allowed = Number.POSITIVE_INFINITY;
    await vi.waitUntil(
      async () => {
        await runAlarms();
        return (await settled(1)).length === 501;
      },
      { timeout: 15_000 },
    );
    expect(receiver.counts().size).toBe(501);
  });

  it("has its alarm armed in the commit that takes an offer: I3 (armed while unrecorded)", async () => {
    hold();
    await publishOne();
    await vi.waitUntil(() => receiver.sent.length === 1);
    await runInDurableObject(endpoint(), async (_instance, state) => {
      expect(await state.storage.getAlarm()).toBeGreaterThan(Date.now());
    });
  });

  it("takes an offer again without sending twice what has a row", async () => {
    const { id, seq } = await publishOne();
    await settled(1);
    const events = [{ seq, at: 1, id, type: "a", body: "{}" }];
    const log = await logView();
    expect(await endpoint().offer({ log, after: 0, upTo: seq, events, revision: 1 })).toBe("taken");
    await evictDurableObject(endpoint());
    expect(await endpoint().offer({ log, after: 0, upTo: seq, events, revision: 1 })).toBe("taken");
    await runAlarms();
    expect(receiver.sent).toHaveLength(1);
  });

  it.each([
    ["an endpoint nobody configured", "ep_nobody", 1, "gone"],
    ["a newer revision than it has", "ep_default", 2, "stale"],
  ])("answers an offer to %s without taking it", async (_name, id, revision, answer) => {
    await publishOne();
    await settled(1);
    const log = await logView();
    expect(await endpoint(id).offer({ log, after: 1, upTo: 2, events: [], revision })).toBe(answer);
    await runInDurableObject(endpoint("ep_nobody"), (_instance, state) => {
      expect(state.storage.sql.exec("SELECT name FROM sqlite_master WHERE name LIKE 'del_%'").toArray()).toEqual([]);
    });
  });

  it("retries the delivery that blocks an ordered endpoint, though its queue is full", async () => {
    const start = Date.UTC(2026, 5, 1);
    moveTo(start);
    await outbox().update("ep_default", { ordered: true });
    receiver.answer = () => new Response("no", { status: 500 });
    await publishOne();
    const [first] = await settled(1);
    receiver.answer = () => new Response("ok");
    await publish(...Array.from({ length: 100 }, () => ({})));
    await publish(...Array.from({ length: 130 }, () => ({})));
    await vi.waitUntil(async () => (await outbox().endpoint("ep_default"))?.acked === 231);
    moveTo(first?.due ?? 0);
    await runDurableObjectAlarm(endpoint());
    await vi.waitUntil(async () => (await settled(1)).length > 1, { timeout: 5000 });
    expect(receiver.sent.slice(0, 2).map(({ id }) => id)).toEqual([first?.id, first?.id]);
    expect((await settled(2)).at(-1)).toMatchObject({ seq: 1, state: "delivered" });
  });

  it("pulls again what it dropped when it was disabled during a pull", async () => {
    await publishOne();
    await settled(1);
    const release = hold();
    await publish(...Array.from({ length: 9 }, () => ({})));
    await vi.waitUntil(() => receiver.sent.length === 7);
    const answered = Promise.withResolvers<void>();
    const { pull } = Outbox.prototype;
    const pulled = vi.spyOn(Outbox.prototype, "pull").mockImplementation(async function (
      this: Outbox,
      ...args: Parameters<typeof pull>
    ) {
      await answered.promise;
      return pull.apply(this, args);
    } as unknown as typeof pull);
    // The endpoint was told of an event that it does not have: it pulls after the tenth; the last three are still queued.
    await endpoint().offer({ log: { ...(await logView()), head: 11 }, after: 11, upTo: 11, events: [], revision: 1 });
    await vi.waitUntil(() => pulled.mock.calls.length === 1);
    await outbox().update("ep_default", { enabled: false });
    await publishOne();
    answered.resolve();
    await pulled.mock.results[0]?.value;
    release();
    receiver.answer = () => new Response("ok");
    await outbox().update("ep_default", { enabled: true });
    expect((await settled(11)).map(({ seq }) => seq)).toEqual(Array.from({ length: 11 }, (_, n) => 11 - n));
  });

  it("keeps the order when a person redelivers the delivery that blocks the others", async () => {
    await outbox().update("ep_default", { ordered: true });
    receiver.answer = () => new Response("no", { status: 500 });
    const first = await publishOne();
    await settled(1);
    receiver.answer = () => new Response("ok");
    const second = await publishOne();
    await vi.waitUntil(async () => (await outbox().endpoint("ep_default"))?.acked === second.seq);
    expect(await endpoint().redeliver({ log: null, seq: first.seq, body: null })).toBe("scheduled");
    await runDurableObjectAlarm(endpoint());
    await settled(2);
    expect(receiver.sent.map(({ id }) => id)).toEqual([first.id, first.id, second.id]);
  });

  it("counts each of many attempts once in its log, and those that delivered together in few lines", async () => {
    const lines = keepLogLines();
    await publish(...Array.from({ length: 100 }, () => ({})));
    await settled(100);
    const alone = lines.filter(({ event }) => event === "attempt.made").length;
    const together = lines.filter(({ event }) => event === "attempts.made");
    expect(together.reduce((sum, { delivered }) => sum + Number(delivered), alone)).toBe(100);
    expect(alone + together.length).toBeLessThan(60);
  });

  it("has a line for each failed attempt in its log, however many there are", async () => {
    const lines = keepLogLines();
    receiver.answer = () => new Response("no", { status: 500 });
    await publish(...Array.from({ length: 20 }, () => ({})));
    await settled(20);
    expect(lines.filter(({ event }) => event === "attempt.made")).toHaveLength(20);
    expect(lines.filter(({ event }) => event === "attempts.made")).toEqual([]);
  });
});
