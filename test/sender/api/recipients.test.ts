import { runInDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { EndpointConfig } from "../../../workers/sender/model/endpoint.ts";
import { MAX_EVENT_BYTES, packCall, unpackCall } from "../../../workers/sender/model/event.ts";
import { deliveries, endpoint, fetchSender, outbox, publishOne, receiver, useReceiver } from "../support.ts";

useReceiver();

type Json = Record<string, unknown>;

async function call(path: string, body?: unknown): Promise<{ status: number; body: Json }> {
  const init = { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  const response = await fetchSender(`http://localhost:5000${path}`, body === undefined ? {} : init);
  return { status: response.status, body: await response.json() };
}

/** Adds endpoints as many calls of the API would, in one turn: each is configured by the time it is offered something. */
async function add(count: number, prefix: string, types: readonly string[] | null): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, n) => `ep_${prefix}${String(n).padStart(4, "0")}`);
  await runInDurableObject(outbox(), ({ store }) => {
    for (const id of ids) {
      const config: EndpointConfig = {
        ...{ url: `http://localhost:7004/${id}`, enabled: true, disabledReason: null, types, description: "" },
        ...{ headers: {}, ordered: false, rateLimit: null, signing: ["v1"], createdAt: 0 },
        secrets: [{ key: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", expiresAt: null }],
      };
      store.registry.put(id, config, store.log.head);
    }
  });
  return ids;
}

const idsOf = (body: Json) => (body.deliveries as { endpointId: string }[]).map(({ endpointId }) => endpointId);

describe("an event among more than 200 endpoints", () => {
  it("is shown with the deliveries of those that got it, and sent again to them", async () => {
    await add(230, "a", ["nobody.wants"]);
    const wanting = await add(2, "z", ["order.*"]);
    const event = await publishOne();
    const got = ["ep_default", ...wanting];
    await vi.waitUntil(async () => (await Promise.all(got.map(deliveries))).every((rows) => rows.length === 1), {
      timeout: 15_000,
    });
    const shown = await call(`/events/${event.id}`);
    expect([shown.status, idsOf(shown.body), shown.body.next]).toEqual([200, got, null]);
    expect(await call(`/events/${event.id}/redeliver`, {})).toEqual({
      status: 202,
      body: { id: event.id, redelivering: got, next: null },
    });
    expect(await call(`/events/${event.id}/redeliver`, { endpointId: wanting[1] })).toMatchObject({
      status: 202,
      body: { redelivering: [wanting[1]] },
    });
    const missed = await call(`/events/${event.id}/redeliver`, { endpointId: "ep_a0001" });
    expect([missed.status, missed.body.code]).toEqual([409, "not_delivered"]);
  });

  it("comes in pages, each delivery once, however many endpoints a page asks", async () => {
    const ids = ["ep_default", ...(await add(6, "m", null))].toSorted();
    const event = await publishOne();
    await vi.waitUntil(async () => (await Promise.all(ids.map(deliveries))).every((rows) => rows.length === 1));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 9 }), async (limit) => {
        const seen: string[] = [];
        for (let after: unknown = ""; after !== null; ) {
          const { body } = await call(`/events/${event.id}?limit=${limit}&after=${after}`);
          seen.push(...idsOf(body));
          after = body.next;
        }
        expect(seen).toEqual(ids);
      }),
      { numRuns: 9 },
    );
  });

  it("shows who got it before the types changed, and not who came later", async () => {
    const [changed = ""] = await add(1, "c", null);
    const event = await publishOne();
    await vi.waitUntil(async () => (await deliveries(changed)).length === 1);
    await outbox().update(changed, { types: ["nothing.more"] });
    await add(1, "later", null);
    expect(idsOf((await call(`/events/${event.id}`)).body)).toEqual([changed, "ep_default"]);
  });
});

describe("/trigger with more endpoints than it waits for", () => {
  it("counts them all, and says so", async () => {
    await add(52, "b", null);
    const text = await fetchSender("http://localhost:5000/trigger");
    expect([text.status, await text.text()]).toEqual([202, "Webhook sent to 50 of 53\n"]);
    const json = await fetchSender("http://localhost:5000/trigger", { headers: { accept: "application/json" } });
    const body = (await json.json()) as { endpoints: unknown[]; more: number };
    expect([json.status, body.endpoints.length, body.more]).toEqual([202, 50, 3]);
  });

  it("waits for those alone that get it", async () => {
    const [other = ""] = await add(1, "x", ["value.changed"]);
    await outbox().update("ep_default", { types: ["order.*"] });
    const json = await fetchSender("http://localhost:5000/trigger", { headers: { accept: "application/json" } });
    expect(await json.json()).toMatchObject({ endpoints: [{ endpointId: other, state: "delivered" }] });
  });
});

describe("GET /events?type=", () => {
  it("takes a pattern as an endpoint does, and refuses what is neither a type nor a pattern", async () => {
    for (const type of ["order.paid", "order.sent", "orders.paid", "order"]) await publishOne({ type });
    const typesAt = async (query: string) =>
      ((await call(`/events?after=0&${query}`)).body.events as { type: string }[]).map(({ type }) => type);
    expect(await typesAt("type=order.*")).toEqual(["order.paid", "order.sent"]);
    expect(await typesAt("type=order.*.x")).toEqual([]);
    expect(await typesAt("type=order")).toEqual(["order"]);
    expect(await typesAt("type=order.paid")).toEqual(["order.paid"]);
    expect((await call("/events?type=order.*")).body.events).toHaveLength(2);
    expect((await call("/events?after=0&type=order.*&wait=1")).body.events).toHaveLength(2);
    for (const query of [
      "type=*",
      "type=order.[ab]*",
      "type=",
      "type=a..b",
      "type=*.paid",
      "types=order.*",
      "type=a&type=b",
    ]) {
      const { status, body } = await call(`/events?${query}`);
      expect([query, status, body.code]).toEqual([query, 400, "invalid_parameter"]);
    }
  });
});

/** Text of JSON with exactly so many bytes, all of one character but for `head`. */
const dataOf = (head: string, filler: string, bytes: number) => {
  const size = (text: string) => new TextEncoder().encode(text).byteLength;
  return `"${head}${filler.repeat(Math.floor((bytes - 2 - size(head)) / size(filler)))}"`;
};

describe("POST /events with as much as is allowed", () => {
  it.each([
    [64, "€", "x"],
    [100, "", "😀"],
  ])(
    "takes %i events of 256 KiB that begin with %j and go on with %j",
    { timeout: 60_000 },
    async (count, head, filler) => {
      await outbox().update("ep_default", { enabled: false });
      const data = dataOf(head, filler, MAX_EVENT_BYTES);
      const body = `[${Array.from({ length: count }, () => `{"type":"a.b","data":${data}}`).join(",")}]`;
      const init = { method: "POST", body, headers: { "content-type": "application/json" } };
      const response = await fetchSender("http://localhost:5000/events", init);
      expect(response.status).toBe(202);
      const { events } = (await response.json()) as { events: { id: string; seq: number }[] };
      expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: count }, (_, n) => n + 1));
      const last = await outbox().event(events.at(-1)?.id ?? "");
      expect(last?.body.endsWith(`"data":${data}}`)).toBe(true);
      // And out again, by pages and to an endpoint.
      const page = (await (await fetchSender("http://localhost:5000/events?after=0&limit=500")).json()) as {
        events: Json[];
      };
      expect(page.events.length).toBeGreaterThan(0);
      await outbox().update("ep_default", { enabled: true });
      await vi.waitUntil(async () => (await endpoint().status()).floor > 3 || receiver.sent.length > 3, {
        timeout: 15_000,
      });
      expect(receiver.sent[0]?.body.endsWith(`"data":${data}}`)).toBe(true);
    },
  );
});

describe("packCall", () => {
  it("is undone by unpackCall, whatever is in the data", () => {
    const texts = fc.array(
      fc.string({ unit: "grapheme" }).map((text) => JSON.stringify(text)),
      { minLength: 1, maxLength: 4 },
    );
    fc.assert(
      fc.property(texts, fc.boolean(), (all, long) => {
        const data = (text: string) =>
          long ? JSON.stringify(`${text}€`.repeat(Math.ceil(1_500_000 / text.length))) : text;
        const events = all.map((text) => ({ type: "a", data: data(text), id: null, deliverAt: null, digest: null }));
        const call = { events, request: null };
        expect(unpackCall(packCall(call))).toEqual(call);
      }),
      { numRuns: 20 },
    );
  });
});
