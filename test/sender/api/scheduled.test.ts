import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { fetchSender, head, moveTo, outbox, receiver, useReceiver } from "../support.ts";

/** Events that wait for their time: listed, cancelled, and the race of a cancel with the release. */

useReceiver();

const ORIGIN = "http://localhost:5000";
const START = Date.UTC(2040, 5, 1);
const MINUTE = 60_000;
const inMinutes = (minutes: number) => new Date(START + minutes * MINUTE).toISOString();

beforeEach(() => moveTo(START));

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await fetchSender(`${ORIGIN}${path}`, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body) }),
    headers: { ...(body !== undefined && { "content-type": "application/json" }), ...headers },
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? null : JSON.parse(text) };
}

const schedule = (id: string, minutes: number, data: unknown = { n: minutes }) =>
  call("POST", "/events", { type: "order.due", id, data, deliverAt: inMinutes(minutes) });

const listed = async (query = "") => (await call("GET", `/events?scheduled=true${query}`)).body;

describe("GET /events?scheduled=true", () => {
  it("lists by pages what waits, those first that are due first", async () => {
    for (const [id, minutes] of [
      ["c", 30],
      ["a", 10],
      ["b", 20],
      ["d", 30],
    ] as const)
      await schedule(id, minutes);
    expect(await listed()).toEqual({
      events: ["a", "b", "c", "d"].map((id, index) => {
        const minutes = [10, 20, 30, 30][index] ?? 0;
        return { id, type: "order.due", deliverAt: inMinutes(minutes), data: { n: minutes } };
      }),
      next: null,
      count: 4,
    });
    const pages: string[][] = [];
    let after = "";
    for (let page = await listed("&limit=1"); ; page = await listed(`&limit=1&after=${after}`)) {
      pages.push(page.events.map(({ id }: { id: string }) => id));
      if (page.next === null) break;
      after = page.next;
    }
    expect(pages).toEqual([["a"], ["b"], ["c"], ["d"]]);
  });

  it("ends a page of large events early, and goes on behind it", async () => {
    for (let n = 0; n < 12; n++) await schedule(`large-${n}`, 10 + n, "x".repeat(200_000));
    const found: string[] = [];
    let query = "&limit=50";
    for (;;) {
      const page = await listed(query);
      found.push(...page.events.map(({ id }: { id: string }) => id));
      if (page.next === null) break;
      query = `&limit=50&after=${page.next}`;
    }
    expect(found).toEqual(Array.from({ length: 12 }, (_, n) => `large-${n}`));
  });

  it.each([
    ["?scheduled=false", "`scheduled` is true"],
    ["?scheduled=true&type=a", "`type` does not go with"],
    ["?scheduled=true&before=1", "`before` does not go with"],
    ["?scheduled=true&after=1", "A cursor is the `next`"],
    ["?scheduled=true&limit=501", "`limit`"],
  ])("%s answers 400", async (query, detail) => {
    const { status, body } = await call("GET", `/events${query}`);
    expect([status, body.detail]).toEqual([400, expect.stringContaining(detail)]);
  });
});

describe("DELETE /events/:id", () => {
  it("cancels what is not due yet, and says so again", async () => {
    await schedule("a", 10);
    await schedule("b", 10);
    expect((await call("DELETE", "/events/a")).status).toBe(204);
    expect((await call("DELETE", "/events/a")).status).toBe(204);
    await evictDurableObject(outbox());
    expect((await call("DELETE", "/events/a")).status).toBe(204);
    expect(await listed()).toMatchObject({ events: [{ id: "b" }], count: 1 });
    moveTo(START + 11 * MINUTE);
    await runDurableObjectAlarm(outbox());
    await vi.waitUntil(() => receiver.sent.length === 1, { timeout: 10_000, interval: 5 });
    expect(receiver.sent.map(({ id }) => id)).toEqual(["b"]);
    expect(await head()).toBe(1);
  });

  it("of an event with an id of ours cancels that", async () => {
    const { body } = await call("POST", "/events", { type: "order.due", data: 1, deliverAt: inMinutes(5) });
    expect((await call("DELETE", `/events/${body.id}`)).status).toBe(204);
    expect(await listed()).toMatchObject({ events: [], count: 0 });
  });

  it("refuses one that is in the log, by its seq, and one that was never there", async () => {
    await schedule("due", 10);
    const { body } = await call("POST", "/events", { type: "order.paid", data: 1 });
    moveTo(START + 11 * MINUTE);
    await runDurableObjectAlarm(outbox());
    expect(await call("DELETE", "/events/due")).toMatchObject({
      status: 409,
      body: { code: "event_released", seq: 2 },
    });
    expect(await call("DELETE", `/events/${body.id}`)).toMatchObject({ status: 409, body: { seq: 1 } });
    expect(await call("DELETE", "/events/none")).toMatchObject({ status: 404, body: { code: "not_found" } });
  });

  it("is told to whom publishes the id again; an Idempotency-Key gets its first answer", async () => {
    const event = { type: "order.due", id: "a", data: 1, deliverAt: inMinutes(10) };
    const key = { "idempotency-key": '"k"' };
    const first = await call("POST", "/events", event, key);
    await call("DELETE", "/events/a");
    expect(await call("POST", "/events", event, key)).toEqual(first);
    expect(await call("POST", "/events", event)).toMatchObject({ status: 409, body: { code: "event_cancelled" } });
    expect(await call("POST", "/events", [{ type: "x", data: 1 }, event])).toMatchObject({ status: 409 });
    expect(await call("POST", "/events", { ...event, data: 2 })).toMatchObject({
      status: 422,
      body: { code: "id_conflict" },
    });
    expect(await head()).toBe(0);
    expect(await listed()).toMatchObject({ count: 0 });
  });

  it.each(["cancel", "release"])("races with the release, and one of them wins: %s first", async (first) => {
    const ids = Array.from({ length: 20 }, (_, n) => `race-${n}`);
    for (const id of ids) await schedule(id, 10);
    moveTo(START + 10 * MINUTE);
    const cancels = () => Promise.all(ids.map((id) => call("DELETE", `/events/${id}`)));
    const release = () => runDurableObjectAlarm(outbox());
    const [a, b] = first === "cancel" ? [cancels(), release()] : [release(), cancels()];
    const answers = (await (first === "cancel" ? a : b)) as Awaited<ReturnType<typeof cancels>>;
    await Promise.all([a, b]);
    for (const [index, id] of ids.entries()) {
      const logged = await runInDurableObject(outbox(), ({ store }) => store.event(id) !== null);
      expect([id, answers[index]?.status]).toEqual([id, logged ? 409 : 204]);
    }
    expect(await listed()).toMatchObject({ count: 0 });
  });
});
