import { describe, expect, it } from "vitest";
import { sentence } from "../../../workers/sender/api/trigger.ts";
import { keepLogLines } from "../../support/log-lines.ts";
import { fetchSender, receiver, useReceiver } from "../support.ts";

useReceiver();

const ORIGIN = "http://localhost:5000";

function call(path: string, init: RequestInit = {}): Promise<Response> {
  return fetchSender(`${ORIGIN}${path}`, init);
}

function post(path: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  return call(path, { method: "POST", body, headers: { "content-type": "application/json", ...headers } });
}

const EVENT = '{"type":"order.paid","data":{"total":42}}';

describe("/trigger", () => {
  it("answers with what the endpoint said", async () => {
    const response = await call("/trigger");
    expect([response.status, await response.text()]).toEqual([200, "Webhook sent, status: 200\n"]);
    const { type, timestamp, data } = JSON.parse(receiver.sent[0]?.body ?? "");
    expect(type).toBe("value.changed");
    expect(data.timestamp).toBe(Math.floor(Date.parse(timestamp) / 1000));
    expect(data.value).toBeGreaterThanOrEqual(1);
    expect(data.value).toBeLessThanOrEqual(100);
  });

  it("answers JSON when asked", async () => {
    const response = await call("/trigger", { headers: { accept: "application/json" } });
    expect(await response.json()).toEqual({
      ...{ id: receiver.sent[0]?.id, seq: 1 },
      endpoints: [{ endpointId: "ep_default", state: "delivered", status: 200, code: null }],
    });
  });

  it.each(['{"a": [1.10, 9007199254740993]}', "null", '"text"', "[]", "0"])(
    "sends %s as it was written",
    async (data) => {
      expect((await post("/trigger?type=a.b", data)).status).toBe(200);
      expect(receiver.sent[0]?.body).toMatch(/^\{"type":"a\.b",/);
      expect(receiver.sent[0]?.body.endsWith(`,"data":${data}}`)).toBe(true);
    },
  );

  it("publishes its own value on a POST without a body", async () => {
    expect((await call("/trigger", { method: "POST" })).status).toBe(200);
    expect(JSON.parse(receiver.sent[0]?.body ?? "").data.value).toBeGreaterThanOrEqual(1);
  });

  it("answers 202 and the error's code when the first attempt failed", async () => {
    receiver.answer = () => Promise.reject(new Error("Network connection lost."));
    const response = await call("/trigger");
    expect([response.status, await response.text()]).toEqual([
      202,
      "Webhook stored, first attempt failed: connection_failed\n",
    ]);
  });

  it("answers 202 and the status of a refusal", async () => {
    receiver.answer = () => new Response("", { status: 500 });
    const response = await call("/trigger");
    expect([response.status, await response.text()]).toEqual([202, "Webhook sent, status: 500\n"]);
  });
});

describe("sentence", () => {
  const delivered = { state: "delivered", status: 200, code: null } as const;
  const pending = { state: "pending", status: 0, code: null } as const;
  it.each([
    [[], "Webhook stored, no endpoint wants it"],
    [[delivered], "Webhook sent, status: 200"],
    [[pending], "Webhook stored, still sending"],
    [[{ state: "due", status: 0, code: "timeout" } as const], "Webhook stored, first attempt failed: timeout"],
    [[delivered, pending, delivered], "Webhook sent to 2 of 3"],
  ])("of %j is %s", (outcomes, expected) => {
    expect(sentence(outcomes)).toBe(expected);
  });
});

describe("POST /events", () => {
  it("answers one event and an array with ids and seqs", async () => {
    const one = await post("/events", EVENT);
    expect([one.status, await one.json()]).toEqual([202, { id: expect.stringMatching(/^msg_/), seq: 1 }]);
    const two = await post("/events", `[${EVENT},${EVENT}]`);
    expect(await two.json()).toMatchObject({ events: [{ seq: 2 }, { seq: 3 }] });
  });

  it("answers a repeated id as before, and 422 with other content", async () => {
    const event = '{"type":"a","data":1,"id":"order-1"}';
    const [first, again] = [await post("/events", event), await post("/events", event)];
    expect(await again.json()).toEqual(await first.json());
    const other = await post("/events", event.replace('"data":1', '"data":2'));
    expect([other.status, await other.json()]).toMatchObject([422, { code: "id_conflict" }]);
  });

  it("answers a repeated Idempotency-Key as before, also at once", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => post("/events", EVENT, { "idempotency-key": '"k-1"' })),
    );
    const texts = await Promise.all(answers.map((answer) => answer.text()));
    expect(new Set(texts).size).toBe(1);
    const other = await post("/events", "[]".replace("]", `${EVENT}]`), { "idempotency-key": '"k-1"' });
    expect(other.status).toBe(422);
  });

  it.each([100, 5000, 50_000])("takes or refuses data nested %i deep, and never fails", async (depth) => {
    for (const core of ["1", "1.0"]) {
      const response = await post("/events", `{"type":"a","data":${"[".repeat(depth)}${core}${"]".repeat(depth)}}`);
      expect([202, 400, 422]).toContain(response.status);
    }
  });

  it("answers seq null for an event that is due later", async () => {
    const response = await post(
      "/events",
      `{"type":"a","data":1,"deliverAt":"${new Date(Date.now() + 60_000).toISOString()}"}`,
    );
    expect(await response.json()).toMatchObject({ id: expect.stringMatching(/^msg_/), seq: null });
  });
});

describe("the log of what was published", () => {
  it.each([
    [
      "one event",
      EVENT,
      [{ event: "event.published", id: expect.stringMatching(/^msg_/), seq: 1, type: "order.paid" }],
    ],
    ["an array of one", `[${EVENT}]`, [{ event: "event.published", seq: 1 }]],
    ["an array", `[${Array(100).fill(EVENT)}]`, [{ event: "events.published", count: 100 }]],
  ])("has one line for %s", async (_name, body, expected) => {
    const lines = keepLogLines();
    expect((await post("/events", body)).status).toBe(202);
    expect(lines.filter(({ event }) => event.endsWith("published"))).toMatchObject(expected);
  });

  it("counts each of many that come together, in fewer lines", async () => {
    const lines = keepLogLines();
    await Promise.all(Array.from({ length: 100 }, () => post("/events", EVENT)));
    const published = lines.filter(({ event }) => event.endsWith("published"));
    expect(published.reduce((sum, { count = 1 }) => sum + Number(count), 0)).toBe(100);
    expect(published.length).toBeLessThan(50);
  });
});

describe("GET /endpoints", () => {
  it("shows the endpoint of WEBHOOK_URL without its secret", async () => {
    await call("/trigger");
    const response = await call("/endpoints");
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({
      endpoints: [{ id: "ep_default", url: "http://localhost:9/webhook", enabled: true, lag: 0, retrying: 0 }],
      next: null,
    });
    expect(text).not.toContain("whsec_");
  });

  it("pages through every attempt of its deliveries, newest first", async () => {
    const headers = { "content-type": "text/plain", "x-node": "b7", "set-cookie": "sid=1" };
    receiver.answer = () => new Response("busy", { status: 500, headers });
    for (let i = 0; i < 3; i++) await call("/trigger");
    const page = await (await call("/endpoints/ep_default/deliveries?limit=2")).json();
    const responseHeaders = { ...headers, "set-cookie": "(masked)" };
    const attempts = [{ status: 500, code: null, response: "busy", responseHeaders }];
    expect(page).toMatchObject({
      deliveries: [{ seq: 3 }, { seq: 2, state: "due", attempts }],
      next: 2,
    });
    expect(await (await call("/endpoints/ep_default/deliveries?limit=2&before=2")).json()).toMatchObject({
      deliveries: [{ seq: 1, nextAttemptAt: expect.stringMatching(/Z$/) }],
      next: null,
    });
    expect(await (await call("/endpoints/ep_default/deliveries?state=delivered")).json()).toMatchObject({
      deliveries: [],
    });
  });
});

describe("an answer", () => {
  it.each(["/health", "/trigger", "/events", "/endpoints", "/endpoints/ep_default/secret", "/nothing"])(
    "of %s is kept by nobody, and of no other type than it says",
    async (path) => {
      const { headers } = await call(path);
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
    },
  );
});

describe("problems", () => {
  it.each([
    ["bad JSON", () => post("/events", "{"), 400, "invalid_json"],
    [
      "bytes that are not UTF-8",
      () =>
        call("/events", {
          method: "POST",
          body: new Uint8Array([0xff]),
          headers: { "content-type": "application/json" },
        }),
      400,
      "invalid_json",
    ],
    ["an empty body", () => post("/events", ""), 400, "invalid_json"],
    [
      "numbers nested beyond the stack",
      () => post("/events", `${"[".repeat(1e5)}1.0${"]".repeat(1e5)}`),
      400,
      "invalid_json",
    ],
    ["an event without a type", () => post("/events", '{"data":1}'), 422, "invalid_event"],
    ["a reserved type", () => post("/trigger?type=webhook.test", "1"), 422, "invalid_event"],
    ["an unknown route", () => call("/nothing"), 404, "not_found"],
    ["an unknown endpoint", () => call("/endpoints/ep_none/deliveries"), 404, "not_found"],
    ["a wrong method", () => call("/trigger", { method: "DELETE" }), 405, "method_not_allowed"],
    ["a wrong method on a list", () => call("/endpoints", { method: "PUT" }), 405, "method_not_allowed"],
    [
      "a body that is not said to be JSON",
      () => call("/events", { method: "POST", body: EVENT, headers: { "content-type": "text/plain" } }),
      415,
      "unsupported_media_type",
    ],
    [
      "a trigger that is not said to be JSON",
      () => call("/trigger", { method: "POST", body: "{}" }),
      415,
      "unsupported_media_type",
    ],
    ["a body too large", () => post("/trigger", JSON.stringify("x".repeat(256 * 1024))), 413, "body_too_large"],
    ["a limit that is no number", () => call("/endpoints/ep_default/deliveries?limit=all"), 400, "invalid_parameter"],
    ["a state that is none", () => call("/endpoints/ep_default/deliveries?state=lost"), 400, "invalid_parameter"],
    ["an empty Idempotency-Key", () => post("/events", EVENT, { "idempotency-key": '""' }), 400, "invalid_parameter"],
  ])("%s", async (_name, request, status, code) => {
    const response = await request();
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    const body = await response.json<Record<string, unknown>>();
    expect([response.status, body.status, body.code]).toEqual([status, status, code]);
    expect(JSON.stringify(body)).not.toMatch(/\.ts|at .*:\d+/);
    expect(receiver.sent).toEqual([]);
  });

  it("names the methods that a route takes", async () => {
    expect((await call("/trigger", { method: "PUT" })).headers.get("allow")).toBe("GET, POST");
  });
});

describe("an unknown query parameter", () => {
  it.each([
    ["GET", "/trigger", "type"],
    ["POST", "/trigger", "type"],
    ["POST", "/events", null],
    ["GET", "/events", "after, before, limit, type, q, since, until, outcome, wait, scheduled"],
    ["GET", "/events/msg_1", "after, limit"],
    ["POST", "/events/msg_1/redeliver", "after"],
    ["GET", "/endpoints", "after, limit, order, q, state"],
    ["POST", "/endpoints", null],
    ["GET", "/endpoints/ep_default", null],
    ["PATCH", "/endpoints/ep_default", null],
    ["DELETE", "/endpoints/ep_default", null],
    ["GET", "/endpoints/ep_default/secret", null],
    ["POST", "/endpoints/ep_default/rotate", null],
    ["POST", "/endpoints/ep_default/test", null],
    ["POST", "/endpoints/ep_default/recover", null],
    ["GET", "/endpoints/ep_default/deliveries", "before, limit, state"],
  ])("is refused by %s %s, which names those it knows", async (method, path, known) => {
    const response = await call(`${path}?colour=red`, { method });
    const expected = known === null ? "none is known here" : `known are ${known}`;
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { code: "invalid_parameter", detail: `\`colour\` is unknown or given twice; ${expected}.` },
    ]);
    expect(receiver.sent).toEqual([]);
  });
});

describe("the API token", () => {
  it.each([
    ["no header at all, as curl sends", {}, 200],
    ["our own page", { "sec-fetch-site": "same-origin", origin: ORIGIN }, 200],
    ["a typed address", { "sec-fetch-site": "none" }, 200],
    ["the right token", { authorization: "Bearer test-token-of-24-letters", "x-forwarded-for": "203.0.113.1" }, 200],
    ["a wrong token", { authorization: "Bearer wrong" }, 401],
    ["a token without its scheme", { authorization: "test-token-of-24-letters" }, 401],
    ["a page of another origin", { origin: "https://example.com" }, 401],
    ["a page of another port", { origin: "http://localhost:8080" }, 401],
    ["a sandboxed page", { origin: "null" }, 401],
    ["another site's image", { "sec-fetch-site": "cross-site" }, 401],
    ["another port's image", { "sec-fetch-site": "same-site" }, 401],
    ["a forwarded request", { "x-forwarded-for": "203.0.113.1" }, 401],
    ["a forwarded host", { "x-forwarded-host": "example.com" }, 401],
    ["a standard forwarded request", { forwarded: "for=203.0.113.1" }, 401],
  ])("with %s", async (_name, headers, status) => {
    expect((await call("/endpoints", { headers: headers as HeadersInit })).status).toBe(status);
  });

  it.each([
    "http://example.com",
    "http://localhost.example.com:5000",
    "http://192.168.1.5:5000",
    "http://0.0.0.0:5000",
  ])("is required on %s, whose name is not loopback", async (origin) => {
    const response = await fetchSender(`${origin}/endpoints`);
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ code: "token_required" });
    expect((await fetchSender(`${origin}/health`)).status).toBe(200);
  });

  it("publishes nothing for a request it refuses", async () => {
    await call("/trigger", { headers: { origin: "https://example.com" } });
    expect(await (await call("/endpoints/ep_default/deliveries")).json()).toMatchObject({ deliveries: [] });
  });
});
