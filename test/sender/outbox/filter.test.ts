import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { fetchSender, outbox, publish, receiver, runAlarms, settled, useReceiver } from "../support.ts";

/** Filters of the content, on the way of an event from the log to an endpoint. */

useReceiver();

const ORIGIN = "http://localhost:5000";
const LARGE = { path: "total", gte: { number: "9007199254740993" } };

async function call(method: string, path: string, body?: string | object) {
  const text = typeof body === "object" ? JSON.stringify(body) : body;
  const response = await fetchSender(`${ORIGIN}${path}`, {
    method,
    headers: { accept: "application/json", "content-type": "application/json" },
    ...(text !== undefined && { body: text }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const change = (filter: object | null) => call("PATCH", "/endpoints/ep_default", { filter });
const totals = () => receiver.sent.map(({ body }) => /"total":([^}]*)/.exec(body)?.[1]);
const order = (total: string | number) => ({ data: `{"total":${total}}` });
const until = (check: () => boolean) => vi.waitUntil(check, { timeout: 15_000, interval: 5 });

describe("an endpoint with a filter", () => {
  it("gets the events that match, and its number stays exact", async () => {
    const patched = await call("PATCH", "/endpoints/ep_default", '{"filter":{"path":"total","gte":9007199254740993}}');
    expect([patched.status, patched.body.filter]).toEqual([200, LARGE]);
    await publish(order("9007199254740992"), order("9007199254740993"), order(5), order("1e16"));
    await settled(2);
    expect(totals()).toEqual(["9007199254740993", "1e16"]);
    expect((await call("GET", "/endpoints/ep_default")).body).toMatchObject({ lag: 0, filter: LARGE });
  });

  it("is refused by name where the filter is wrong, and keeps what it had", async () => {
    const { status, body } = await change({ all: [{ path: "total", gte: "5" }] });
    expect([status, body.code]).toEqual([422, "invalid_endpoint"]);
    expect(body.detail).toContain("filter.all[0].gte must be a number");
    expect((await call("GET", "/endpoints/ep_default")).body.filter).toBeNull();
  });

  it("is not counted by /trigger for an event that does not match", async () => {
    await change({ path: "total", gte: 10 });
    const trigger = (total: number) => call("POST", "/trigger", { total });
    expect((await trigger(9)).body.endpoints).toEqual([]);
    expect((await trigger(10)).body.endpoints).toMatchObject([{ endpointId: "ep_default", state: "delivered" }]);
  });

  it("catches up with what matches, from the tables, after it was disabled and the log restarted", async () => {
    await change({ path: "n", in: [3, 250, 299] });
    await call("PATCH", "/endpoints/ep_default", { enabled: false });
    for (let first = 0; first < 300; first += 100) {
      await publish(...Array.from({ length: 100 }, (_, n) => ({ data: `{"n":${first + n}}` })));
    }
    await evictDurableObject(outbox());
    expect((await call("GET", "/endpoints/ep_default")).body).toMatchObject({ lag: 3, lagIsAtLeast: false });
    await call("PATCH", "/endpoints/ep_default", { enabled: true });
    await settled(3);
    await runAlarms();
    expect(receiver.sent.map(({ body }) => /"n":(\d+)/.exec(body)?.[1])).toEqual(["3", "250", "299"]);
  });

  it("goes through large events in steps", async () => {
    await call("PATCH", "/endpoints/ep_default", { enabled: false, filter: { path: "total", equals: 19 } });
    const text = "x".repeat(200 * 1024);
    for (let n = 0; n < 20; n++) await publish({ data: `{"text":"${text}","total":${n}}` });
    await evictDurableObject(outbox());
    expect((await call("GET", "/endpoints/ep_default")).body).toMatchObject({ lag: 0, lagIsAtLeast: true });
    await call("PATCH", "/endpoints/ep_default", { enabled: true });
    await until(() => receiver.sent.length === 1);
    expect(totals()).toEqual(["19"]);
  });

  it("gets by a new filter what is published from then on, and of what waits only what both match", async () => {
    await change({ path: "total", gte: 10 });
    await call("PATCH", "/endpoints/ep_default", { enabled: false });
    await publish(order(5), order(15), order(25));
    await change({ path: "total", lt: 20 });
    await publish(order(6), order(26));
    await call("PATCH", "/endpoints/ep_default", { enabled: true });
    await settled(2);
    await publish(order(7));
    await until(() => receiver.sent.length >= 3);
    expect(totals()).toEqual(["15", "6", "7"]);
  });

  it("gets tests and a replay by the filter of now", async () => {
    await publish(order(1), order(2), order(3));
    await settled(3);
    await change({ path: "total", gte: 2 });
    expect((await call("POST", "/endpoints/ep_default/test", {})).status).toBe(200);
    receiver.sent = [];
    const { body } = await call("POST", "/endpoints/ep_default/replay", { after: 0, only: "all", types: ["order.*"] });
    expect(body).toMatchObject({ found: 2, foundAll: true });
    await until(() => receiver.sent.length === 2);
    expect(totals()).toEqual(["2", "3"]);
    const state = async () => ((await call("GET", "/endpoints/ep_default")).body.replay as { state: string }).state;
    await vi.waitUntil(async () => (await state()) === "done", { timeout: 15_000, interval: 10 });
    await evictDurableObject(outbox());
    const again = await call("POST", "/endpoints/ep_default/replay", { after: 1, only: "all", types: ["user.*"] });
    expect(again.body).toMatchObject({ found: 0, foundAll: true });
  });

  it("tries a filter on the newest events, and changes nothing", async () => {
    await call("PATCH", "/endpoints/ep_default", { types: ["order.*"] });
    await publish(order(1), order("9007199254740993"), { ...order(9), type: "user.made" });
    await settled(2);
    const path = "/endpoints/ep_default/filter/try";
    const filter = { all: [{ path: "total", gt: 1 }] };
    const { status, body } = await call("POST", path, { filter });
    expect([status, body.matched]).toEqual([200, 1]);
    expect(body.events).toMatchObject([
      { seq: 3, type: "user.made", matches: false, failed: { at: "types", types: ["order.*"] } },
      { seq: 2, matches: true, failed: null },
      { seq: 1, matches: false, failed: { at: "all[0]", condition: { path: "total", gt: 1 }, found: "1" } },
    ]);
    expect((await call("POST", path, '{"filter":{"path":"total","equals":9007199254740993}}')).body.matched).toBe(1);
    expect((await call("POST", path, { limit: 2 })).body).toMatchObject({
      matched: 1,
      events: [{ seq: 3 }, { seq: 2 }],
    });
    expect((await call("GET", "/endpoints/ep_default")).body.filter).toBeNull();
    for (const [wrong, reason] of [
      [{ filter: { path: "a" } }, "filter needs a test"],
      [{ limit: 0 }, "limit must be a whole number from 1 to 200"],
      [{ filters: {} }, "filters"],
    ] as const) {
      const refused = await call("POST", path, wrong);
      expect([refused.status, refused.body.code]).toEqual([422, "invalid_endpoint"]);
      expect(refused.body.detail).toContain(reason);
    }
    expect((await call("POST", "/endpoints/ep_nobody/filter/try", {})).status).toBe(404);
  });

  it("is unwanted for what it does not take, and opens as a row of an earlier version", async () => {
    await runInDurableObject(outbox(), ({ store }) => {
      expect(store.registry.get("ep_default")?.config).not.toHaveProperty("filter");
    });
    await change({ path: "total", gte: 2 });
    await publish(order(1), order(2));
    await settled(1);
    const { body } = await call("GET", "/events?outcome=any");
    expect(body.events).toMatchObject([
      { seq: 2, outcome: "delivered" },
      { seq: 1, outcome: "unwanted" },
    ]);
  });
});
