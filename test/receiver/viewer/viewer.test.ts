import { describe, expect, it, vi } from "vitest";
import { HOUR_MS } from "../../../shared/time.ts";
import { UNKNOWN_LINE } from "../../../workers/receiver/event/request-line.ts";
import { sentCookie } from "../../support/session.ts";
import {
  call,
  callWith,
  DAY,
  env,
  get,
  ORIGIN,
  pass,
  replaceKv,
  runAlarm,
  SECOND,
  send,
  sendMany,
  useEmptyStorage,
} from "../support/harness.ts";
import { log } from "../support/logged.ts";

useEmptyStorage();

const HTML = { accept: "text/html,application/xhtml+xml" };
const SOURCES = {
  github: { scheme: "github", secrets: ["GITHUB_SECRET"] },
  open: { scheme: "none" },
  billing: { scheme: "stripe", secrets: ["STRIPE_SECRET"], log: "billing" },
};
const FORWARD_SECRET = "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
const configured = { DOH_URL: "", SOURCES, GITHUB_SECRET: "g", STRIPE_SECRET: "s", LOCAL_DEV: "true" } as object;

async function page(path: string, changes: object = {}): Promise<{ status: number; text: string; headers: Headers }> {
  const response = await callWith({ ...configured, ...changes }, path, { headers: HTML, redirect: "manual" });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

async function post(
  path: string,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
  changes: object = {},
) {
  const response = await callWith({ ...configured, ...changes }, path, {
    method: "POST",
    body: new URLSearchParams(fields).toString(),
    headers: { ...HTML, "content-type": "application/x-www-form-urlencoded", origin: ORIGIN, ...headers },
    redirect: "manual",
  });
  const { status } = response;
  return { status, location: response.headers.get("location"), text: await response.text() };
}

const rows = (text: string) =>
  [...text.replace(/<template.*?<\/template>/gs, "").matchAll(/<tr id="e(\d+)">/g)].map(([, seq]) => Number(seq));
const href = (text: string, label: string) =>
  new RegExp(`href="([^"]+)"[^>]*>${label}<`).exec(text)?.[1]?.replaceAll("&amp;", "&") ?? null;

describe("GET /", () => {
  it("shows the events, newest first, each with its type, id, source, size and verification", async () => {
    await send("msg_1", '{"type":"order.paid"}');
    pass(90 * SECOND);
    await callWith(configured, "/webhook/open", { method: "POST", body: "hello" });
    const { status, text } = await page("/");
    expect([status, rows(text)]).toEqual([200, [2, 1]]);
    expect(text).toContain('<a data-slot="link" href="/e/1"><span data-slot="type"><bdi>order.paid</bdi>');
    expect(text).toContain("<bdi>msg_1</bdi>");
    expect(text).toContain('<time class="moment" datetime="2040-01-01T00:00:00.000Z">2040-01-01 00:00:00 UTC</time>');
    expect(text).toContain("21 B");
    expect(text).toMatch(/<tr id="e1">(?:(?!<\/tr>).)*Verified<\/span> <span class="quiet">by its signature<\/span>/s);
    expect(text).toMatch(/<tr id="e2">(?:(?!<\/tr>).)*Unverified<\/span> <span class="quiet">no proof asked<\/span>/s);
    expect(text).toContain('aria-label="Arrivals of the last 24 hours by the hour: 2 in all, at most 2 in one hour"');
    expect(text).toContain('data-after="2" data-query="" data-page="head"');
  });

  it("turns its pages both ways", async () => {
    await sendMany(120, "a");
    const first = await page("/");
    expect(rows(first.text)).toEqual(Array.from({ length: 50 }, (_, index) => 120 - index));
    expect(href(first.text, "Newer")).toBeNull();
    const second = await page(href(first.text, "Older") ?? "");
    const third = await page(href(second.text, "Older") ?? "");
    expect(rows(third.text)).toEqual(Array.from({ length: 20 }, (_, index) => 20 - index));
    expect(href(third.text, "Older")).toBeNull();
    expect(third.text).toContain('data-after="120" data-query="" data-page="older"');
    expect(href((await page("/?after=0")).text, "Older")).toBeNull();
    const back = await page(href(third.text, "Newer") ?? "");
    expect(rows(back.text)).toEqual(rows(second.text));
    expect(rows((await page(href(back.text, "Newer") ?? "")).text)).toEqual(rows(first.text));
  });

  it("keeps the filter in every address", async () => {
    await send("msg_1", '{"type":"order.paid","note":"blue"}');
    await send("msg_2", '{"type":"order.shipped"}');
    await send("msg_3", '{"type":"invoice.paid"}');
    const { text } = await page("/?type=order.*&q=BLUE&source=default");
    expect(rows(text)).toEqual([1]);
    expect(text).toContain('href="/e/1?source=default&amp;type=order.*&amp;q=BLUE"');
    expect(text).toContain('data-query="source=default&amp;type=order.*&amp;q=BLUE"');
    expect(text).toContain("/events/export?source=default&amp;type=order.*&amp;q=BLUE&amp;format=ndjson");
    expect(text).toContain('href="/?source=default&amp;q=BLUE"><span class="unseen">Remove </span>type: ');
    expect(text).toContain('<input type="search" name="q" value="BLUE"');
  });

  it.each(["in the Inbox", "in KV"])("says in each row where the searched text stands, %s", async (place) => {
    await send("msg_1", '{"type":"a","note":"order 4711, <two>"}');
    await send("msg_2", '{"type":"b"}');
    await callWith(configured, "/webhook/open?order=4711", {
      method: "POST",
      body: "-",
      headers: { "x-a": "order 4711" },
    });
    if (place === "in KV") {
      for (let alarms = 0; alarms < 2; alarms++) {
        pass(400 * SECOND);
        await runAlarm();
      }
    }
    const row = (text: string, seq: number) => new RegExp(`<tr id="e${seq}">.*?</tr>`, "s").exec(text)?.[0];
    const { text } = await page("/?q=ORDER+4711");
    expect(rows(text)).toEqual([3, 1]);
    expect(row(text, 1)).toContain(
      'in the body:</span> <bdi class="mono">{&quot;type&quot;:&quot;a&quot;,&quot;note&quot;:&quot;<mark>order 4711</mark>, &lt;two&gt;',
    );
    expect(row(text, 3)).toContain('in the headers:</span> <bdi class="mono">x-a: <mark>order 4711</mark>');
    const event = await page("/e/3?q=order");
    expect(event.text).toContain('in the URL:</span> <bdi class="mono">/webhook/open?<mark>order</mark>=4711');
    expect(event.text).toContain("<bdi><mark>order</mark> 4711</bdi>");
  });

  it("shows an event beside the list, within its filter, and says if there is none", async () => {
    await send("msg_1", '{"type":"a","note":"blue"}');
    await send("msg_2", '{"type":"b","note":"blue"}');
    const { text } = await page("/?q=blue&event=1&view=raw");
    expect(rows(text)).toEqual([2, 1]);
    expect(text).toContain('<section id="beside" aria-label="Event"><nav');
    expect(text).toContain('<div id="event" data-seq="1">');
    expect(text).toContain("&quot;note&quot;:&quot;<mark>blue</mark>&quot;}</bdi>");
    expect(href(text, "Close")).toBe("/?q=blue");
    expect(href(text, "On a page of its own")).toBe("/e/1?q=blue");
    expect((await page("/?event=7")).text).toContain("The log holds no event 7;");
    expect((await page("/?event=x")).status).toBe(400);
    expect((await page("/")).text).toContain('<section id="beside" aria-label="Event" hidden="">');
  });

  it("offers no older page where nothing is older, within the filter", async () => {
    for (const [id, type] of Object.entries({ msg_1: "a", msg_2: "b", msg_3: "a" }))
      await send(id, `{"type":"${type}"}`);
    const older = async (query: string) => href((await page(`/?${query}`)).text, "Older");
    expect(await older("after=1")).toBe("/?before=2");
    expect(await older("after=2")).toBe("/?before=3");
    expect(await older("after=1&type=b")).toBeNull();
    expect(await older("after=2&type=b")).toBe("/?type=b&before=3");
    expect(await older("after=3&source=open")).toBeNull();
  });

  it("leaves the empty fields of a form out of its address", async () => {
    expect((await page("/?q=&type=a&since=&until=")).headers.get("location")).toBe("/?type=a");
    expect((await page("/?q=")).headers.get("location")).toBe("/");
  });

  it("says that nothing matches, and not that the log is empty", async () => {
    await send("msg_1");
    const { text } = await page("/?type=order.*");
    expect(text).toContain("Nothing matches.");
    expect(text).not.toContain("No event here yet");
  });

  it("links the hours of its chart", async () => {
    await send("msg_1");
    pass(2 * HOUR_MS);
    await send("msg_2");
    const { text } = await page("/");
    const first = /href="([^"]+)"><time[^>]*>00:00 UTC/.exec(text)?.[1]?.replaceAll("&amp;", "&") ?? "";
    expect(rows((await page(first)).text)).toEqual([1]);
  });

  it("counts the waiting events of more tails than are read one by one", async () => {
    await replaceKv({ put: () => Promise.reject(new Error("429 quota")) });
    // Two of these fill a tail.
    const big = "x".repeat(300 * 1024);
    for (let i = 0; i < 24; i++) {
      await send(`msg_${i}`, big);
      pass(6 * 60 * SECOND);
    }
    const { text } = await page("/");
    expect(text).toContain("24 arrivals in the last 24 hours");
    for (const hour of ["00:00", "01:00"]) expect(text).toMatch(new RegExp(`${hour} UTC</time></a>: <span>10<`));
    expect(text).toContain("02:00 UTC</time></a>: <span>4<");
  });

  it("switches sources and logs", async () => {
    const { text } = await page("/?log=billing");
    expect(text).toContain('<a href="/?log=billing" aria-current="true">billing</a>');
    expect(text).not.toContain('aria-label="Sources"');
    expect((await page("/?log=other")).status).toBe(404);
    const main = await page("/");
    expect(main.text).not.toContain("webhook/billing");
    await send("msg_1");
    expect((await page("/")).text).toContain('<a href="/?source=github">github</a>');
  });

  it("says when events wait for KV, and only then", async () => {
    await send("msg_1");
    expect((await page("/")).text).not.toContain("Writing to KV fails");
    await replaceKv({ put: () => Promise.reject(new Error("429 quota")) });
    pass(10 * 60 * SECOND);
    await runAlarm();
    const { text } = await page("/");
    expect(text).toContain("Writing to KV fails at the moment. Events that wait in the Inbox: 1, the oldest");
    expect(text).toContain('datetime="2040-01-01T00:00:00.000Z"');
  });

  it.each([
    ["?before=9", 409],
    ["?before=x", 400],
    ["?since=yesterday", 400],
  ])("says what is wrong with %s as a page", async (query, status) => {
    const answer = await page(`/${query}`);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([status, "text/html; charset=utf-8"]);
    expect(answer.text).toContain('<p class="message failed">');
  });
});

describe("an empty log", () => {
  it.each(["/", "/?log=billing", "/connect"])("is answered at %s with commands that work", async (path) => {
    const { text } = await page(path);
    const lines = [...text.matchAll(/<pre id="curl-[^"]+" tabindex="0"><span>(.*?)<\/span>/gs)].map(([, line = ""]) =>
      line.replace(/&(quot|#39);/g, (_, name) => (name === "quot" ? '"' : "'")),
    );
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) {
      const url = /^curl '([^']+)'/.exec(line)?.[1] ?? "";
      const headers = [...line.matchAll(/-H '([^:]+): ([^']*)'/g)].map(([, name, value]) => [name, value]);
      const body = /--data-raw '([^']*)'$/.exec(line)?.[1] ?? "";
      const init = { method: "POST", headers: Object.fromEntries(headers), body };
      expect((await callWith(configured, url.slice(ORIGIN.length), init)).status, line).toBe(200);
    }
  });

  it("shows no secret", async () => {
    for (const path of ["/", "/connect", "/?log=billing"]) {
      expect((await page(path)).text).not.toMatch(/whsec_|MfKQ9r8G|test-token-of-24-letters/);
    }
  });

  it("says what is wrong with a source", async () => {
    const broken = { SOURCES: { shop: { scheme: "stripe", secrets: ["NOT_SET"] } } };
    expect((await page("/connect", broken)).text).toContain("SOURCES.shop: secrets names NOT_SET, which is not set");
    const short = { SHORT: "whsec_c2hvcnQ=", SOURCES: { shop: { scheme: "standard", secrets: ["SHORT"] } } };
    const { text } = await page("/connect", short as never);
    expect(text).toContain("SOURCES.shop: secrets names SHORT, which cannot be used: a secret is too short");
    expect(text).not.toContain("c2hvcnQ=");
  });
});

describe("GET /e/:seq", () => {
  it("shows everything that the log holds of one event", async () => {
    await send("msg_1", '{"type":"order.paid","big":12345678901234567890}', {
      "x-one": "1",
      authorization: "Bearer x",
    });
    const { status, text } = await page("/e/1");
    expect(status).toBe(200);
    expect(text).toContain("<title>order.paid · Webhook receiver</title>");
    expect(text).toContain("<code><bdi>msg_1</bdi></code>");
    expect(text).toContain("2040-01-01 00:00:00.000 UTC");
    expect(text).toContain("12345678901234567890");
    expect(text).toContain(
      '<button type="button" class="copy" hidden="" data-copy="1">Copy<span class="unseen"> x-one',
    );
    expect(text).toMatch(/data-copy="[^"]*\nwebhook-id: msg_1\n[^"]*\nx-one: 1">Copy all/);
    expect(text).toContain("(masked)");
    expect(text).toContain(`curl &#39;${ORIGIN}/webhook&#39; \\\n`);
    expect(text).toContain("-H &#39;authorization: (masked)&#39;");
    expect(text).toContain("Secrets were masked: write them in the place of (masked).");
    expect(text).toContain("<dt>Request</dt><dd><code><bdi>POST /webhook</bdi></code></dd>");
    expect(text).toContain('href="/events/1/body"');
  });

  it("shows the request line of an event, and puts it into the command", async () => {
    await callWith(configured, "/webhook/open?ids[]=1&token=hidden7", { method: "POST", body: "{}" });
    const { text } = await page("/e/1");
    const line = "/webhook/open?ids[]=1&amp;token=(masked)";
    expect(text).toContain(`<dt>Request</dt><dd><code><bdi>POST ${line}</bdi></code></dd>`);
    expect(text).toContain(`curl -g &#39;${ORIGIN}${line}&#39; \\\n`);
    expect(text).not.toContain("hidden7");
  });

  it("shows any path and query as text, and what is invisible by its code", async () => {
    await log({
      path: "/webhook/<img src=x onerror=fault()>",
      query: `"><svg onload='fault()'>\u202e&x=\n`,
      body: "{}",
    });
    const { text } = await page("/e/1");
    expect(text).toContain("POST /webhook/&lt;img src=x onerror=fault()&gt;?&quot;&gt;&lt;svg onload=");
    expect(text).toContain("\\u202e");
    expect(text).not.toMatch(/<img|<svg onload|\u202e/);
  });

  it("says that the request line of an event of version 0.1.0 was not kept", async () => {
    await log({ ...UNKNOWN_LINE, source: "default", body: "{}" });
    const { text } = await page("/e/1");
    expect(text).toContain("<dt>Request</dt><dd>not kept</dd>");
    expect(text).toContain(`curl &#39;${ORIGIN}/webhook&#39; \\\n`);
  });

  it("leads to the events beside it, within the filter", async () => {
    await send("msg_1", '{"type":"a"}');
    await send("msg_2", '{"type":"b"}');
    await send("msg_3", '{"type":"a"}');
    const beside = (text: string) => ["prev", "next"].map((rel) => /href="([^"]+)"/.exec(linkOf(text, rel))?.[1]);
    const linkOf = (text: string, rel: string) => new RegExp(`<a rel="${rel}"[^>]*>`).exec(text)?.[0] ?? "";
    expect(beside((await page("/e/2")).text)).toEqual(["/e/1", "/e/3"]);
    expect(beside((await page("/e/3?type=a")).text)).toEqual(["/e/1?type=a", undefined]);
    expect(linkOf((await page("/e/3?type=a")).text, "up")).toContain('href="/?type=a"');
  });

  it("says on the list and on its page how often an event came again, and when last", async () => {
    await send("msg_1");
    await send("msg_2");
    for (let time = 0; time < 2; time++) await send("msg_1");
    expect((await page("/")).text.match(/again [^<]+(?=<)/g)).toEqual(["again 2 times"]);
    expect((await page("/e/1")).text).toMatch(/again 2 times<\/span>, last <time[^>]+>2040-01-01 00:00:00 UTC/);
    expect((await page("/e/2")).text).not.toContain("again 2 times");
  });

  it("links the same bytes under other ids", async () => {
    await send("msg_1", '{"n":1}');
    await send("msg_2", '{"n":2}');
    await send("msg_3", '{"n":1}');
    expect((await page("/e/3")).text).toMatch(/Same bytes.*href="\/e\/1"/s);
    expect((await page("/e/2")).text).not.toContain("Same bytes");
  });

  it("links the same bytes of events that have no id, each of which is logged", async () => {
    for (let time = 0; time < 3; time++)
      await callWith(configured, "/webhook/open", { method: "POST", body: "id=tr_1" });
    const same = (await page("/e/2")).text.match(/<dt>Same bytes as<\/dt>.*?<\/dd>/s)?.[0] ?? "";
    expect([...same.matchAll(/href="([^"]+)"><bdi>(.*?)</g)].map(([, ...link]) => link)).toEqual([
      ["/e/1", "event 1"],
      ["/e/3", "event 3"],
    ]);
  });

  it("reads events from KV, too", async () => {
    await send("msg_1", '{"type":"a"}');
    for (let i = 0; i < 2; i++) {
      pass(10 * 60 * SECOND);
      await runAlarm();
    }
    expect((await page("/e/1")).text).toContain("<title>a · Webhook receiver</title>");
    expect((await page("/")).text).toContain("1 arrival in the last 24 hours, all sources");
    pass(2 * DAY);
    expect((await page("/")).text).toContain("0 arrivals in the last 24 hours");
  });

  it("is shown without its neighbours if KV does not show them", async () => {
    await send("msg_1", '{"type":"a"}');
    for (let i = 0; i < 2; i++) {
      pass(10 * 60 * SECOND);
      await runAlarm();
    }
    await send("msg_2", '{"type":"b"}');
    const EVENTS = { get: async () => null } as unknown as KVNamespace;
    const { status, text } = await page("/e/2", { EVENTS });
    expect(status).toBe(200);
    expect(text).not.toContain('rel="prev"');
    expect((await page("/e/1", { EVENTS })).status).toBe(503);
    expect((await page("/e/2")).text).toContain('<a rel="prev" href="/e/1">');
  });

  it.each(["/e/9", "/e/0", "/e/x", "/e/1?view=html"])("answers %s with a page that says why not", async (path) => {
    await send("msg_1");
    expect((await page(path)).status).toBe(path.includes("view") ? 400 : 404);
  });
});

describe("GET /compare", () => {
  const sendThree = async () => {
    await send("msg_1", '{"type":"order.paid","total":17,"note":"as usual"}');
    await send("msg_2", '{"type":"order.shipped"}');
    await send("msg_3", '{"type":"order.paid","total":18,"note":"as usual"}');
  };

  it("shows two events with their differences, the older one first", async () => {
    await sendThree();
    const { status, text } = await page("/compare?a=3&b=1");
    expect(status).toBe(200);
    const row = (name: string) =>
      new RegExp(`<tr[^>]*><th scope="row">[^/]*(<span[^>]*>[^<]*</span>)*<bdi>${name}</bdi>.*?</tr>`, "s").exec(
        text,
      )?.[0] ?? "";
    const differing = [...text.matchAll(/<tr class="differs">.*?<bdi>(.*?)<\/bdi>/gs)].map(([, name]) => name);
    expect(differing).toEqual(["Id", "$.total", "webhook-id", "webhook-signature"]);
    expect(text).toContain("<bdi>1<mark>7</mark></bdi>");
    expect(text).toContain("<bdi>1<mark>8</mark></bdi>");
    expect(text).toContain("2 values are the same.");
    expect(row("Type")).not.toContain("differs");
    expect(text.indexOf(">Event 1<")).toBeLessThan(text.indexOf(">Event 3<"));
  });

  it("is reached from two boxes of the list, and from an event", async () => {
    await sendThree();
    const to = async (path: string) => (await page(path)).headers.get("location");
    expect((await page("/")).text).toContain('<input type="checkbox" form="compare" name="seq" value="3"');
    expect(await to("/compare?seq=1&seq=2")).toBe("/compare?a=1&b=2");
    expect(href((await page("/e/3")).text, "Compare with the one before of this type")).toBe("/compare?b=3");
    expect(await to("/compare?b=3")).toBe("/compare?a=1&b=3");
  });

  it.each([
    ["/compare", 400, "Choose two events to compare, not 0."],
    ["/compare?seq=1", 400, "Choose two events to compare, not 1."],
    ["/compare?a=1", 400, "Choose two events to compare, not 1."],
    ["/compare?seq=1&seq=2&seq=3", 400, "Choose two events to compare, not 3."],
    ["/compare?a=1&b=x", 400, "The number of an event is whole"],
    ["/compare?a=1&b=9", 404, "The log holds no event 9;"],
    ["/compare?b=2", 404, "No event of the same type was found shortly before 2."],
    ["/compare?a=1&b=2&c=3", 400, "c"],
  ])("says of %s what is wrong", async (path, status, text) => {
    await sendThree();
    const answer = await page(path);
    expect(answer.status).toBe(status);
    expect(/<p class="message failed">(.*?)<\/p>/.exec(answer.text)?.[1]).toContain(text);
  });

  it.each<[name: string, bodies: [string, string], text: string]>([
    ["the same bytes", ["same", "same"], "The same, byte for byte."],
    ["the same values", ['{"a":1}', '{ "a": 1 }'], "The same values, written differently. 1 value is the same."],
    ["texts", ["some text", "some test"], "<bdi>some te<mark>x</mark>t</bdi>"],
    ["long bodies", ["x".repeat(70_000), "y".repeat(70_000)], "too long to be compared here: at most 65,536 B are."],
  ])("compares bodies: %s", async (_name, bodies, text) => {
    for (const body of bodies) await callWith(configured, "/webhook/open", { method: "POST", body });
    expect((await page("/compare?a=1&b=2")).text).toContain(text);
  });
});

describe("the forms", () => {
  it("clear one source, or all, once confirmed", async () => {
    await send("msg_1");
    await callWith(configured, "/webhook/open", { method: "POST", body: "x" });
    expect((await post("/clear", { source: "open" })).status).toBe(400);
    const one = await post("/clear", { source: "open", confirm: "yes" });
    expect([one.status, one.location]).toEqual([303, "/?done=cleared&count=1&kept=1"]);
    expect((await page(one.location ?? "")).text).toContain(
      '<p class="message">Cleared: 1 event. Hidden in KV until they expire: 1.</p>',
    );
    expect(rows((await page("/")).text)).toEqual([1]);
    await post("/clear", { confirm: "yes" });
    expect((await page("/")).text).toContain("No event here yet");
    expect(await get("/events")).toEqual({ events: [], next: null });
  });

  it.each([
    [
      "what the target said",
      () => new Response("<b>thanks</b>", { status: 500 }),
      "Forwarded. The answer: status 500, after",
    ],
    [
      "that it did not answer",
      () => Promise.reject(new TypeError("network")),
      "Forwarded, but not answered: request_failed, after",
    ],
  ])("forward, and show %s", async (_name, answer, words) => {
    await send("msg_1", '{"n":1}');
    const outer = vi.spyOn(globalThis, "fetch").mockImplementation(async () => answer());
    const { status, text } = await post("/e/1/forward", { url: "https://target.example/hook" }, {}, { FORWARD_SECRET });
    expect([status, outer.mock.calls.map(([url]) => String(url))]).toEqual([200, ["https://target.example/hook"]]);
    expect(text).toContain(words);
    expect(text).toContain('<p class="message failed">');
    expect(text).not.toContain("<b>");
    if (words.includes("500")) expect(text).toContain("&lt;b&gt;thanks&lt;/b&gt;");
  });

  it("say why an event is not forwarded, and keep what was typed", async () => {
    await send("msg_1");
    const unset = await post("/e/1/forward", { url: "https://example.com/a" });
    expect(unset.status).toBe(409);
    expect(unset.text).toContain('value="https://example.com/a"');
    expect(unset.text).toContain("FORWARD_SECRET");
    expect((await post("/e/7/forward", { url: "https://example.com/a" })).status).toBe(404);
  });

  it("lead to the event when the address of a forward is read", async () => {
    const { status, headers } = await page("/e/7/forward?log=billing");
    expect([status, headers.get("location")]).toEqual([303, "/e/7?log=billing"]);
    const put = await callWith(configured, "/e/7/forward", { method: "PUT" });
    expect([put.status, put.headers.get("allow")]).toEqual([405, "GET, POST"]);
  });

  it.each(["/clear", "/e/1/forward"])("take nothing at %s from another site", async (path) => {
    await send("msg_1");
    const elsewhere = { origin: "https://evil.example", "sec-fetch-site": "cross-site" };
    expect(await post(path, { confirm: "yes" }, elsewhere)).toMatchObject({ status: 303, location: "/session" });
    const scope = { worker: "receiver", apiToken: env.API_TOKEN, localDev: true };
    const cookie = await sentCookie(scope, Date.now());
    expect((await post(path, { confirm: "yes" }, { ...elsewhere, cookie })).status).toBe(403);
    expect(rows((await page("/")).text)).toEqual([1]);
    expect((await post(path, { confirm: "yes" }, { "content-type": "text/plain" })).status).toBe(415);
  });
});

describe("GET /rejected", () => {
  it("shows rejected requests, each with its reason and diagnosis", async () => {
    expect((await page("/rejected")).text).toContain("No request was rejected.");
    await call("/webhook", { method: "POST", body: "{}", headers: { "x-evil": "<script>alert(1)</script>" } });
    const github = { "x-hub-signature-256": `sha256=${"0".repeat(64)}` };
    await callWith(configured, "/webhook/github", { method: "POST", body: "{}", headers: github });
    const { text } = await page("/rejected");
    expect(text).toContain("2 rejected in all");
    expect(text).toContain("No id");
    expect(text).toContain("Wrong signature");
    expect(text).toContain("no event of this log was verified since");
    expect(text).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
    const one = await page("/rejected?source=github");
    expect(one.text).toContain("1 rejected in all");
    expect(one.text).not.toContain("No id");
  });
});

describe("every page", () => {
  const PAGES = [
    "/",
    "/e/1",
    "/e/1?view=raw",
    "/e/1?view=hex",
    "/compare?a=1&b=2",
    "/rejected",
    "/connect",
    "/alerting",
    "/?since=never",
  ];

  it.each(PAGES)("%s runs and loads nothing but our own files, and is not kept", async (path) => {
    await send("msg_1");
    const { headers, text } = await page(path);
    expect(headers.get("content-security-policy")).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    );
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(text).not.toMatch(/<style|\sstyle=|\son\w+=|tabindex="[1-9]/);
    const scripts = [...text.matchAll(/<script[^>]*>/g)].map(([tag]) => tag);
    expect(scripts).toEqual([expect.stringMatching(/^<script type="module" src="\/assets\/viewer-[0-9a-f]{8}\.js">$/)]);
  });

  it.each(PAGES)("%s asks for the token", async (path) => {
    await send("msg_1");
    const deployed = await callWith({ LOCAL_DEV: "false" }, path, { headers: HTML, redirect: "manual" });
    const form = path === "/" ? "/session" : `/session?${new URLSearchParams({ to: path })}`;
    expect([deployed.status, deployed.headers.get("location")]).toEqual([303, form]);
    const token = await post("/session", { token: env.API_TOKEN, to: path }, {}, { LOCAL_DEV: "false" });
    expect([token.status, token.location]).toEqual([303, path]);
    expect((await callWith({ LOCAL_DEV: "false" }, path)).status).toBe(401);
  });

  it.each(["//evil.example/e/1", "/\\evil.example", "https://evil.example", "/events/export", "/.//evil.example"])(
    "is where signing in leads, and %s is not",
    async (to) => {
      expect((await page(`/session?${new URLSearchParams({ to })}`)).text).not.toContain("hidden");
      expect(await post("/session", { token: env.API_TOKEN, to })).toMatchObject({ status: 303, location: "/" });
    },
  );

  it("loads scripts that exist and import each other at their paths", async () => {
    const { text } = await page("/");
    const seen = new Set<string>();
    const wanted = [/src="([^"]+)"/.exec(text)?.[1] ?? ""];
    for (let path = wanted.pop(); path !== undefined; path = wanted.pop()) {
      if (seen.has(path)) continue;
      seen.add(path);
      const response = await call(path);
      expect([response.status, response.headers.get("content-type")], path).toEqual([
        200,
        "text/javascript; charset=utf-8",
      ]);
      wanted.push(...[...(await response.text()).matchAll(/from "([^"]+)"/g)].map(([, from = ""]) => from));
    }
    expect(seen.size).toBe(26);
  });
});

describe("foreign text", () => {
  const EVIL = `"><script>alert(1)</script>' onload=x javascript:alert(1) \u202eevil\0</template></pre>`;

  it("is text wherever it stands", async () => {
    const body = JSON.stringify({ type: EVIL, [EVIL]: [EVIL, { deep: EVIL }] });
    await send(`a"'<b>`, body, {
      "x-evil": `"><script>alert(1)</script>`,
      "user-agent": "<img src=x onerror=alert(1)>",
    });
    await send("msg_2", body);
    for (const path of ["/", "/e/1", "/e/1?view=raw", "/e/1?view=hex", "/compare?a=1&b=2", "/rejected"]) {
      const { status, text } = await page(path);
      expect(status, path).toBe(200);
      expect(text, path).not.toMatch(/<script>|<img|\u202e|\0|<b>|<\/template><\/pre>|href="javascript:/);
    }
    expect((await page("/e/1")).text).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
    expect((await page("/e/1")).text).toContain("\\u202eevil");
  });

  it.each(["/?q=", "/?type=", "/?log=", "/e/1?q=", "/rejected?source=", "/?done=cleared&count="])(
    "is text when it comes back from %s",
    async (path) => {
      await send("msg_1");
      const { text } = await page(`${path}${encodeURIComponent(`"><script>alert(1)</script>`)}`);
      expect(text).not.toContain("<script>");
    },
  );
});
