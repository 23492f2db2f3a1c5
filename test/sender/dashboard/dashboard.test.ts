import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { HOUR_MS } from "../../../shared/time.ts";
import { percent } from "../../../workers/sender/dashboard/chart.tsx";
import { endpointFrom } from "../../../workers/sender/dashboard/form-input.ts";
import {
  deliveries,
  endpoint,
  fetchSender,
  moveTo,
  outbox,
  publish,
  publishOne,
  receiver,
  useReceiver,
} from "../support.ts";

useReceiver();

const ORIGIN = "http://localhost:5000";
const HTML = { accept: "text/html,application/xhtml+xml" };
const URL_A = "http://localhost:7001/a";

type Answer = { status: number; location: string | null; text: string; headers: Headers };

async function call(path: string, init: RequestInit = {}, origin = ORIGIN): Promise<Answer> {
  const response = await fetchSender(`${origin}${path}`, {
    redirect: "manual",
    ...init,
    headers: { ...HTML, ...(init.headers as Record<string, string>) },
  });
  const { status, headers } = response;
  return { status, headers, location: headers.get("location"), text: await response.text() };
}

function send(
  path: string,
  fields: Record<string, string> = {},
  headers: Record<string, string> = {},
  origin = ORIGIN,
) {
  const body = new URLSearchParams(fields).toString();
  const form = { "content-type": "application/x-www-form-urlencoded", origin, ...headers };
  return call(path, { method: "POST", body, headers: form }, origin);
}

/** Adds an endpoint with the form, and returns its id. */
async function add(fields: Record<string, string> = {}): Promise<string> {
  const { status, location, text } = await send("/dashboard/endpoints", { url: URL_A, ...fields });
  const id = /^\/dashboard\/endpoints\/(ep_\w+)\/secret\?done=created$/.exec(location ?? "")?.[1];
  if (status !== 303 || id === undefined) throw new Error(`not added: ${status} ${text}`);
  return id;
}

const path = (id: string) => `/dashboard/endpoints/${id}`;

async function delivered(id = "ep_default") {
  return vi.waitUntil(async () => {
    const rows = await endpoint(id).deliveries({ before: null, limit: 10, state: null });
    return rows.length > 0 && rows;
  });
}

describe("GET /", () => {
  it("lists the endpoints with state, lag, success rate and chart", async () => {
    await publishOne();
    await delivered();
    const { status, text } = await call("/");
    expect(status).toBe(200);
    expect(text).toContain("<bdi>http://localhost:9/webhook</bdi>");
    expect(text).toMatch(/<span class="state good"><span aria-hidden="true">●<\/span>Delivering/);
    expect(text).toContain("0 events");
    expect(text).toContain("100 %");
    expect(text).toContain('aria-label="Attempts of the last 24 hours by the hour: 1 delivered, 0 failed"');
    expect(text).toContain("1 endpoint: 1 delivering");
    expect(text).toContain(`curl ${ORIGIN}/trigger`);
  });

  it("says since when an endpoint fails, with which answer, what waits and how long attempts took", async () => {
    receiver.answer = () => new Response("no", { status: 500 });
    await publishOne();
    await delivered();
    for (const page of ["/", path("ep_default")]) {
      const { text } = await call(page);
      expect(text).toMatch(/Failing<\/span><div class="quiet">since <time[^>]+>[^<]+<\/time>, last status 500<\/div>/);
      expect(text).toMatch(/1 event<\/span><div class="quiet">oldest <time/);
      expect(text).toMatch(/0 % <span class="quiet">of 1<\/span>/);
      expect(text).toMatch(/p50 \d+ ms, p95 \d+ ms/);
    }
  });

  it("says for what an endpoint is disabled", async () => {
    await send(`${path("ep_default")}/disable`);
    expect((await call("/")).text).toMatch(/Disabled<\/span><div class="quiet">because: <bdi>[^<]+<\/bdi>/);
  });

  it("searches, filters by state with counts of all, and keeps both when it pages and refreshes", async () => {
    const id = await add({ description: "the Accounting shop" });
    await send(`${path(id)}/disable`);
    const found = async (query: string) => {
      const { text } = await call(`/${query}`);
      return { ids: [...text.matchAll(/id="open-(\w+)"/g)].map(([, shown]) => shown), text };
    };
    expect((await found("")).ids).toEqual([id, "ep_default"]);
    const disabled = await found("?state=disabled");
    expect(disabled.ids).toEqual([id]);
    expect(disabled.text).toContain('aria-current="true">disabled 1</a>');
    expect(disabled.text).toContain(">delivering 1</a>");
    expect(disabled.text).toContain('data-from="/?state=disabled"');
    expect((await found("?q=accounting")).ids).toEqual([id]);
    expect((await found("?q=accounting&state=delivering")).text).toContain("No endpoint matches.");
    expect((await call("/?state=fine")).status).toBe(400);
  });

  it("shows the endpoints that answer when one does not", async () => {
    const id = await add({ description: "the broken one" });
    await runInDurableObject(endpoint(id), (object) => {
      vi.spyOn(object, "status").mockImplementation(() => {
        throw new Error("lost");
      });
    });
    const { status, text } = await call("/");
    expect(status).toBe(200);
    expect(text).toContain("the broken one");
    expect(text).toContain("Not answering");
    expect(text).toContain("http://localhost:9/webhook");
  });

  it("pages", async () => {
    await Promise.all(Array.from({ length: 50 }, () => add()));
    const first = await call("/");
    const next = /href="(\/\?after=[^"]+)">More endpoints/.exec(first.text)?.[1];
    expect(first.text.match(/id="open-/g)).toHaveLength(50);
    const second = await call(next ?? "");
    expect(second.text.match(/id="open-/g)).toHaveLength(1);
    expect(second.text).not.toContain("More endpoints");
  });
});

describe("every page", () => {
  it("runs and loads nothing but our own files, and is not kept", async () => {
    const id = await add();
    const event = await publishOne();
    await delivered(id);
    const pages = ["/", path(id), `${path(id)}/deliveries/${event.seq}`, `${path(id)}/secret`, "/session"];
    for (const page of [...pages, "/dashboard/nothing"]) {
      const { headers, text } = await call(page);
      expect(headers.get("content-security-policy")).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
          "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
      );
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(text).not.toMatch(
        /<style|\sstyle=|\son\w+=|<script(?! type="module" src="\/assets\/(?:dashboard|sign-in)-[0-9a-f]{8}\.js")/,
      );
      expect(text).not.toContain("test-token-of-24-letters");
      if (!page.endsWith("/secret")) expect(text).not.toMatch(/whs[ekp]/);
    }
  });

  it("names files that exist and may be cached for a year", async () => {
    const { text } = await call("/");
    for (const [pattern, type] of [
      [/src="([^"]+)"/, "text/javascript; charset=utf-8"],
      [/rel="stylesheet" href="([^"]+)"/, "text/css; charset=utf-8"],
    ] as const) {
      const file = await call(pattern.exec(text)?.[1] ?? "", { headers: { "x-forwarded-for": "203.0.113.1" } });
      expect([file.status, file.headers.get("content-type")]).toEqual([200, type]);
      expect(file.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
      expect(file.text.length).toBeGreaterThan(500);
    }
  });

  it("says what failed, with its status", async () => {
    const { status, text } = await call(path("ep_none"));
    expect(status).toBe(404);
    expect(text).toContain('<p class="message failed">There is no endpoint ep_none.</p>');
    const json = await call(path("ep_none"), { headers: { accept: "application/json" } });
    expect(json.headers.get("content-type")).toBe("application/problem+json");
  });
});

describe("foreign text", () => {
  const EVIL = `"><script>alert(1)</script>' onload=x javascript:alert(1) \u202eevil`;
  const SHOWN = "&lt;script&gt;alert(1)&lt;/script&gt;";

  it("is text wherever it stands", async () => {
    receiver.answer = () => new Response(EVIL, { status: 500 });
    const id = await add({ url: `${URL_A}?q="><script>x</script>`, description: EVIL });
    const event = await publishOne({ data: JSON.stringify(EVIL) });
    await delivered(id);
    for (const page of ["/", path(id)]) {
      const { text } = await call(page);
      expect(text).toContain(SHOWN);
      expect(text).toContain("\\u202eevil");
      expect(text).not.toMatch(/<script>|\u202e|href="javascript:/);
    }
    // The body, the command for curl, and the answer; the data and the answers of two endpoints; the data.
    for (const [page, count] of [
      [`${path(id)}/deliveries/${event.seq}`, 3],
      [`/dashboard/events/${event.id}`, 3],
      ["/dashboard/events", 1],
    ] as const) {
      const { text } = await call(page);
      expect(text.split(SHOWN), page).toHaveLength(count + 1);
      expect(text).not.toMatch(/<script>|\u202e/);
    }
  });

  it("is text in a form that comes back, and in its error message", async () => {
    const { status, text } = await send("/dashboard/endpoints", { url: `javascript:"><script>`, headers: EVIL });
    expect(status).toBe(422);
    expect(text).toContain("javascript:&quot;&gt;&lt;script&gt;");
    expect(text).not.toMatch(/<script>|href="javascript:/);
  });

  it("does not choose the message", async () => {
    const { text } = await call("/?done=constructor");
    expect(text).toContain('<div id="message" role="status"></div>');
    expect((await call(`${path("ep_default")}?done=recovered&count=<b>`)).text).not.toContain("<b>");
  });
});

describe("the forms", () => {
  it("add an endpoint and show its secret once", async () => {
    const fields = { types: "order.* invoice.paid", ordered: "true", perSecond: "5", headers: "x-key: concealed" };
    const id = await add({ ...fields, description: "shop" });
    const config = (await outbox().endpoint(id))?.row.config;
    expect(config).toMatchObject({
      url: URL_A,
      types: ["order.*", "invoice.paid"],
      ordered: true,
      description: "shop",
    });
    expect(config).toMatchObject({ rateLimit: { perSecond: 5 }, headers: { "x-key": "concealed" } });
    const secret = await call(`${path(id)}/secret?done=created`);
    expect(secret.text.match(/<summary>(Node|Python|Java|Go|PHP)<\/summary>/g)).toHaveLength(5);
    expect(secret.text).toContain("webhook-signature");
    await outbox().update(id, {
      signatureHeaders: { id: "svix-id", timestamp: "svix-timestamp", signature: "Svix-Sig" },
    });
    const renamed = (await call(`${path(id)}/secret`)).text;
    expect(renamed).toContain("svix-sig");
    expect(renamed).not.toMatch(/webhook-(id|timestamp|signature)/);
    expect(secret.text).toContain(config?.secrets[0]?.key);
    expect((await call(path(id))).text).not.toContain("concealed");
  });

  it.each([
    ["an address that may not be called", { url: "http://10.0.0.1/" }, 422, "may not be called"],
    ["a rate that is no number", { url: URL_A, perSecond: "many" }, 422, "rateLimit"],
    ["a header without a colon", { url: URL_A, headers: "x-key" }, 422, "name: value"],
    ["an unknown start", { url: URL_A, startFrom: "msg_none" }, 422, "startFrom"],
  ])("refuse %s, and keep what was typed", async (_name, fields, status, words) => {
    const answer = await send("/dashboard/endpoints", { description: "typed before", ...fields });
    expect(answer.status).toBe(status);
    expect(answer.text).toContain(words);
    expect(answer.text).toContain('value="typed before"');
    expect(answer.text).toContain('<div id="posted" hidden');
    expect((await call("/")).text.match(/id="open-/g)).toHaveLength(1);
  });

  it("publish an event, byte for byte", async () => {
    const answer = await send("/dashboard/events", { type: "order.paid", data: '{"a": 1.10}' });
    expect([answer.status, answer.location]).toEqual([303, "/?done=published"]);
    await delivered();
    expect(receiver.sent[0]?.body).toMatch(/"type":"order.paid".*"data":\{"a": 1.10\}\}$/);
  });

  it("publish an event with the time when it happened", async () => {
    const timestamp = new Date(Date.now() - 60_000).toISOString();
    expect((await send("/dashboard/events", { type: "a", data: "1", timestamp })).status).toBe(303);
    await delivered();
    expect(receiver.sent[0]?.body).toContain(`"timestamp":"${timestamp}"`);
  });

  it("say at the time of an event what is wrong with it, and keep what was typed", async () => {
    const { status, text } = await send("/dashboard/events", { type: "a", data: "1", timestamp: "yesterday" });
    expect(status).toBe(422);
    expect(text).toMatch(/value="yesterday"/);
    expect(text).toMatch(/id="timestamp-fault">This must be an ISO 8601 time with its zone/);
    expect(receiver.sent).toEqual([]);
  });

  it.each([
    ["data that is no JSON", { type: "a", data: "{" }, 400],
    ["a reserved type", { type: "webhook.x", data: "1" }, 422],
  ])("refuse %s", async (_name, fields, status) => {
    expect((await send("/dashboard/events", fields)).status).toBe(status);
    expect(receiver.sent).toEqual([]);
  });

  it("take nothing but forms", async () => {
    const json = { "content-type": "application/json" };
    expect((await send("/dashboard/events", { type: "a", data: "1" }, json)).status).toBe(415);
  });
});

describe("the buttons", () => {
  it("test", async () => {
    const good = await send(`${path("ep_default")}/test`);
    expect([good.status, good.location]).toEqual([303, `${path("ep_default")}?done=tested`]);
    expect((await call(good.location ?? "")).text).toContain("The test event was delivered.");
    receiver.answer = () => new Response("", { status: 500 });
    expect((await send(`${path("ep_default")}/test`)).location).toBe(`${path("ep_default")}?done=waiting`);
  });

  it("disable and enable", async () => {
    await send(`${path("ep_default")}/disable`);
    const { text } = await call(path("ep_default"));
    expect(text).toContain("Disabled");
    expect(text).not.toContain("Send a test event");
    expect((await send(`${path("ep_default")}/test`)).status).toBe(409);
    await send(`${path("ep_default")}/enable`);
    expect((await outbox().endpoint("ep_default"))?.row.config.enabled).toBe(true);
  });

  it("redeliver", async () => {
    const { seq } = await publishOne();
    await delivered();
    const page = `${path("ep_default")}/deliveries/${seq}`;
    expect((await send(`${page}/redeliver`)).location).toBe(`${page}?done=redelivered`);
    expect((await endpoint().delivery(null, seq))?.mark).toBe("redelivery");
  });

  it("recover", async () => {
    const answer = await send(`${path("ep_default")}/recover`, { hours: "24" });
    expect(answer.location).toBe(`${path("ep_default")}?done=recovered&count=0`);
    expect((await send(`${path("ep_default")}/recover`, { hours: "x" })).status).toBe(422);
  });

  it("send what waits now, or skip it once that is confirmed", async () => {
    receiver.answer = () => new Response("", { status: 500 });
    await publish({}, {}, {});
    await vi.waitUntil(async () => (await endpoint().status()).retrying === 3);
    const { text } = await call(path("ep_default"));
    expect([text.includes("Send all waiting now (3)"), text.includes("Skip all waiting (3)")]).toEqual([true, true]);
    const sent = await send(`${path("ep_default")}/send-waiting`);
    expect(sent.location).toMatch(/\?done=forwarded&count=[0-3]$/);
    expect((await call(sent.location ?? "")).text).toContain("Waiting deliveries that are being sent now");
    // Those under way are left alone.
    await vi.waitUntil(async () => (await deliveries()).every(({ attempts }) => attempts.length >= 2));
    expect((await send(`${path("ep_default")}/skip-waiting`)).status).toBe(400);
    const skipped = await send(`${path("ep_default")}/skip-waiting`, { confirm: "yes" });
    expect(skipped.location).toMatch(/\?done=skipped&count=3$/);
    expect((await call(`${path("ep_default")}?state=dead`)).text).toContain("Skipped");
  });

  it("rotate, except what a variable defines", async () => {
    const id = await add();
    const old = (await outbox().endpoint(id))?.row.config.secrets[0]?.key;
    const { location } = await send(`${path(id)}/rotate`, { expiresInSeconds: "3600" });
    const { text } = await call(location ?? "");
    expect((await outbox().endpoint(id))?.row.config.secrets).toHaveLength(2);
    expect(text).toContain(old);
    expect(text).toContain("Signs beside the new one until");
    expect((await send(`${path("ep_default")}/rotate`, { expiresInSeconds: "0" })).status).toBe(409);
  });

  it("delete, once confirmed", async () => {
    const id = await add();
    expect((await send(`${path(id)}/delete`)).status).toBe(400);
    expect((await send(`${path(id)}/delete`, { confirm: "yes" })).location).toBe("/?done=deleted");
    expect(await outbox().endpoint(id)).toBeNull();
  });
});

describe("an endpoint's deliveries", () => {
  it("come newest first, in pages, by state, each with its attempts", async () => {
    receiver.answer = () => new Response("busy", { status: 503 });
    for (let i = 0; i < 27; i++) await publishOne({ id: `order-${i}` });
    await vi.waitUntil(
      async () => (await endpoint().deliveries({ before: null, limit: 50, state: null })).length === 27,
    );
    const first = await call(path("ep_default"));
    expect(first.text.match(/id="open-\d+"/g)?.[0]).toBe('id="open-27"');
    expect(first.text).toContain("status 503");
    const older = /href="([^"]+before=3)">Older/.exec(first.text)?.[1];
    expect((await call(older ?? "")).text.match(/id="open-\d+"/g)).toHaveLength(2);
    expect((await call(`${path("ep_default")}?state=delivered`)).text).toContain("None.");
    expect((await call(`${path("ep_default")}?state=lost`)).status).toBe(400);
    const one = await call(`${path("ep_default")}/deliveries/27`);
    expect(one.text).toContain("order-26");
    expect(one.text).toContain("<bdi>busy</bdi>");
    expect(one.text).toContain("&quot;total&quot;:42");
  });
});

describe("activity", () => {
  it("counts attempts by the hour, from rows and then as they come, for 24 hours", async () => {
    const start = Math.ceil(Date.now() / HOUR_MS) * HOUR_MS + HOUR_MS;
    moveTo(start);
    await publishOne();
    await delivered();
    receiver.answer = () => new Response("", { status: 500 });
    moveTo(start + HOUR_MS);
    const { activity: read } = await endpoint().status();
    expect(read.hours[22]).toEqual({ delivered: 1, failed: 0 });
    await send(`${path("ep_default")}/test`);
    const { activity: counted } = await endpoint().status();
    expect(counted.hours.slice(22)).toEqual([
      { delivered: 1, failed: 0 },
      { delivered: 0, failed: 1 },
    ]);
    moveTo(start + 24 * HOUR_MS);
    const { activity: later } = await endpoint().status();
    expect(later.hours[0]).toEqual({ delivered: 0, failed: 1 });
    expect(later.hours).toHaveLength(24);
  });
});

describe("percent", () => {
  it.each([
    [1, 1, "100 %"],
    [0, 5, "0 %"],
    [9999, 10_000, "99.9 %"],
    [1, 10_000, "0.1 %"],
    [2, 3, "66.7 %"],
  ])("of %i in %i is %s", (part, all, text) => expect(percent(part, all)).toBe(text));
});

describe("endpointFrom", () => {
  it.each([
    ["url=u", { url: "u", types: null, ordered: false, signing: "v1" }],
    [
      "url=+u+&types=a,b+c.*&signing=both&ordered=true",
      { url: "u", types: ["a", "b", "c.*"], ordered: true, signing: ["v1", "v1a"] },
    ],
    [
      "url=u&headers=a:+1%0D%0Ab:2:3&perSecond=2",
      { url: "u", headers: { a: "1", b: "2:3" }, rateLimit: { perSecond: 2 } },
    ],
  ])("reads %s", (form, expected) => {
    expect(endpointFrom(new URLSearchParams(form))).toMatchObject(expected);
  });
});

describe("signing in", () => {
  /** A name that is not loopback, so that nothing is open without the token. */
  const PUBLIC = "https://sender.example";

  async function session(): Promise<string> {
    const { headers } = await send("/session", { token: "test-token-of-24-letters" }, {}, PUBLIC);
    return (headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  }

  it("limits the form of a client that has not signed in", async () => {
    expect((await send("/session", { token: "x".repeat(5000) }, {}, PUBLIC)).status).toBe(413);
  });

  it("is asked of clients that read pages, and of no others", async () => {
    expect(await call("/", {}, PUBLIC)).toMatchObject({ status: 303, location: "/session" });
    const asked = `/session?${new URLSearchParams({ to: `${path("ep_default")}?state=dead` })}`;
    expect(await call(`${path("ep_default")}?state=dead`, {}, PUBLIC)).toMatchObject({ status: 303, location: asked });
    const refreshed = await call(`${path("ep_default")}?state=dead`, { headers: { accept: "text/html" } }, PUBLIC);
    expect([refreshed.status, refreshed.location]).toEqual([303, asked]);
    for (const api of ["/endpoints", "/events"]) {
      const { status, headers } = await call(api, {}, PUBLIC);
      expect([status, headers.get("content-type")]).toEqual([401, "application/problem+json"]);
    }
    expect((await call("/", { headers: { accept: "*/*" } }, PUBLIC)).status).toBe(401);
    expect((await call("/session", {}, PUBLIC)).text).toContain('type="password"');
  });

  it("takes the token once for a cookie that scripts and other sites cannot use", async () => {
    const { status, location, headers } = await send("/session", { token: "test-token-of-24-letters" }, {}, PUBLIC);
    expect([status, location]).toEqual([303, "/"]);
    const cookie = headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict/);
    expect(cookie).not.toContain("test-token-of-24-letters");
    const page = await call("/", { headers: { cookie: await session() } }, PUBLIC);
    expect(page.status).toBe(200);
    expect(page.text).toContain("Sign out");
    expect((await call("/endpoints", { headers: { cookie: await session() } }, PUBLIC)).status).toBe(200);
  });

  it("leads to the page that was asked for, also after a wrong token", async () => {
    const to = `${path("ep_default")}?state=dead`;
    const { text } = await call(`/session?${new URLSearchParams({ to })}`, {}, PUBLIC);
    expect(text).toContain(`<input type="hidden" name="to" value="${to}"/>`);
    expect((await send("/session", { token: "wrong", to }, {}, PUBLIC)).text).toContain(`value="${to}"`);
    expect((await send("/session", { token: "test-token-of-24-letters", to }, {}, PUBLIC)).location).toBe(to);
  });

  it.each(["//evil.example", "/\\evil.example", "https://evil.example/", "/trigger"])(
    "does not lead to %s",
    async (to) => {
      expect((await call(`/session?${new URLSearchParams({ to })}`, {}, PUBLIC)).text).not.toContain("hidden");
      expect((await send("/session", { token: "test-token-of-24-letters", to }, {}, PUBLIC)).location).toBe("/");
    },
  );

  it("shows what was wrong with the token", async () => {
    const { status, headers, text } = await send("/session", { token: "wrong" }, {}, PUBLIC);
    expect(status).toBe(401);
    expect(headers.get("set-cookie")).toBeNull();
    expect(text).toMatch(/role="alert"[^>]*>That token is wrong\./);
  });

  it("ends", async () => {
    const { status, location, headers } = await send("/session/end", {}, { cookie: await session() }, PUBLIC);
    expect([status, location]).toEqual([303, "/session?why=out"]);
    expect(headers.get("set-cookie")).toMatch(/=; Max-Age=0; Path=\/; /);
  });

  it.each([
    ["another site's form", { origin: "https://evil.example" }],
    ["a sandboxed form", { origin: "null" }],
    ["another port's form", { origin: "https://sender.example:8080" }],
  ])("does not let %s act with its cookie", async (_name, headers) => {
    const cookie = await session();
    for (const [to, fields] of [
      ["/dashboard/events", { type: "a", data: "1" }],
      ["/dashboard/endpoints", { url: "https://example.com/" }],
      [`${path("ep_default")}/disable`, {}],
      ["/session/end", {}],
    ] as const) {
      expect((await send(to, fields, { ...headers, cookie }, PUBLIC)).status).toBe(403);
    }
    expect(receiver.sent).toEqual([]);
    expect((await outbox().endpoint("ep_default"))?.row.config.enabled).toBe(true);
  });

  it("lets the page's own forms act with it", async () => {
    const answer = await send("/dashboard/events", { type: "a", data: "1" }, { cookie: await session() }, PUBLIC);
    expect(answer.status).toBe(303);
  });

  it("is not asked here in local development, but of a page of another site", async () => {
    expect((await call("/")).status).toBe(200);
    const foreign = await send("/dashboard/events", { type: "a", data: "1" }, { origin: "https://evil.example" });
    expect([foreign.status, foreign.location]).toEqual([303, "/session"]);
    expect(receiver.sent).toEqual([]);
  });
});

describe("a replay from the page", () => {
  it("begins, says how far it is, and can be cancelled", async () => {
    await publish({}, {}, { type: "user.made" });
    await vi.waitUntil(async () => (await deliveries()).length === 3);
    const { promise, resolve } = Promise.withResolvers<void>();
    receiver.answer = async () => {
      await promise;
      return new Response("ok");
    };
    expect((await call(path("ep_default"))).text).toContain("Send a part of the log again");
    const begun = await send(`${path("ep_default")}/replay`, { since: "", until: "", types: "order.*", only: "all" });
    expect([begun.status, begun.location]).toEqual([303, `${path("ep_default")}?done=replaying`]);
    const running = await call(path("ep_default"));
    expect(running.text).toMatch(/Under way: <span class="number">0<\/span> of <span class="number">2<\/span> sent/);
    expect(running.text).toContain("Cancel the replay");
    expect((await send(`${path("ep_default")}/replay`, { only: "missing" })).status).toBe(409);
    expect((await send(`${path("ep_default")}/replay/cancel`)).location).toContain("done=replay-cancelled");
    resolve();
    const cancelled = await call(path("ep_default"));
    expect(cancelled.text).toContain("Cancelled: ");
    expect(cancelled.text).not.toContain("Cancel the replay");
  });

  it("refuses a time or a type that is none", async () => {
    for (const [field, value] of [
      ["since", "yesterday"],
      ["types", "order.**"],
      ["only", "some"],
    ]) {
      const { status, text } = await send(`${path("ep_default")}/replay`, { [field ?? ""]: value ?? "" });
      expect([field, status]).toEqual([field, 422]);
      expect(text).toContain(String(field));
    }
  });
});

describe("scheduled events on the page of events", () => {
  const deliverAt = Date.UTC(2040, 0, 2);

  it("are listed by pages, and cancelled once that is confirmed", async () => {
    moveTo(Date.UTC(2040, 0, 1));
    expect((await call("/dashboard/events")).text).not.toContain("scheduled event");
    await publish(
      ...Array.from({ length: 21 }, (_, n) => ({
        ...{ id: `later-${n}`, digest: "d", deliverAt: deliverAt + n },
        data: '"<b>"',
      })),
    );
    const first = await call("/dashboard/events");
    expect(first.text).toContain("21 scheduled events");
    expect(first.text).toContain("later-19");
    expect(first.text).toContain("&quot;&lt;b&gt;&quot;");
    const next = /href="(\/dashboard\/events\?scheduled=[\d.]+)#scheduled"/.exec(first.text)?.[1] ?? "";
    expect((await call(next)).text).toContain("later-20");
    expect((await send("/dashboard/events/later-20/cancel")).status).toBe(400);
    const { status, location } = await send("/dashboard/events/later-20/cancel", { confirm: "yes" });
    expect([status, location]).toEqual([303, "/dashboard/events?done=cancelled"]);
    const after = await call("/dashboard/events?done=cancelled");
    expect(after.text).toContain("It will not be sent.");
    expect(after.text).toContain("20 scheduled events");
    expect((await call("/dashboard/events?q=later")).text).not.toContain("scheduled events");
  });

  it("that are in the log by now are not cancelled, and the page says so", async () => {
    const { id } = await publishOne();
    const { status, text } = await send(`/dashboard/events/${id}/cancel`, { confirm: "yes" });
    expect(status).toBe(409);
    expect(text).toContain("is in the log");
  });
});

describe("the page of alerts", () => {
  it("says how to begin while nobody is told, and refuses a test", async () => {
    const { status, text } = await call("/dashboard/alerts");
    expect([status, text]).toEqual([200, expect.stringContaining("Set the variable <code>ALERT_URL</code>")]);
    const tested = await send("/dashboard/alerts/test");
    expect([tested.status, tested.text]).toEqual([409, expect.stringContaining("Set the variable ALERT_URL first.")]);
    expect((await send("/dashboard/alerts/test", { x: "1" })).status).toBe(422);
    expect((await call("/dashboard/alerts/test")).location).toBe("/dashboard/alerts");
  });
});

describe("the page of deliveries", () => {
  it("lists those of all endpoints by the filters in its address, each with its event, page by page", async () => {
    const other = await add();
    receiver.answer = ({ url }) => new Response("", { status: url === URL_A ? 503 : 200 });
    for (let n = 0; n < 30; n++) await publishOne({ type: n % 2 === 0 ? "order.paid" : "user.made" });
    await vi.waitUntil(async () => (await deliveries()).length === 30 && (await deliveries(other)).length === 30, {
      timeout: 15_000,
    });
    const events = (text: string) => [...text.matchAll(/href="\/dashboard\/events\/(msg_\w+)"/g)].map(([, id]) => id);
    const first = await call("/dashboard/deliveries");
    expect(events(first.text)).toHaveLength(50);
    const next = /href="(\/dashboard\/deliveries\?before=[^"]+)">Older/.exec(first.text)?.[1] ?? "";
    expect(events((await call(next)).text)).toHaveLength(10);
    for (const [query, count] of [
      ["?endpoint=ep_default", 30],
      [`?endpoint=${other}&state=due`, 30],
      ["?status=5xx&type=order.*", 15],
      ["?state=delivered&type=user.made&status=", 15],
      ["?since=2090-01-01T00:00", 0],
      ["?state=dead", 0],
    ] as const) {
      expect([query, events((await call(`/dashboard/deliveries${query}`)).text).length]).toEqual([query, count]);
    }
    expect(first.text).toMatch(/aria-current="page">Deliveries</);
  });

  it.each([
    ["?state=lost", 400],
    ["?status=600", 400],
    ["?since=yesterday", 400],
    ["?before=x", 400],
    ["?colour=red", 400],
    ["?endpoint=ep_none", 404],
  ])("answers a page that says why not: %s", async (query, status) => {
    const answer = await call(`/dashboard/deliveries${query}`);
    expect(answer.status).toBe(status);
    expect(answer.text).toContain("<!doctype html>");
  });
});
