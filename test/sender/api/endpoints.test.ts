import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { Webhook } from "standardwebhooks";
import { describe, expect, it, vi } from "vitest";
import { utf8 } from "../../../shared/bytes.ts";
import { parseVerifyingKey } from "../../../shared/signing/secret.ts";
import { verify } from "../../../shared/signing/signature.ts";
import {
  deliveries,
  endpoint,
  fetchSender,
  moveTo,
  outbox,
  publish,
  receiver,
  type Sent,
  useReceiver,
} from "../support.ts";

useReceiver();

const URL_A = "http://localhost:7001/a";
const DAY = 86_400_000;

type Json = Record<string, unknown>;

async function call(method: string, path: string, body?: unknown): Promise<{ status: number; body: Json }> {
  const response = await fetchSender(`http://localhost:5000${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? {} : JSON.parse(text) };
}

async function create(part: Json = {}): Promise<{ id: string; secret: string; body: Json }> {
  const { status, body } = await call("POST", "/endpoints", { url: URL_A, ...part });
  if (status !== 201) throw new Error(JSON.stringify(body));
  return { id: String(body.id), secret: String(body.secret), body };
}

const sentTo = (url: string) => receiver.sent.filter((sent) => sent.url === url);
const idsAt = (url: string) => sentTo(url).map(({ id }) => id);

/** Returns whether one of the request's signatures is by the private half of `publicKey`. */
async function genuine(sent: Sent | undefined, publicKey: string): Promise<boolean> {
  const parsed = parseVerifyingKey(publicKey);
  if (sent === undefined || !parsed.ok) throw new Error(`nothing to verify with ${publicKey}`);
  const timestamp = Number(sent.headers.get("webhook-timestamp"));
  const signature = sent.headers.get("webhook-signature") ?? "";
  return verify({ id: sent.id, timestamp, body: utf8(sent.body) }, signature, [parsed.key]);
}

/** Waits until `url` was sent `count` requests, running the alarms that would come by themselves. */
async function arrived(url: string, count: number, id: string): Promise<Sent[]> {
  return vi.waitUntil(
    async () => {
      await runDurableObjectAlarm(outbox());
      await runDurableObjectAlarm(endpoint(id));
      return sentTo(url).length >= count && sentTo(url);
    },
    { timeout: 15_000, interval: 10 },
  );
}

describe("POST /endpoints", () => {
  it("answers the row with a secret that verifies what arrives from then on, and only from then on", async () => {
    await publish({});
    const { id, secret, body } = await create({
      types: ["order.*"],
      headers: { "x-key": "hidden" },
      description: "shop",
    });
    expect(body).toMatchObject({
      url: URL_A,
      enabled: true,
      types: ["order.*"],
      headers: { "x-key": "(masked)" },
      lag: 0,
    });
    const event = await publish({ type: "order.paid" }, { type: "invoice.paid" });
    const [sent] = await arrived(URL_A, 1, id);
    expect(idsAt(URL_A)).toEqual([event.ok ? event.events[0]?.id : ""]);
    expect(() => new Webhook(secret).verify(sent?.body ?? "", Object.fromEntries(sent?.headers ?? []))).not.toThrow();
    expect(sent?.headers.get("x-key")).toBe("hidden");
  });

  it.each([
    ["no url", { url: undefined }],
    ["a url that is none", { url: "nowhere" }],
    ["plain http to another machine", { url: "http://example.com/" }],
    ["a private address", { url: "https://10.0.0.1/" }],
    ["a member we do not know", { colour: "red" }],
    ["no types", { types: [] }],
    ["a type with a star inside a name", { types: ["a.b*.c"] }],
    ["a bare star", { types: ["*"] }],
    ["a header that is signed", { headers: { "Webhook-Id": "x" } }],
    ["a host header", { headers: { host: "x" } }],
    ["a hop-by-hop header", { headers: { "Transfer-Encoding": "chunked" } }],
    ["a header with a line break", { headers: { "x-a": "1\r\nx-b: 2" } }],
    ["one header twice", { headers: { "x-a": "1", "X-A": "2" } }],
    ["a rate of nothing", { rateLimit: { perSecond: 0 } }],
    ["a rate of a half", { rateLimit: { perSecond: 0.5 } }],
    ["a secret too short", { secret: "whsec_c2hvcnQ=" }],
    ["a signing we do not know", { signing: "v2" }],
    ["a start at an event that is not there", { startFrom: "msg_nothing" }],
  ])("refuses %s", async (_name, part) => {
    const { status, body } = await call("POST", "/endpoints", { url: URL_A, ...part });
    expect([status, body.code]).toEqual([422, "invalid_endpoint"]);
    expect((await call("GET", "/endpoints")).body.endpoints).toHaveLength(1);
  });

  it("starts from an event or a time, and gets what it missed once", async () => {
    const start = Date.UTC(2026, 5, 1);
    for (let hour = 0; hour < 5; hour++) {
      moveTo(start + hour * 3_600_000);
      await publish({ id: `hour-${hour}`, digest: "d" });
    }
    const fromEvent = await create({ startFrom: "hour-3" });
    await arrived(URL_A, 2, fromEvent.id);
    expect(idsAt(URL_A)).toEqual(["hour-3", "hour-4"]);
    const late = "http://localhost:7001/late";
    const fromTime = await create({ url: late, startFrom: new Date(start + 1.5 * 3_600_000).toISOString() });
    await arrived(late, 3, fromTime.id);
    expect(idsAt(late)).toEqual(["hour-2", "hour-3", "hour-4"]);
  });

  it("signs with Ed25519 beside HMAC when asked, and shows the public key", async () => {
    const { id, body } = await create({ signing: ["v1", "v1a"] });
    expect(body.publicKey).toMatch(/^whpk_/);
    await publish({});
    const [sent] = await arrived(URL_A, 1, id);
    expect(sent?.headers.get("webhook-signature")).toMatch(/^v1,\S+ v1a,\S+$/);
  });
});

describe("PATCH /endpoints/:id", () => {
  it("disables and enables; what was published meanwhile arrives once", async () => {
    const { id } = await create();
    expect((await call("PATCH", `/endpoints/${id}`, { enabled: false })).body).toMatchObject({ enabled: false });
    for (let batch = 0; batch < 5; batch++) await publish(...Array.from({ length: 100 }, () => ({})));
    expect(sentTo(URL_A)).toHaveLength(0);
    expect((await call("GET", `/endpoints/${id}`)).body).toMatchObject({ lag: 500 });
    expect((await call("PATCH", `/endpoints/${id}`, { enabled: true })).body).toMatchObject({
      enabled: true,
      disabledReason: null,
    });
    await arrived(URL_A, 500, id);
    expect(new Set(idsAt(URL_A)).size).toBe(500);
    expect(sentTo(URL_A)).toHaveLength(500);
  });

  it("sends to the new URL what the old one did not take", async () => {
    receiver.answer = ({ url }) => new Response("", { status: url === URL_A ? 500 : 200 });
    const { id } = await create();
    await publish({});
    await arrived(URL_A, 1, id);
    await vi.waitUntil(async () => (await deliveries(id)).length === 1, { timeout: 15_000 });
    const moved = "http://localhost:7001/moved";
    await call("PATCH", `/endpoints/${id}`, { url: moved });
    moveTo(Date.now() + 10_000);
    await arrived(moved, 1, id);
    expect(idsAt(moved)).toEqual(idsAt(URL_A));
  });

  it.each([
    ["PATCH", "/endpoints/ep_default", { url: URL_A }],
    ["POST", "/endpoints/ep_default/rotate", {}],
    ["DELETE", "/endpoints/ep_default", undefined],
  ])("%s %s with %j is 409: a variable defines it", async (method, path, body) => {
    expect(await call(method, path, body)).toMatchObject({ status: 409, body: { code: "defined_by_variable" } });
  });
});

describe("PATCH /endpoints/:id with types", () => {
  const publishTypes = (...types: string[]) => publish(...types.map((type) => ({ type })));
  /** The types of its deliveries in order, once there are so many. */
  const delivered = async (id: string, count: number) => {
    await arrived(URL_A, count, id);
    const rows = await vi.waitUntil(async () => {
      const all = await deliveries(id);
      return all.length >= count && all;
    });
    return rows.map(({ type }) => type).toReversed();
  };

  it("asks for nothing that was published before, whichever object restarts", async () => {
    const { id } = await create({ types: ["new.*"], ordered: true });
    await publishTypes("new.1", "old.1", "old.2");
    await arrived(URL_A, 1, id);
    // Its position at the Outbox is stored, its position in its own memory is not.
    await runDurableObjectAlarm(outbox());
    await evictDurableObject(outbox());
    await evictDurableObject(endpoint(id));
    await call("PATCH", `/endpoints/${id}`, { types: ["new.*", "old.*"] });
    await publishTypes("old.3", "new.2");
    expect(await delivered(id, 3)).toEqual(["new.1", "old.3", "new.2"]);
  });

  it("sends no queued event that is no longer wanted", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    receiver.answer = () => promise.then(() => new Response("ok"));
    const { id } = await create();
    await publishTypes("a", "a", "a", "a", "a", "a", "b", "a", "b");
    await arrived(URL_A, 6, id);
    await call("PATCH", `/endpoints/${id}`, { types: ["b"] });
    resolve();
    expect(await delivered(id, 8)).toEqual(["a", "a", "a", "a", "a", "a", "b", "b"]);
  });

  it("sends nothing that is no longer wanted, and again what was left out by mistake", async () => {
    const { id } = await create();
    await call("PATCH", `/endpoints/${id}`, { enabled: false });
    await publishTypes("a", "b", "c");
    await call("PATCH", `/endpoints/${id}`, { types: ["a"] });
    await call("PATCH", `/endpoints/${id}`, { types: ["a", "b"], enabled: true });
    expect(await delivered(id, 2)).toEqual(["a", "b"]);
  });
});

describe("POST /endpoints/:id/rotate", () => {
  it("signs with the old secret beside the new one until it ends", async () => {
    const { id, secret } = await create();
    const { body } = await call("POST", `/endpoints/${id}/rotate`, { expiresInSeconds: 60 });
    expect(body.secret).not.toBe(secret);
    await publish({});
    const [sent] = await arrived(URL_A, 1, id);
    for (const key of [secret, String(body.secret)]) {
      expect(() => new Webhook(key).verify(sent?.body ?? "", Object.fromEntries(sent?.headers ?? []))).not.toThrow();
    }
    moveTo(Date.now() + 61_000);
    await publish({});
    const [, later] = await arrived(URL_A, 2, id);
    expect(later?.headers.get("webhook-signature")?.split(" ")).toHaveLength(1);
    expect((await call("GET", `/endpoints/${id}/secret`)).body.secrets).toHaveLength(1);
  });

  it("makes a new key of each version, and both generations sign until the old ends", async () => {
    const { id, body: created } = await create({ signing: ["v1", "v1a"] });
    const { body } = await call("POST", `/endpoints/${id}/rotate`, { expiresInSeconds: 60 });
    expect(body.publicKey).toMatch(/^whpk_/);
    expect(body.publicKey).not.toBe(created.publicKey);
    await publish({});
    const [sent] = await arrived(URL_A, 1, id);
    const signature = sent?.headers.get("webhook-signature") ?? "";
    expect(signature.split(" ").map((entry) => entry.split(",")[0])).toEqual(
      expect.arrayContaining(["v1", "v1", "v1a", "v1a"]),
    );
    for (const key of [String(created.publicKey), String(body.publicKey)]) {
      expect(await genuine(sent, key)).toBe(true);
    }
    moveTo(Date.now() + 61_000);
    await publish({});
    const [, later] = await arrived(URL_A, 2, id);
    expect(later?.headers.get("webhook-signature")?.split(" ")).toHaveLength(2);
    expect(await genuine(later, String(body.publicKey))).toBe(true);
    expect(await genuine(later, String(created.publicKey))).toBe(false);
  });

  it.each([-1, 0.5, 604_801, "soon"])("refuses to expire in %j seconds", async (expiresInSeconds) => {
    const { id } = await create();
    expect((await call("POST", `/endpoints/${id}/rotate`, { expiresInSeconds })).status).toBe(422);
  });
});

describe("DELETE /endpoints/:id", () => {
  it("forgets the endpoint and disturbs no other", async () => {
    const gone = await create();
    const other = await create({ url: "http://localhost:7001/other" });
    expect((await call("DELETE", `/endpoints/${gone.id}`)).status).toBe(204);
    expect((await call("GET", `/endpoints/${gone.id}`)).status).toBe(404);
    await publish({}, {});
    await arrived("http://localhost:7001/other", 2, other.id);
    expect(sentTo(URL_A)).toEqual([]);
    expect((await call("DELETE", `/endpoints/${gone.id}`)).status).toBe(404);
  });
});

describe("a failing endpoint", () => {
  it("is disabled by a 410, said once to those who ask, and delivers the event when enabled again", async () => {
    const log = "http://localhost:7001/log";
    await create({ url: log, types: ["endpoint.disabled"] });
    const { id } = await create({ types: ["order.*", "endpoint.*"] });
    receiver.answer = ({ url }) => new Response("", { status: url === URL_A ? 410 : 200 });
    await publish({ type: "order.paid" });
    await arrived(log, 1, id);
    expect((await call("GET", `/endpoints/${id}`)).body).toMatchObject({
      enabled: false,
      disabledReason: expect.stringContaining("410"),
    });
    expect(JSON.parse(sentTo(log)[0]?.body ?? "")).toMatchObject({
      type: "endpoint.disabled",
      data: { endpointId: id },
    });
    receiver.answer = () => new Response("ok");
    await call("PATCH", `/endpoints/${id}`, { enabled: true });
    moveTo(Date.now() + 10_000);
    await arrived(URL_A, 2, id);
    expect(new Set(idsAt(URL_A)).size).toBe(1);
    expect(sentTo(log)).toHaveLength(1);
  });

  it("is disabled when everything has failed for five days, not when something succeeded", async () => {
    const start = Date.UTC(2026, 5, 1);
    const { id } = await create();
    let now = start;
    /** Waits while the clock goes on: by it, attempts at an endpoint that keeps failing are spaced. */
    const meanwhile = (check: () => Promise<boolean>) =>
      vi.waitUntil(() => {
        now += 500;
        moveTo(now);
        return check();
      });
    const failDay = async (day: number) => {
      now = start + day * DAY;
      moveTo(now);
      await publish({});
      await meanwhile(async () => sentTo(URL_A).length > 0);
      await meanwhile(async () => (await deliveries(id)).every(({ attempts }) => attempts.length > 0));
      receiver.sent = [];
    };
    receiver.answer = ({ url }) => new Response("", { status: url === URL_A ? 500 : 200 });
    for (const day of [0, 1, 2, 3, 4]) await failDay(day);
    receiver.answer = () => new Response("ok");
    await failDay(4.5);
    // Those that waited come forward; all of them succeed, too.
    await meanwhile(async () => (await deliveries(id)).every(({ state }) => state === "delivered"));
    receiver.answer = ({ url }) => new Response("", { status: url === URL_A ? 500 : 200 });
    for (const day of [6, 7, 8, 9, 10]) await failDay(day);
    expect((await call("GET", `/endpoints/${id}`)).body).toMatchObject({ enabled: true });
    await evictDurableObject(endpoint(id));
    await failDay(11.1);
    await meanwhile(async () => {
      await runDurableObjectAlarm(endpoint(id));
      return (await call("GET", `/endpoints/${id}`)).body.enabled === false;
    });
  });

  it("is not disabled by 26 days of silence and one 503", async () => {
    const start = Date.UTC(2040, 5, 1);
    moveTo(start);
    const { id } = await create();
    receiver.answer = () => new Response("", { status: 503 });
    for (const day of [0, 1, 2, 28]) {
      moveTo(start + day * DAY);
      await publish({});
      await vi.waitUntil(async () =>
        (await deliveries(id)).some(({ attempts }) => (attempts[0]?.at ?? 0) >= start + day * DAY),
      );
    }
    await runDurableObjectAlarm(endpoint(id));
    expect((await call("GET", `/endpoints/${id}`)).body).toMatchObject({ enabled: true });
  });

  it("announces each dead delivery once, never to itself, and recovers what died", async () => {
    const log = "http://localhost:7001/log";
    const watcher = await create({ url: log, types: ["delivery.failed"] });
    const { id } = await create({ types: ["order.*", "delivery.failed"] });
    receiver.answer = ({ url }) => new Response("", { status: url === URL_A ? 500 : 200 });
    const since = new Date(Date.now() - 1000).toISOString();
    await publish({ type: "order.paid" });
    await vi.waitUntil(
      async () => {
        const [row] = await deliveries(id);
        moveTo(Math.max(row?.due ?? 0, Date.now()));
        await runDurableObjectAlarm(endpoint(id));
        return row?.state === "dead";
      },
      { timeout: 15_000, interval: 20 },
    );
    await arrived(log, 1, watcher.id);
    await runDurableObjectAlarm(endpoint(id));
    expect(sentTo(log)).toHaveLength(1);
    expect(JSON.parse(sentTo(log)[0]?.body ?? "")).toMatchObject({
      type: "delivery.failed",
      data: { endpointId: id, attempts: 10 },
    });
    expect((await deliveries(id)).filter(({ type }) => type === "delivery.failed")).toEqual([]);
    receiver.answer = () => new Response("ok");
    const before = sentTo(URL_A).length;
    const died = (await deliveries(id))[0]?.attempts.at(-1)?.at ?? 0;
    const recover = async (from: number, until?: number) => {
      const period = [from, until].flatMap((time) => (time === undefined ? [] : [new Date(time).toISOString()]));
      const { status, body } = await call("POST", `/endpoints/${id}/recover`, { since: period[0], until: period[1] });
      return [status, body.recovered];
    };
    // The start is in the period, the end is not.
    expect(await recover(Date.parse(since), died)).toEqual([202, 0]);
    expect(await recover(died + 1, died + 2)).toEqual([202, 0]);
    expect(sentTo(URL_A)).toHaveLength(before);
    expect(await recover(died, died + 1)).toEqual([202, 1]);
    await arrived(URL_A, before + 1, id);
    expect(new Set(idsAt(URL_A)).size).toBe(1);
    await vi.waitUntil(async () => (await deliveries(id))[0]?.state === "delivered");
    expect((await deliveries(id))[0]?.attempts).toHaveLength(11);
  });
});

describe("ordered: true", () => {
  it("sends strictly one after the other, and nothing past a failure, also after an eviction", async () => {
    const { id } = await create({ ordered: true });
    let failing = true;
    receiver.answer = ({ url, body }) =>
      new Response("", { status: url === URL_A && failing && body.includes('"n":3') ? 500 : 200 });
    await publish(...[1, 2, 3, 4, 5].map((n) => ({ data: `{"n":${n}}` })));
    await arrived(URL_A, 3, id);
    await evictDurableObject(endpoint(id));
    await publish({ data: '{"n":6}' });
    await runDurableObjectAlarm(endpoint(id));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(sentTo(URL_A)).toHaveLength(3);
    failing = false;
    moveTo(Date.now() + 10_000);
    await arrived(URL_A, 7, id);
    expect(sentTo(URL_A).map(({ body }) => JSON.parse(body).data.n)).toEqual([1, 2, 3, 3, 4, 5, 6]);
  });

  it("sends the events behind a dead one, and is not blocked by its redelivery", async () => {
    const { id } = await create({ ordered: true });
    receiver.answer = ({ url, body }) =>
      new Response("", { status: url === URL_A && body.includes('"n":1') ? 500 : 200 });
    await publish(...[1, 2, 3].map((n) => ({ data: `{"n":${n}}` })));
    const tried = () => sentTo(URL_A).map(({ body }) => JSON.parse(body).data.n);
    await vi.waitUntil(
      async () => {
        const before = tried();
        const first = (await deliveries(id)).at(-1);
        if (first?.state === "due") expect(before.every((n) => n === 1)).toBe(true);
        moveTo(Math.max(first?.due ?? 0, Date.now()));
        await runDurableObjectAlarm(endpoint(id));
        return first?.state === "dead";
      },
      { timeout: 15_000, interval: 5 },
    );
    await arrived(URL_A, 12, id);
    expect(tried()).toEqual([...Array(10).fill(1), 2, 3]);
    await call("POST", `/events/${sentTo(URL_A)[0]?.id}/redeliver`, { endpointId: id });
    await arrived(URL_A, 13, id);
    await vi.waitUntil(async () => (await deliveries(id)).at(-1)?.attempts.length === 11, { timeout: 15_000 });
    await publish({ data: '{"n":4}' });
    await arrived(URL_A, 14, id);
    expect((await deliveries(id)).at(-1)).toMatchObject({ state: "due", mark: "redelivery" });
    expect(tried().slice(12)).toEqual([1, 4]);
  });
});

describe("an endpoint's secrets", () => {
  it("are told at its creation and by its own route, and stand in no list, no answer and no log", async () => {
    const lines: string[] = [];
    for (const level of ["log", "info", "warn", "error", "debug"] as const) {
      vi.spyOn(console, level).mockImplementation((...parts) => void lines.push(parts.map(String).join(" ")));
    }
    receiver.answer = () => new Response("no", { status: 500 });
    const { id, secret } = await create({ signing: ["v1", "v1a"], headers: { "x-key": "endpoint-credential" } });
    const rotated = String((await call("POST", `/endpoints/${id}/rotate`, {})).body.secret);
    await publish({});
    await vi.waitUntil(async () => (await deliveries(id)).length === 1, { timeout: 15_000 });
    const told = (await call("GET", `/endpoints/${id}/secret`)).body.secrets as { secret: string }[];
    const secrets = [
      ...secret.split(" "),
      ...rotated.split(" "),
      ...(JSON.stringify(told).match(/wh(?:sec|sk)_[\w+/=-]+/g) ?? []),
    ];
    expect(new Set(secrets).size).toBe(4);
    const answers = [
      await call("GET", "/endpoints"),
      await call("GET", `/endpoints/${id}`),
      await call("PATCH", `/endpoints/${id}`, { description: "changed" }),
      await call("GET", `/endpoints/${id}/deliveries`),
      await call("POST", `/endpoints/${id}/test`),
      await call("POST", `/endpoints/${id}/recover`, { since: "2026-01-01T00:00:00Z" }),
      await call("DELETE", `/endpoints/${id}`),
    ];
    const said = `${JSON.stringify(answers)}\n${lines.join("\n")}`;
    expect(lines.some((line) => line.includes("attempt.made"))).toBe(true);
    for (const text of [
      ...secrets,
      "endpoint-credential",
      "test-token-of-24-letters",
      "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ]) {
      expect(said).not.toContain(text.replace(/^wh(?:sec|sk)_/, ""));
    }
  });
});

describe("rateLimit", () => {
  it("never exceeds its requests a second, and drains the backlog", async () => {
    const { id } = await create({ rateLimit: { perSecond: 5 } });
    const times: number[] = [];
    receiver.answer = ({ url }) => {
      if (url === URL_A) times.push(performance.now());
      return new Response("ok");
    };
    await publish(...Array.from({ length: 8 }, () => ({})));
    await arrived(URL_A, 8, id);
    for (const [index, time] of times.entries()) {
      const sixth = times[index + 5];
      if (sixth !== undefined) expect(sixth - time).toBeGreaterThan(950);
    }
  });
});

describe("POST /events/:id/redeliver", () => {
  it("sends a delivered event again with the same id and body", async () => {
    const { id } = await create();
    const published = await publish({});
    const eventId = published.ok ? published.events[0]?.id : "";
    await arrived(URL_A, 1, id);
    await vi.waitUntil(async () => (await deliveries(id)).length === 1);
    expect(await call("POST", `/events/${eventId}/redeliver`, { endpointId: id })).toMatchObject({
      status: 202,
      body: { redelivering: [id] },
    });
    const [first, second] = await arrived(URL_A, 2, id);
    expect([second?.id, second?.body]).toEqual([first?.id, first?.body]);
    expect((await call("GET", `/events/${eventId}`)).body).toMatchObject({
      id: eventId,
      deliveries: [{ endpointId: expect.any(String) }, { endpointId: expect.any(String) }],
    });
  });

  it.each([
    ["an event that is not there", "/events/msg_none/redeliver", {}, 404],
    ["an endpoint that is not there", null, { endpointId: "ep_none" }, 404],
  ])("refuses %s", async (_name, path, body, status) => {
    const published = await publish({});
    const own = `/events/${published.ok ? published.events[0]?.id : ""}/redeliver`;
    expect((await call("POST", path ?? own, body)).status).toBe(status);
  });
});

describe("POST /endpoints/:id/test", () => {
  it("sends one webhook.test to that endpoint alone, whatever its types", async () => {
    const { id } = await create({ types: ["nothing.ever"] });
    expect(await call("POST", `/endpoints/${id}/test`)).toMatchObject({
      status: 200,
      body: { outcome: { state: "delivered", status: 200 } },
    });
    expect(receiver.sent.map(({ url, body }) => [url, JSON.parse(body).type])).toEqual([[URL_A, "webhook.test"]]);
  });
});

describe("retention", () => {
  it("shows as one expired row what it took before a disabled endpoint could have it", async () => {
    const start = Date.UTC(2026, 5, 1);
    moveTo(start);
    const { id } = await create();
    await call("PATCH", `/endpoints/${id}`, { enabled: false });
    await publish({}, {}, {});
    for (const day of [10, 20]) {
      moveTo(start + day * DAY);
      await publish({});
    }
    moveTo(start + 41 * DAY);
    await publish({});
    await outbox().tick(Date.now());
    await vi.waitUntil(
      async () => (await outbox().events({ after: 0, before: null, limit: 10, type: null })).oldest > 1,
    );
    await call("PATCH", `/endpoints/${id}`, { enabled: true });
    await arrived(URL_A, 1, id);
    const rows = (await call("GET", `/endpoints/${id}/deliveries`)).body.deliveries as Json[];
    expect(rows.at(-1)).toMatchObject({ seq: 1, untilSeq: 3, state: "expired" });
  });
});

describe("GET /events", () => {
  it("pages both ways and filters by type, moving on even when nothing fits", async () => {
    await publish(...Array.from({ length: 25 }, (_, n) => ({ type: n % 5 === 0 ? "fifth.one" : "other.one" })));
    const newest = (await call("GET", "/events?limit=10")).body;
    expect((newest.events as Json[]).map(({ seq }) => seq)).toEqual([25, 24, 23, 22, 21, 20, 19, 18, 17, 16]);
    expect((await call("GET", `/events?limit=100&before=${newest.next}`)).body).toMatchObject({ next: null });
    const up = (await call("GET", "/events?after=20&limit=100")).body;
    expect(up).toMatchObject({ next: 25, end: true });
    const fifths = (await call("GET", "/events?after=0&type=fifth.one")).body;
    expect((fifths.events as Json[]).map(({ seq }) => seq)).toEqual([1, 6, 11, 16, 21]);
    expect((await call("GET", "/events?after=0&type=no.such")).body).toMatchObject({ events: [], next: 25, end: true });
    expect((await call("GET", "/events?after=26")).body).toMatchObject({ status: 409, code: "cursor_ahead", head: 25 });
  });
});
