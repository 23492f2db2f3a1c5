import { describe, expect, it, vi } from "vitest";
import type { PublishEvent } from "../../../workers/sender/model/event.ts";
import { deliveries, fetchSender, moveTo, publish, publishOne, receiver, settled, useReceiver } from "../support.ts";

useReceiver();

type Found = { id: string; seq: number; outcome?: string; deliveries?: Record<string, number> };
type FoundPage = { events: Found[]; next: number | null; end?: true; looked: { events: number; to: string } };
type FoundDeliveries = {
  deliveries: { id: string; endpointId: string; state: string }[];
  next: string | null;
  looked: { downToSeq: number; endpointsUnknown: number };
};

const DAY = 86_400_000;
const START = Date.parse("2030-01-01T00:00:00Z");

const call = async (path: string, init: RequestInit = {}) => fetchSender(`http://localhost:5000${path}`, init);

async function read<Body>(path: string): Promise<Body> {
  const response = await call(path);
  expect(response.status, path).toBe(200);
  return response.json();
}

const post = (path: string, body: unknown) =>
  call(path, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } });

async function add(part: Record<string, unknown>): Promise<string> {
  const response = await post("/endpoints", { url: "http://localhost:7004/", ...part });
  expect(response.status).toBe(201);
  return ((await response.json()) as { id: string }).id;
}

/** Follows `next` to the end. */
async function search(query: string): Promise<string[]> {
  const ids: string[] = [];
  for (let before: number | null = null; ; ) {
    const cursor: string = before === null ? "" : `&before=${before}`;
    const page: FoundPage = await read(`/events?${query}${cursor}`);
    ids.push(...page.events.map(({ id }) => id));
    if (page.next === null) return ids;
    before = page.next;
  }
}

/** Publishes events with ids, and waits until each has a row at the default endpoint. */
async function have(...events: Partial<PublishEvent>[]): Promise<void> {
  const count = (await deliveries()).length + events.length;
  expect(await publish(...events.map((event) => ({ digest: "d", ...event })))).toMatchObject({ ok: true });
  await settled(count);
}

/** Fails the events whose id begins with `bad`, for good after the last retry of a test's schedule. */
function failBad(): void {
  receiver.answer = ({ id }) => new Response("no", { status: id.startsWith("bad") ? 500 : 200 });
}

describe("GET /events?q=", () => {
  it.each([
    ["ORDER 4711", ["plain"]],
    ["order-9", ["order-9"]],
    ["Zürich", ["escaped", "umlaut"]],
    ['say "hi"', ["quoted"]],
    ["a.c", []],
    ["timestamp", []],
  ])("%j finds %j: in the data or the id, however it was escaped", async (q, ids) => {
    await have(
      { id: "plain", data: '{"note":"order 4711, abc"}' },
      { id: "order-9", data: "{}" },
      { id: "umlaut", data: '{"city":"Zürich"}' },
      { id: "escaped", data: '{"city":"Z\\u00FCrich"}' },
      { id: "quoted", data: '{"text":"I say \\"hi\\""}' },
    );
    expect(await search(`q=${encodeURIComponent(q)}`)).toEqual(ids);
  });

  it("says how far it looked, and goes on from there", async () => {
    const big = JSON.stringify("x".repeat(250_000));
    await publish({ id: "needle", data: '"needle"', digest: "d" });
    for (let batch = 0; batch < 12; batch++) await publish(...Array.from({ length: 10 }, () => ({ data: big })));
    const first = await read<FoundPage>("/events?q=needle");
    expect(first).toMatchObject({ events: [], looked: { to: expect.stringMatching(/Z$/) } });
    expect(first.looked.events).toBeGreaterThan(10);
    expect(first.looked.events).toBeLessThan(121);
    expect(first.next).toBe(122 - first.looked.events);
    expect(await search("q=needle")).toEqual(["needle"]);
  });

  it("reads on oldest first, and says when the head was reached", async () => {
    await have({ id: "a", data: '"x1"' }, { id: "b", data: '"y"' }, { id: "c", data: '"x2"' });
    const first = await read<FoundPage>("/events?q=x&after=0&limit=1");
    expect([first.events.map(({ id }) => id), first.next, first.end]).toEqual([["a"], 1, undefined]);
    const rest = await read<FoundPage>("/events?q=x&after=1");
    expect([rest.events.map(({ id }) => id), rest.next, rest.end]).toEqual([["c"], 3, true]);
  });
});

describe("GET /events?since=&until=", () => {
  it("finds what was logged in a span of time, across tables", async () => {
    for (const day of [0, 6, 12, 18]) {
      moveTo(START + day * DAY);
      await publish({ id: `day${day}`, digest: "d" }, { id: `also${day}`, digest: "d" });
    }
    const at = (day: number) => new Date(START + day * DAY).toISOString();
    expect(await search(`since=${at(6)}&until=${at(18)}`)).toEqual(["also12", "day12", "also6", "day6"]);
    expect(await search(`since=${at(13)}&limit=1`)).toEqual(["also18", "day18"]);
    expect(await search(`until=${at(0)}`)).toEqual([]);
    expect(await search(`since=${at(19)}`)).toEqual([]);
    const oldest = await read<FoundPage>(`/events?until=${at(6)}&after=0`);
    expect([oldest.events.map(({ id }) => id), oldest.end]).toEqual([["day0", "also0"], true]);
  });
});

describe("GET /events?outcome=", () => {
  it("tells events by the outcome over all endpoints", async () => {
    failBad();
    const second = await add({ types: ["order.*"], retrySeconds: [] });
    await have({ id: "good" }, { id: "bad" });
    await vi.waitUntil(async () => (await deliveries(second)).length === 2, { timeout: 15_000 });
    expect(await search("outcome=delivered")).toEqual(["good"]);
    expect(await search("outcome=dead")).toEqual(["bad"]);
    expect(await search("outcome=waiting")).toEqual(["bad"]);
    const { events } = await read<FoundPage>("/events?outcome=any&type=order.paid");
    expect(events.map(({ id, outcome, deliveries: counts }) => ({ id, outcome, counts }))).toEqual([
      { id: "bad", outcome: "dead", counts: { delivered: 0, waiting: 1, dead: 1, unknown: 0 } },
      { id: "good", outcome: "delivered", counts: { delivered: 2, waiting: 0, dead: 0, unknown: 0 } },
    ]);
  });

  it("takes what a disabled endpoint lacks for waiting, and what nobody asked for for unwanted", async () => {
    await call("/endpoints/ep_default", {
      method: "PATCH",
      body: '{"enabled":false,"types":["order.paid"]}',
      headers: { "content-type": "application/json" },
    });
    await publish({ id: "held", digest: "d" }, { id: "nobody", type: "user.made", digest: "d" });
    expect(await search("outcome=waiting")).toEqual(["held"]);
    expect(await search("outcome=unwanted")).toEqual(["nobody"]);
    expect(await search("outcome=delivered")).toEqual([]);
  });

  it("goes on where a full page ended", async () => {
    await have(...Array.from({ length: 7 }, (_, n) => ({ id: `e${n}` })));
    expect(await search("outcome=delivered&limit=2")).toEqual(["e6", "e5", "e4", "e3", "e2", "e1", "e0"]);
  });
});

describe("GET /deliveries", () => {
  it("merges the deliveries of all endpoints, each once, whatever the page", async () => {
    const ids = ["ep_default", await add({}), await add({})].sort();
    await have(...Array.from({ length: 5 }, (_, n) => ({ id: `e${n}` })));
    await vi.waitUntil(async () => (await Promise.all(ids.map(deliveries))).every((rows) => rows.length === 5));
    const seen: string[] = [];
    for (let before = ""; ; ) {
      const page: FoundDeliveries = await read(`/deliveries?limit=4${before}`);
      seen.push(...page.deliveries.map(({ id, endpointId }) => `${id} ${endpointId}`));
      if (page.next === null) break;
      before = `&before=${page.next}`;
    }
    expect(seen).toEqual(
      ["e4", "e3", "e2", "e1", "e0"].flatMap((id) => ids.map((endpointId) => `${id} ${endpointId}`)),
    );
  });

  it("filters by state, status, type, time and endpoint", async () => {
    failBad();
    const second = await add({ retrySeconds: [] });
    await have({ id: "bad" }, { id: "good" }, { id: "user", type: "user.made" });
    await vi.waitUntil(async () => (await deliveries(second)).length === 3, { timeout: 15_000 });
    const found = async (query: string) =>
      (await read<FoundDeliveries>(`/deliveries?${query}`)).deliveries
        .map(({ id, endpointId }) => (endpointId === second ? `${id} second` : id))
        .sort();
    expect(await found("state=dead")).toEqual(["bad second"]);
    expect(await found("state=due")).toEqual(["bad"]);
    expect(await found("status=5xx")).toEqual(["bad", "bad second"]);
    expect(await found("status=200&type=user.*")).toEqual(["user", "user second"]);
    expect(await found(`endpoint=${second}&status=200`)).toEqual(["good second", "user second"]);
    expect(await found("until=2020-01-01T00:00:00Z")).toEqual([]);
    expect(await found("since=2020-01-01T00:00:00Z&state=dead")).toEqual(["bad second"]);
    const { next, looked } = await read<FoundDeliveries>("/deliveries?status=404");
    expect([next, looked]).toEqual([null, { downToSeq: 0, endpointsUnknown: 0 }]);
  });
});

describe("POST /events/:id/redeliver {failed: true}", () => {
  it("sends the event again only where it is not delivered", async () => {
    const second = await add({ retrySeconds: [] });
    receiver.answer = ({ url }) => new Response("", { status: url.includes("7004") ? 500 : 200 });
    const { id } = await publishOne();
    await settled(1);
    await vi.waitUntil(async () => (await deliveries(second)).length === 1, { timeout: 15_000 });
    receiver.answer = () => new Response("ok");
    const response = await post(`/events/${id}/redeliver`, { failed: true });
    expect([response.status, await response.json()]).toEqual([202, { id, redelivering: [second], next: null }]);
    await vi.waitUntil(async () => (await deliveries(second))[0]?.state === "delivered", { timeout: 15_000 });
    expect((await post(`/events/${id}/redeliver`, { failed: true })).status).toBe(409);
  });
});

describe("GET /endpoints/:id/deliveries/:seq", () => {
  it("has the request as it was sent, in the endpoint's own form, without secrets", async () => {
    const id = await add({
      payload: "data",
      headers: { "x-key": "hush" },
      signatureHeaders: { id: "x-id", timestamp: "x-time", signature: "x-sign" },
    });
    const { seq, id: eventId } = await publishOne({ data: '{"total": 1.10}' });
    await vi.waitUntil(async () => (await deliveries(id)).length === 1, { timeout: 15_000 });
    const sent = receiver.sent.find(({ url }) => url.includes("7004"));
    const { request } = await read<{ request: { headers: [string, string][]; body: string } }>(
      `/endpoints/${id}/deliveries/${seq}`,
    );
    expect(request).toEqual({
      method: "POST",
      url: "http://localhost:7004/",
      headers: [
        ["x-key", "(masked)"],
        ["content-type", "application/json"],
        ["user-agent", sent?.headers.get("user-agent")],
        ["x-id", eventId],
        ["x-time", "(not kept)"],
        ["x-sign", "(not kept)"],
      ],
      body: '{"total": 1.10}',
    });
    expect(request.body).toBe(sent?.body);
    expect(request.headers.every(([name]) => sent?.headers.has(name))).toBe(true);
    const body = await call(`/endpoints/${id}/deliveries/${seq}/body`);
    expect([await body.text(), body.headers.get("content-disposition")]).toEqual([sent?.body, "attachment"]);
  });

  it("is refused for a delivery that is not there", async () => {
    expect((await call("/endpoints/ep_default/deliveries/7")).status).toBe(404);
    expect((await call("/endpoints/ep_default/deliveries/x/body")).status).toBe(400);
  });
});

it("GET /events/:id names the endpoints that have not settled it", async () => {
  await call("/endpoints/ep_default", {
    method: "PATCH",
    body: '{"enabled":false}',
    headers: { "content-type": "application/json" },
  });
  const { id } = await publishOne();
  expect(await read(`/events/${id}`)).toMatchObject({ deliveries: [], pending: ["ep_default"] });
});

it.each([
  "/events?q=",
  `/events?q=${"x".repeat(201)}`,
  "/events?since=yesterday",
  "/events?outcome=lost",
  "/events?q=x&after=0&wait=1",
  "/deliveries?status=600",
  "/deliveries?before=ep_1",
  "/deliveries?state=gone",
])("GET %s is refused", async (path) => {
  expect((await call(path)).status).toBe(400);
});
