import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import {
  endpoint,
  head,
  moveTo,
  newEvent,
  outbox,
  publish,
  publishOne,
  receiver,
  settled,
  useReceiver,
} from "../support.ts";

useReceiver();

const MINUTE = 60_000;

describe("Outbox.publish", () => {
  it("gives each event the next seq and an id of its own, and delivers each once", async () => {
    const result = await publish({}, {}, {});
    expect(result).toMatchObject({ ok: true, events: [{ seq: 1 }, { seq: 2 }, { seq: 3 }] });
    await settled(3);
    expect(receiver.sent).toHaveLength(3);
    expect(new Set(receiver.sent.map(({ id }) => id)).size).toBe(3);
  });

  it("gives a repeated id the first answer, fifty times at once", async () => {
    const event = { id: "order-1", digest: "d1" };
    const results = await Promise.all(Array.from({ length: 50 }, () => publish(event)));
    expect(new Set(results.map((result) => JSON.stringify(result)))).toEqual(
      new Set([JSON.stringify({ ok: true, events: [{ id: "order-1", seq: 1 }] })]),
    );
    await settled(1);
    expect(await head()).toBe(1);
  });

  it.each([
    ["an id with other content", { id: "order-1", digest: "other" }, "id_conflict"],
    ["an id of our shape that we never made", { id: "msg_01ARZ3NDEKTSV4RRFFQ69G5FAV", digest: "d1" }, "invalid_event"],
  ])("refuses %s, and with it the whole array", async (_name, bad, code) => {
    await publishOne({ id: "order-1", digest: "d1" });
    expect(await publish({}, bad, {})).toMatchObject({ ok: false, code });
    expect(await head()).toBe(1);
  });

  it("refuses an array that gives one id to two events", async () => {
    const result = await publish({ id: "a", digest: "1" }, { id: "a", digest: "2" });
    expect(result).toMatchObject({ ok: false, code: "id_conflict" });
    expect(await head()).toBe(0);
  });

  it("logs an event once that an array repeats", async () => {
    const result = await publish({ id: "a", digest: "1" }, { id: "a", digest: "1" });
    expect(result).toMatchObject({ events: [{ seq: 1 }, { seq: 1 }] });
  });

  it("takes its own id back as the event it names, and refuses it for another", async () => {
    const { id } = await publishOne();
    expect(await publish({ id, digest: "any" })).toMatchObject({ ok: true, events: [{ id, seq: 1 }] });
    expect(await publish({ id, data: "1", digest: "any" })).toMatchObject({ ok: false, code: "id_conflict" });
  });

  it("answers a repeated Idempotency-Key as before, and refuses it for another request", async () => {
    const call = { events: [newEvent()], request: { key: "k", digest: "d" } };
    const [first, again] = [await outbox().publish(call), await outbox().publish(call)];
    expect(again).toEqual(first);
    expect(await outbox().publish({ ...call, request: { key: "k", digest: "e" } })).toMatchObject({
      code: "id_conflict",
    });
    expect(await head()).toBe(1);
  });

  it("remembers ids and goes on counting after it was evicted", async () => {
    await publishOne({ id: "order-1", digest: "d1" });
    await settled(1);
    await evictDurableObject(outbox());
    expect(await publish({ id: "order-1", digest: "d1" })).toMatchObject({ events: [{ seq: 1 }] });
    expect(await publishOne()).toMatchObject({ seq: 2 });
  });

  it("refuses only the call that cannot be stored, not those of the same turn", async () => {
    const unstorable = { type: null as never }; // the column refuses it, as a full disk would
    const results = await Promise.all([publish({}), publish(unstorable), publish({})]);
    expect(results.map(({ ok }) => ok)).toEqual([true, false, true]);
    expect(results[1]).toMatchObject({ code: "storage_unavailable" });
    expect(await head()).toBe(2);
    await settled(2);
  });

  it.each([
    ["lets `at` not go back when the clock is set back by minutes", 4 * MINUTE, 0],
    ["believes a clock that is set back by more than minutes", 40 * 24 * 60 * MINUTE, 40 * 24 * 60 * MINUTE],
  ])("%s", async (_name, step, back) => {
    const ahead = Date.UTC(2026, 5, 1);
    moveTo(ahead);
    await publishOne();
    moveTo(ahead - step);
    await publishOne();
    await settled(2);
    const times = receiver.sent.map(({ body }) => Date.parse(JSON.parse(body).timestamp));
    expect(times.toSorted((a, b) => b - a)).toEqual([ahead, ahead - back]);
  });

  it("arms its alarm in the commit that an answer waits for: I1 (armed while behind)", async () => {
    await publishOne();
    await runInDurableObject(outbox(), async (_instance, state) => {
      expect(await state.storage.getAlarm()).toBeGreaterThan(Date.now());
    });
  });

  it("needs no alarm once everything is taken and the positions are written", async () => {
    await publishOne();
    await settled(1);
    await runDurableObjectAlarm(outbox());
    await runInDurableObject(outbox(), async (_instance, state) => {
      expect(await state.storage.getAlarm()).toBeNull();
    });
  });
});

describe("scheduled events", () => {
  const due = Date.UTC(2026, 5, 1, 12);

  it("wait for their time, then enter the log in the order they were due", async () => {
    moveTo(due - MINUTE);
    const scheduled = await publish(
      { id: "b", digest: "2", deliverAt: due + 1 },
      { id: "a", digest: "1", deliverAt: due },
      { id: "c", digest: "3", deliverAt: due + 1 },
    );
    expect(scheduled).toEqual({ ok: true, events: ["b", "a", "c"].map((id) => ({ id, seq: null })) });
    await runDurableObjectAlarm(outbox());
    expect(await head()).toBe(0);
    moveTo(due + 1);
    await runDurableObjectAlarm(outbox());
    await settled(3);
    expect((await settled(3)).map(({ id }) => id)).toEqual(["c", "b", "a"]);
    const [first] = receiver.counts().get("a") ?? [];
    expect(JSON.parse(first?.body ?? "")).toMatchObject({ timestamp: new Date(due).toISOString() });
  });

  it("give a repeated id the first answer before and after their time", async () => {
    moveTo(due - MINUTE);
    const event = { id: "a", digest: "1", deliverAt: due };
    const first = await publish(event);
    expect(await publish(event)).toEqual(first);
    moveTo(due);
    await runDurableObjectAlarm(outbox());
    await settled(1);
    expect(await publish(event)).toEqual(first);
    expect(await head()).toBe(1);
  });

  it("survive an eviction with their alarm", async () => {
    moveTo(due - MINUTE);
    await publish({ id: "a", digest: "1", deliverAt: due });
    await evictDurableObject(outbox());
    moveTo(due);
    await runDurableObjectAlarm(outbox());
    expect(await settled(1)).toMatchObject([{ id: "a", state: "delivered" }]);
  });
});

describe("Outbox.tick", () => {
  it("schedules the minute's events once, however often the tick comes", async () => {
    const t = Date.UTC(2026, 5, 1, 12);
    moveTo(t);
    await Promise.all([outbox().tick(t), outbox().tick(t)]);
    await outbox().tick(t);
    moveTo(t + MINUTE);
    await runDurableObjectAlarm(outbox());
    // PERIODIC_SECONDS is 60 when deployed: one event, due at the end of the window.
    const [only, ...others] = await settled(1);
    expect(others).toEqual([]);
    expect(only).toMatchObject({ type: "value.changed", state: "delivered" });
    expect(JSON.parse(receiver.sent[0]?.body ?? "").data.timestamp).toBe((t + MINUTE) / 1000);
  });

  it("offers again what a lost alarm and a lost kick left behind", async () => {
    receiver.answer = () => Promise.reject(new Error("Network connection lost."));
    await publishOne();
    await settled(1);
    receiver.answer = () => new Response("ok");
    await evictDurableObject(outbox());
    await runInDurableObject(outbox(), async (_instance, state) => state.storage.deleteAlarm());
    moveTo(Date.now() + 7 * MINUTE);
    await outbox().tick(Date.now());
    await vi.waitUntil(async () => (await settled(1))[0]?.state === "delivered");
  });
});

describe("retention", () => {
  const DAY = 24 * 60 * MINUTE;
  const start = Date.UTC(2026, 5, 1);

  async function tables(stub: DurableObjectStub, prefix: string): Promise<string[]> {
    return runInDurableObject(stub, (_instance, state) =>
      state.storage.sql
        .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB ?", `${prefix}_*`)
        .toArray()
        .map(({ name }) => name),
    );
  }

  it("drops whole tables of events, ids and deliveries once they are past it, never the newest", async () => {
    for (const day of [0, 6, 12]) {
      moveTo(start + day * DAY);
      await publishOne({ id: `day-${day}`, digest: "d" });
      await settled(day / 6 + 1);
    }
    expect(await tables(outbox(), "ev")).toEqual(["ev_1", "ev_2", "ev_3"]);
    expect(await tables(endpoint(), "del")).toHaveLength(3);
    const keys = await tables(outbox(), "keys");
    moveTo(start + 37 * DAY);
    await outbox().tick(Date.now());
    await vi.waitUntil(async () => (await tables(outbox(), "ev")).length === 2);
    expect(await tables(outbox(), "ev")).toEqual(["ev_2", "ev_3"]);
    expect(await tables(endpoint(), "del")).toHaveLength(2);
    expect((await tables(outbox(), "keys")).filter((name) => keys.includes(name))).toEqual(keys.slice(1));
    // An id is forgotten with its table, and the log goes on where it was.
    moveTo(start + 200 * DAY);
    await outbox().tick(Date.now());
    const before = await head();
    expect(await publishOne({ id: "day-0", digest: "other" })).toMatchObject({ seq: before + 1 });
    await settled(1);
    await vi.waitUntil(() => receiver.counts().get("day-0")?.length === 2);
  });
});
