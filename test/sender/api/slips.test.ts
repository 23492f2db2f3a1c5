import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fetchSender, publishOne, receiver, useReceiver } from "../support.ts";

/** Slips in bodies, forms and queries: each is refused by name, and does nothing. */

useReceiver();

const ORIGIN = "http://localhost:5000";
const SINCE = "2026-01-01T00:00:00Z";
const URL_A = "http://localhost:7001/a";

type Told = { status: number; code: unknown; detail: string };

async function told(response: Response): Promise<Told> {
  const text = await response.text();
  const { code, detail } = text.startsWith("{") ? JSON.parse(text) : { code: null, detail: text };
  return { status: response.status, code, detail: String(detail) };
}

async function send(method: string, path: string, body: string): Promise<Told> {
  return told(await fetchSender(ORIGIN + path, { method, body, headers: { "content-type": "application/json" } }));
}

async function postForm(path: string, fields: Record<string, string>): Promise<Told> {
  const body = new URLSearchParams(fields);
  return told(await fetchSender(ORIGIN + path, { method: "POST", body, headers: { origin: ORIGIN } }));
}

/** Makes an endpoint, and returns its id. */
async function endpointId(): Promise<string> {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ url: URL_A });
  const response = await fetchSender(`${ORIGIN}/endpoints`, { method: "POST", body, headers });
  return ((await response.json()) as { id: string }).id;
}

/** The routes that take a body, each with a valid one. `EVENT` and `EP` stand for ids that exist. */
const BODIES: [route: string, body: Record<string, unknown>, code: string][] = [
  ["POST /events", { type: "a", data: 1 }, "invalid_event"],
  ["POST /events/EVENT/redeliver", { endpointId: "ep_default" }, "invalid_input"],
  ["POST /endpoints", { url: URL_A }, "invalid_endpoint"],
  ["PATCH /endpoints/EP", { description: "x" }, "invalid_endpoint"],
  ["DELETE /endpoints/EP", {}, "invalid_input"],
  ["DELETE /events/EVENT", {}, "invalid_input"],
  ["POST /endpoints/EP/rotate", { expiresInSeconds: 60 }, "invalid_endpoint"],
  ["POST /endpoints/EP/test", {}, "invalid_input"],
  ["POST /endpoints/EP/recover", { since: SINCE }, "invalid_endpoint"],
  ["POST /endpoints/EP/skip", { since: SINCE }, "invalid_endpoint"],
  ["POST /endpoints/EP/replay", { since: SINCE }, "invalid_endpoint"],
  ["DELETE /endpoints/EP/replay", {}, "invalid_input"],
];

const KNOWN = [
  ...["type", "data", "id", "deliverAt", "endpointId", "expiresInSeconds", "since", "until", "url", "types"],
  ...["description", "headers", "ordered", "rateLimit", "signing", "secret", "startFrom", "enabled", "state"],
];

async function prepared(route: string): Promise<(body: string) => Promise<Told>> {
  const event = await publishOne();
  const id = await endpointId();
  const [method = "", path = ""] = route.replace("EVENT", event.id).replace("EP", id).split(" ");
  return (body) => send(method, path, body);
}

describe.each(BODIES)("the body of %s", (route, body, code) => {
  const text = (part: object) => JSON.stringify({ ...body, ...part });

  it("never passes with an unknown member, which the answer names", async () => {
    const call = await prepared(route);
    const slips = fc.oneof(
      fc.constantFrom("endpoint_id", "EndpointId", "expires_in_seconds", "deliver_at", "start_from", "__proto__"),
      fc.string({ minLength: 1 }).filter((name) => !KNOWN.includes(name)),
    );
    await fc.assert(
      fc.asyncProperty(slips, fc.jsonValue(), async (name, value) => {
        // A literal member: `__proto__` of an object would be its prototype.
        const slipped = text({}).replace(
          "{",
          () => `{${JSON.stringify(name)}:${JSON.stringify(value)}${Object.keys(body).length > 0 ? "," : ""}`,
        );
        const answer = await call(slipped);
        expect([answer.status, answer.code]).toEqual([422, code]);
        expect(answer.detail).toContain(code === "invalid_event" ? JSON.stringify(name) : `\`${name}\``);
      }),
      { numRuns: 30 },
    );
  });

  it("is one object, each member once", async () => {
    const call = await prepared(route);
    const [first] = Object.entries(body);
    const twice = first === undefined ? [] : [text({}).replace("{", `{${JSON.stringify(first[0])}:null,`)];
    for (const wrong of [...twice, "null", '"x"', "1", ...(code === "invalid_event" ? [] : ["[]", "[{}]"])]) {
      expect([wrong, await call(wrong)]).toMatchObject([wrong, { status: 422, code }]);
    }
    expect(await call("{")).toMatchObject({ status: 400, code: "invalid_json" });
  });
});

describe("a slip", () => {
  const WRONG: [route: string, body: unknown][] = [
    ["POST /events/EVENT/redeliver", { endpoint_id: "ep_default" }],
    ["POST /events/EVENT/redeliver", { endpointid: "ep_default" }],
    ["POST /events/EVENT/redeliver", { endpoint: "ep_default" }],
    ["POST /events/EVENT/redeliver", { endpointIds: ["ep_default"] }],
    ["POST /events/EVENT/redeliver", { endpointId: null }],
    ["POST /events/EVENT/redeliver", { endpointId: ["ep_default"] }],
    ["POST /events/EVENT/redeliver", { endpointId: 1 }],
    ["POST /endpoints/EP/rotate", { expires_in_seconds: 0 }],
    ["POST /endpoints/EP/rotate", { expiresInSecond: 0 }],
    ["POST /endpoints/EP/rotate", { expiresInSeconds: "0" }],
    ["POST /endpoints/EP/rotate", { expiresInSeconds: null }],
    ["POST /endpoints/EP/rotate", { expiresInSeconds: true }],
    ["POST /endpoints/EP/recover", { state: "delivered" }],
    ["POST /endpoints/EP/recover", { state: ["dead"] }],
    ["POST /endpoints/EP/recover", { types: [] }],
    ["POST /endpoints/EP/recover", { types: ["order.["] }],
    ["POST /endpoints/EP/skip", { state: "due" }],
    ["POST /endpoints/EP/skip", { types: "order.*" }],
    ["POST /endpoints/EP/skip", { since: SINCE, until: SINCE }],
    ["POST /endpoints/EP/recover", { from: SINCE }],
    ["POST /endpoints/EP/recover", { since: SINCE, untill: SINCE }],
    ["POST /endpoints/EP/recover", { since: Date.parse(SINCE) }],
    ["POST /endpoints/EP/recover", { since: "2026-01-01" }],
    ["POST /endpoints/EP/recover", { since: SINCE, until: null }],
    ["POST /endpoints/EP/recover", { since: SINCE, until: "tomorrow" }],
    ["POST /endpoints/EP/recover", { since: SINCE, until: SINCE }],
    ["POST /endpoints", { url: URL_A, rate_limit: { perSecond: 1 } }],
    ["POST /endpoints", { url: URL_A, rateLimit: { perSecond: 1, per_second: 1 } }],
    ["POST /endpoints", { url: URL_A, rateLimit: { per_second: 1 } }],
    ["POST /endpoints", { url: URL_A, Ordered: true }],
    ["PATCH /endpoints/EP", { enable: false }],
    ["PATCH /endpoints/EP", { enabled: "false" }],
    ["PATCH /endpoints/EP", { types: "order.*" }],
    ["POST /endpoints/EP/test", { type: "order.paid" }],
    ["DELETE /endpoints/EP", { id: "ep_default" }],
    ["POST /events", { type: "a", data: 1, deliver_at: SINCE }],
    ["POST /events", { type: "a", data: 1, deliverAt: 1 }],
    ["POST /events", { type: "a", Data: 1 }],
  ];
  it.each(WRONG)("in %s %j is refused, and nothing is sent", async (route, body) => {
    const call = await prepared(route);
    receiver.sent = [];
    expect(await call(JSON.stringify(body))).toMatchObject({ status: 422 });
    const slip = Object.keys(body as object).find((name) => !KNOWN.includes(name));
    if (slip !== undefined) expect((await call(JSON.stringify(body))).detail).toContain(slip);
    expect(receiver.sent.filter(({ url }) => url !== URL_A && url.endsWith("/a"))).toEqual([]);
  });

  it("leaves the secret, the endpoint and its deliveries as they were", async () => {
    const id = await endpointId();
    const secrets = async () => (await fetchSender(`${ORIGIN}/endpoints/${id}/secret`)).text();
    const before = await secrets();
    await send("POST", `/endpoints/${id}/rotate`, '{"expires_in_seconds":0}');
    await send("DELETE", `/endpoints/${id}`, '{"endpointId":"ep_other"}');
    expect(await secrets()).toBe(before);
  });
});

describe("no body", () => {
  it.each([
    ["POST", "/endpoints/EP/rotate", 200],
    ["POST", "/endpoints/EP/test", 200],
    ["DELETE", "/endpoints/EP", 204],
  ])("is fine for %s %s", async (method, path, status) => {
    const response = await fetchSender(ORIGIN + path.replace("EP", await endpointId()), { method });
    expect(response.status).toBe(status);
  });

  it("of unknown length is none, too", async () => {
    const body = new Blob([]).stream();
    const response = await fetchSender(`${ORIGIN}/endpoints/${await endpointId()}/rotate`, { method: "POST", body });
    expect(response.status).toBe(200);
  });
});

describe("a form of the dashboard", () => {
  const FORMS: [path: string, fields: Record<string, string>][] = [
    ["/dashboard/endpoints", { url: URL_A }],
    ["/dashboard/events", { type: "a", data: "1" }],
    ["/dashboard/endpoints/EP/test", {}],
    ["/dashboard/endpoints/EP/enable", {}],
    ["/dashboard/endpoints/EP/disable", {}],
    ["/dashboard/endpoints/EP/recover", { hours: "1" }],
    ["/dashboard/endpoints/EP/send-waiting", {}],
    ["/dashboard/endpoints/EP/skip-waiting", { confirm: "yes" }],
    ["/dashboard/endpoints/EP/rotate", { expiresInSeconds: "0" }],
    ["/dashboard/endpoints/EP/delete", { confirm: "yes" }],
    ["/dashboard/endpoints/ep_default/deliveries/1/redeliver", {}],
    ["/session", { token: "wrong", to: "/" }],
  ];
  it.each(FORMS)("%s takes no other field than its own", async (path, fields) => {
    const at = path.replace("EP", await endpointId());
    for (const slip of ["colour", "endpoint_id", "per_second", "Confirm"]) {
      const answer = await postForm(at, { ...fields, [slip]: "1" });
      expect([slip, answer]).toMatchObject([slip, { status: 422, code: "invalid_input" }]);
      expect(answer.detail).toContain(`\`${slip}\``);
    }
  });

  it.each([
    ["/dashboard/endpoints/EP/recover", {}],
    ["/dashboard/endpoints/EP/recover", { hours: "0" }],
    ["/dashboard/endpoints/EP/recover", { hours: "1.5" }],
    ["/dashboard/endpoints/EP/rotate", {}],
    ["/dashboard/endpoints/EP/rotate", { expiresInSeconds: "-1" }],
    ["/dashboard/endpoints", { url: URL_A, ordered: "false" }],
    ["/dashboard/endpoints", { url: URL_A, perSecond: "many" }],
  ] as [string, Record<string, string>][])("%s refuses %j", async (path, fields) => {
    expect((await postForm(path.replace("EP", await endpointId()), fields)).status).toBe(422);
  });
});

describe("a query", () => {
  it.each([
    ["GET", "/trigger"],
    ["GET", "/events"],
    ["POST", "/events"],
    ["GET", "/events/msg_x"],
    ["POST", "/events/msg_x/redeliver"],
    ["GET", "/endpoints"],
    ["POST", "/endpoints"],
    ["GET", "/endpoints/ep_default"],
    ["PATCH", "/endpoints/ep_default"],
    ["DELETE", "/endpoints/ep_default"],
    ["GET", "/endpoints/ep_default/secret"],
    ["POST", "/endpoints/ep_default/rotate"],
    ["POST", "/endpoints/ep_default/test"],
    ["POST", "/endpoints/ep_default/recover"],
    ["GET", "/endpoints/ep_default/deliveries"],
    ["GET", "/"],
    ["GET", "/session"],
    ["GET", "/dashboard/endpoints/ep_default"],
    ["GET", "/dashboard/endpoints/ep_default/secret"],
    ["GET", "/dashboard/endpoints/ep_default/deliveries/1"],
    ["POST", "/dashboard/endpoints/ep_default/test"],
    ["POST", "/dashboard/endpoints"],
    ["POST", "/dashboard/events"],
    ["POST", "/dashboard/endpoints/ep_default/deliveries/1/redeliver"],
  ])("of %s %s is refused when a parameter is unknown", async (method, path) => {
    const response = await fetchSender(`${ORIGIN}${path}?colour=red`, { method, headers: { origin: ORIGIN } });
    expect(await told(response)).toMatchObject({ status: 400, code: "invalid_parameter" });
  });

  it.each(["after=nowhere", "after=ep_%0a", "limit=0", "limit=201"])("of /endpoints is not %s", async (query) => {
    expect((await fetchSender(`${ORIGIN}/endpoints?${query}`)).status).toBe(400);
  });
});
