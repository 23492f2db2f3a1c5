import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { endpoint, fetchSender, moveTo, outbox, publish, receiver, settled, useReceiver } from "../support.ts";

useReceiver();

type Json = Record<string, unknown>;

const URL_A = "http://localhost:7001/a";

async function call(method: string, path: string, body?: unknown): Promise<Json> {
  const response = await fetchSender(`http://localhost:5000${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  return response.json();
}

const read = (id = "ep_default") => call("GET", `/endpoints/${id}`);
const list = (query = "") =>
  call("GET", `/endpoints${query}`) as Promise<{ endpoints: Json[]; counts: Json; next: string | null }>;

async function create(part: Json = {}): Promise<string> {
  return String((await call("POST", "/endpoints", { url: URL_A, ...part })).id);
}

describe("GET /endpoints/:id", () => {
  it("is delivering, with the attempts of the last hour and how long they took", async () => {
    await publish({}, {});
    await settled(2);
    expect(await read()).toMatchObject({
      ...{ state: "delivering", failingSince: null, lag: 0, lagIsAtLeast: false, oldestWaitingSince: null },
      lastAttempt: { status: 200, code: null },
      lastHour: { attempts: 2, delivered: 2, failed: 0, p50Ms: expect.any(Number), p95Ms: expect.any(Number) },
      lastDay: { attempts: 2, delivered: 2, failed: 0 },
    });
  });

  it("is failing since the first failure, also after a restart, until an attempt succeeds", async () => {
    const began = Date.now();
    receiver.answer = () => new Response("no", { status: 500 });
    await publish({});
    await settled(1);
    const failing = {
      ...{ state: "failing", lag: 1, lastAttempt: { status: 500 } },
      lastHour: { attempts: 1, delivered: 0, failed: 1 },
    };
    const found = await read();
    expect(found).toMatchObject(failing);
    expect(Date.parse(String(found.failingSince))).toBeGreaterThanOrEqual(began);
    expect(Date.parse(String(found.oldestWaitingSince))).toBeGreaterThanOrEqual(began);
    await evictDurableObject(endpoint());
    expect(await read()).toMatchObject({ ...failing, failingSince: found.failingSince });
    receiver.answer = () => new Response("ok");
    moveTo(Date.now() + 60_000);
    await runDurableObjectAlarm(endpoint());
    await vi.waitUntil(async () => (await read()).state === "delivering");
    expect(await read()).toMatchObject({ failingSince: null, lag: 0, lastHour: { delivered: 1, failed: 1 } });
  });

  it("is not failing for one failure among successes, and is after a minute of nothing else", async () => {
    await publish({});
    await settled(1);
    receiver.answer = () => new Response("no", { status: 500 });
    await publish({});
    await settled(2);
    expect(await read()).toMatchObject({ state: "delivering", failingSince: expect.any(String), retrying: 1 });
    moveTo(Date.now() + 61_000);
    expect(await read()).toMatchObject({ state: "failing" });
  });

  it("rests while its Retry-After holds it", async () => {
    receiver.answer = () => new Response("later", { status: 429, headers: { "retry-after": "600" } });
    await publish({});
    await settled(1);
    expect(await read()).toMatchObject({ state: "resting", heldUntil: expect.any(String), lag: 1 });
  });

  it("is disabled with its reason, and its lag goes on", async () => {
    const id = await create();
    await call("PATCH", `/endpoints/${id}`, { enabled: false });
    await publish({}, {});
    expect(await read(id)).toMatchObject({ state: "disabled", disabledReason: "disabled by the API", lag: 2 });
  });

  it("counts only events that the endpoint wants in its lag, in memory and in the tables", async () => {
    const id = await create({ types: ["order.*"] });
    await call("PATCH", `/endpoints/${id}`, { enabled: false });
    await publish({ type: "invoice.paid" }, { type: "order.paid" }, { type: "invoice.paid" }, { type: "order.sent" });
    const second = (await outbox().events({ after: null, before: null, type: "order.paid", limit: 1 })).events[0];
    const wanted = { lag: 2, lagIsAtLeast: false, oldestWaitingSince: new Date(second?.at ?? 0).toISOString() };
    expect(await read(id)).toMatchObject(wanted);
    await evictDurableObject(outbox());
    expect(await read(id)).toMatchObject(wanted);
  });

  it("is unknown while its object does not answer, and the others are shown", async () => {
    const id = await create();
    await runInDurableObject(endpoint(id), (object) => {
      vi.spyOn(object, "status").mockImplementation(() => {
        throw new Error("lost");
      });
    });
    const { endpoints, counts } = await list();
    expect(endpoints.map((each) => [each.id, each.state])).toEqual(
      [
        ["ep_default", "delivering"],
        [id, "unknown"],
      ].sort(),
    );
    expect(counts).toMatchObject({ delivering: 1, unknown: 1 });
  });

  it("tells the latency between two bounds", async () => {
    receiver.answer = () => new Promise((resolve) => setTimeout(() => resolve(new Response("ok")), 120));
    await publish({});
    await settled(1);
    const { p50Ms, p95Ms } = (await read()).lastHour as { p50Ms: number; p95Ms: number };
    expect(p50Ms).toBeGreaterThan(100);
    expect(p95Ms).toBeGreaterThanOrEqual(p50Ms);
  });
});

describe("GET /endpoints", () => {
  async function several(): Promise<Record<"failing" | "resting" | "disabled", string>> {
    const failing = await create({ url: "http://localhost:7001/bad", description: "the Accounting shop" });
    const resting = await create({ url: "http://localhost:7001/busy" });
    const disabled = await create();
    await call("PATCH", `/endpoints/${disabled}`, { enabled: false });
    receiver.answer = ({ url }) => {
      if (url.endsWith("/bad")) return new Response("no", { status: 500 });
      const busy = { status: 503, headers: { "retry-after": "600" } };
      return url.endsWith("/busy") ? new Response("busy", busy) : new Response("ok");
    };
    await publish({});
    await settled(1);
    await vi.waitUntil(async () => (await list()).endpoints.filter((each) => each.lastOutcome !== null).length === 3);
    return { failing, resting, disabled };
  }

  it("lists those that fail first, counts all by state, and pages in that order", async () => {
    const { failing, resting, disabled } = await several();
    const order = [failing, resting, disabled, "ep_default"];
    const { endpoints, counts } = await list("?order=state");
    expect(endpoints.map(({ id }) => id)).toEqual(order);
    expect(counts).toEqual({ failing: 1, resting: 1, unknown: 0, disabled: 1, delivering: 1 });
    const seen: unknown[] = [];
    for (let next: string | null = ""; next !== null; ) {
      const page = await list(`?order=state&limit=1&after=${next}`);
      seen.push(...page.endpoints.map(({ id }) => id));
      expect(page.counts).toEqual(counts);
      next = page.next;
    }
    expect(seen).toEqual(order);
  });

  it("filters by state, and searches URL, description and id", async () => {
    const { failing, resting, disabled } = await several();
    const found = async (query: string) => (await list(query)).endpoints.map(({ id }) => id);
    expect(await found("?state=failing")).toEqual([failing]);
    expect(await found("?state=disabled")).toEqual([disabled]);
    expect(await found("?q=accounting")).toEqual([failing]);
    expect(await found("?q=7001/BUSY")).toEqual([resting]);
    expect(await found(`?q=${disabled}`)).toEqual([disabled]);
    expect((await list("?q=7001&state=resting")).counts).toMatchObject({
      failing: 1,
      resting: 1,
      disabled: 1,
      delivering: 0,
    });
  });

  it.each([["order=size"], ["state=fine"], [`q=${"x".repeat(201)}`], ["after=ep_a&order=state"], ["after=0-ep_a"]])(
    "refuses ?%s",
    async (query) => {
      expect(await list(`?${query}`)).toMatchObject({ status: 400 });
    },
  );

  it("asks of many endpoints only those that may have something new to say", async () => {
    for (let n = 0; n < 60; n++) await create({ types: ["never.sent"] });
    await list();
    const quiet = (await list("?q=never")).endpoints;
    expect(quiet).toEqual([]);
    const [other] = (await list("?q=7001&limit=1")).endpoints;
    const asked = await runInDurableObject(endpoint(String(other?.id)), (object) => vi.spyOn(object, "status"));
    await publish({});
    await settled(1);
    expect((await list("?q=ep_default")).endpoints[0]).toMatchObject({ lastHour: { attempts: 1 } });
    expect(asked).not.toHaveBeenCalled();
  });
});
