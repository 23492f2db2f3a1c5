import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Browser, WebSocketRoute } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import type { WorkerProcess } from "../../workers/dev/worker-process.ts";
import { freePorts, temporaryFolder, variables } from "../pair/workers.ts";
import { launch, screenshot, showNarrow, showWide, signIn, Visit } from "./browser.ts";
import { runReceiver, sendGithub, sendLegacy, sendSigned, send as sendWebhook } from "./receiver.ts";

/** The receiver's pages in a real browser. */
const chrome = inject("chrome");
const run = promisify(execFile);

/** A log and the number of its viewers, as `/sources` tells them. */
type Watched = { name: string; viewers: number };

const folder = temporaryFolder();
let browser: Browser;
/** `open` runs as under `npm start`, `closed` as deployed. */
let open: WorkerProcess;
let closed: WorkerProcess;
/** A visit to `open`. Changed storage or a changed clock would be there for the next test. */
let shared: Visit;
let visit: Visit;

const send = (type: string, more: object = {}, to = open) =>
  sendSigned(to.url, { headers: { "content-type": "application/json" }, body: JSON.stringify({ type, ...more }) });

describe.skipIf(chrome === null)("the viewer", () => {
  beforeAll(async () => {
    const [first, second] = await freePorts(2);
    [browser, open, closed] = await Promise.all([
      launch(chrome ?? ""),
      runReceiver(`${folder.path}/open`, { port: first }),
      runReceiver(`${folder.path}/closed`, { port: second, vars: { LOCAL_DEV: "false" } }),
    ]);
    shared = await Visit.open(browser, open.url);
  });
  afterAll(async () => {
    await browser.close();
    await Promise.all([open.stop(), closed.stop()]);
    folder.remove();
  });
  beforeEach(async () => {
    visit = shared;
    await showWide(visit);
  });
  afterEach(async () => {
    expect(visit.takeFaults()).toEqual([]);
    if (visit !== shared) await visit.close();
  });

  const visitAlone = async ({ url } = open) => {
    visit = await Visit.open(browser, url);
    return visit.page;
  };
  const state = (text: string) => visit.page.locator("#live", { hasText: text }).waitFor();
  const live = () => state("live");
  const rows = () => visit.page.locator("#events tbody tr");
  /** Returns the number of sockets at the log of `closed`. */
  const viewers = async () => {
    const headers = { authorization: `Bearer ${variables.API_TOKEN}` };
    const { logs } = (await (await fetch(`${closed.url}/sources`, { headers })).json()) as { logs: Watched[] };
    return logs.find(({ name }) => name === "main")?.viewers;
  };
  /** Returns the event that has the focus. */
  const selected = () =>
    visit.page.evaluate(() => document.activeElement?.closest("a")?.querySelector("[data-slot=type]")?.textContent);
  /** Returns the hourly chart, drawn and in words, without the minute that it names. */
  const picture = async () => visit.page.locator("#arrivals").innerHTML();
  const types = () => visit.page.locator("#events tbody [data-slot=type]").allTextContents();

  test("begins with a command that works, and shows its event", async () => {
    const { page } = visit;
    await page.goto("/");
    await live();
    const line = await page.locator("#curl-default").textContent();
    expect((await run("sh", ["-c", line ?? ""])).stdout).toBe("Received");
    await page.getByRole("row").getByRole("link", { name: "example.sent" }).waitFor();
    await live();
  });

  test("shows new events in order, above the older ones", async () => {
    await send("was.there");
    const { page } = visit;
    await page.goto("/");
    await live();
    const sent = ["order.paid", "order.shipped", "ticket.opened", "pull_request", "invoice.created", "live.last"];
    const ways: Record<string, typeof send> = {
      "ticket.opened": () => sendLegacy(open.url, "ticket.opened"),
      pull_request: () => sendGithub(open.url, "pull_request"),
    };
    for (const type of sent) expect(await (ways[type] ?? send)(type, { data: { total: 42 } })).toBe(200);
    await page.getByRole("link", { name: "live.last" }).waitFor();
    const shown = async () => (await types()).slice(0, sent.length + 1);
    const expected = [...sent.toReversed(), "was.there"];
    expect(await shown()).toEqual(expected);
    const drawn = await picture();
    await page.reload();
    expect(await shown()).toEqual(expected);
    expect(drawn).toEqual(await picture());
    await live();
    await screenshot(visit, "viewer");
    await showNarrow(visit);
    const [badges] = await rows().filter({ hasText: "ticket.opened" }).locator(".check").allInnerTexts();
    expect(badges).toBe("◐\nAuthenticated by a token");
  });

  test("counts events outside of the filter in its hourly chart, which moves on with the hours", async () => {
    await send("day.first");
    const page = await visitAlone();
    await page.clock.install();
    await page.goto("/?source=default&type=day.*");
    await live();
    const summary = page.locator("#arrivals summary");
    const before = Number.parseInt((await summary.textContent()) ?? "", 10);
    for (const sending of [sendGithub, sendLegacy]) await sending(open.url, "day.elsewhere");
    await send("day.last");
    await summary.filter({ hasText: new RegExp(`^${before + 3} arrivals`) }).waitFor();
    await page.getByRole("link", { name: "day.last" }).waitFor();
    expect(await types()).toEqual(["day.last", "day.first"]);
    await page.clock.fastForward("30:00:00");
    await summary.filter({ hasText: /^0 arrivals/ }).waitFor();
    expect(await page.locator("#arrivals rect:not(.none)").count()).toBe(0);
  });

  test("shows its state: live, reconnecting, catching up, and live again", async () => {
    await send("missed.not");
    const page = await visitAlone();
    const sockets: WebSocketRoute[] = [];
    const back = Promise.withResolvers<void>();
    const questions: (() => void)[] = [];
    await page.routeWebSocket(/\/events\/live/, async (socket) => {
      const first = sockets.push(socket) === 1;
      if (!first) await back.promise;
      const server = socket.connectToServer();
      // The server sends one batch; the next request waits.
      socket.onMessage((message) => (first ? server.send(message) : questions.push(() => server.send(message))));
    });
    await page.goto("/?type=missed.*");
    await live();
    await sockets[0]?.close();
    await state("reconnecting");
    const missed = 120;
    await Promise.all(Array.from({ length: missed }, () => send("missed.it")));
    back.resolve();
    await state("catching up");
    expect(await rows().count()).toBe(1 + 100);
    for (const ask of questions) ask();
    await live();
    expect(await rows().count()).toBe(1 + missed);
  });

  test("moves nothing under a reader who has scrolled, and counts new events", async () => {
    await Promise.all(Array.from({ length: 30 }, (_, index) => send(`filler.${index}`)));
    const { page } = visit;
    await page.goto("/");
    await live();
    await page.mouse.wheel(0, 900);
    await page.waitForFunction(() => scrollY > 300);
    const before = await page.evaluate(() => document.elementFromPoint(200, 400)?.closest("tr")?.id);
    for (const type of ["held.one", "held.two"]) await send(type);
    await page.getByRole("link", { name: "2 new events" }).waitFor();
    expect(await page.title()).toBe("(2) Webhook receiver");
    expect(await page.evaluate(() => document.elementFromPoint(200, 400)?.closest("tr")?.id)).toBe(before);
    await page.getByRole("link", { name: "2 new events" }).click();
    expect((await types()).slice(0, 2)).toEqual(["held.two", "held.one"]);
    expect([await page.title(), await page.evaluate(() => scrollY)]).toEqual(["Webhook receiver", 0]);
  });

  test("keeps typed text, and shows a notice once", async () => {
    const page = await visitAlone();
    await page.goto("/?type=typed.*&done=cleared&count=2&kept=0");
    await live();
    await page.getByText("Cleared: 2 events.").waitFor();
    await page.getByLabel("Search by id, or in URLs, headers and bodies").fill("half a wo");
    await send("typed.one");
    await page.getByRole("link", { name: "1 new event" }).waitFor();
    expect(await page.getByLabel("Search by id, or in URLs, headers and bodies").inputValue()).toBe("half a wo");
    await page.getByLabel("Search by id, or in URLs, headers and bodies").fill("");
    await page.getByLabel("Search by id, or in URLs, headers and bodies").blur();
    await send("typed.two");
    await page.getByRole("link", { name: "typed.two" }).waitFor();
    expect(await types()).toEqual(["typed.two", "typed.one"]);
    expect(await page.getByText("Cleared: 2 events.").count()).toBe(0);
    expect(new URL(page.url()).search).toBe("?type=typed.*");
  });

  test("works by keyboard alone", async () => {
    await Promise.all(["key.a", "key.a"].map((type) => send(type)));
    await send("key.b", { data: { note: "it's $HOME `id` @ \\ \n" } });
    const page = await visitAlone();
    await page.goto("/");
    for (const key of ["j", "j", "k", "Enter"]) await page.keyboard.press(key);
    await page.getByRole("heading", { name: "key.b" }).waitFor();
    await page.keyboard.press("j");
    await page.getByRole("heading", { name: "key.a" }).waitFor();
    await page.keyboard.press("k");
    await page.getByRole("heading", { name: "key.b" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("heading", { name: "Webhook receiver" }).waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("it's $HOME");
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "q: it's $HOME" }).waitFor();
    expect(await types()).toEqual(["key.b"]);
    await page.getByLabel("Use j, k and /").uncheck();
    await page.goto("/");
    for (const key of ["j", "/"]) await page.keyboard.press(key);
    expect(await page.evaluate(() => document.activeElement === document.body)).toBe(true);
    await page.keyboard.press("ArrowDown");
    expect(await selected()).toBe("key.b");
    await page.getByLabel("Use j, k and /").check();
    await page.keyboard.press("Escape");
    await page.keyboard.press("j");
    expect(await selected()).toBe("key.b");
  });

  test("works by arrow keys, which go on scrolling boxes that scroll", async () => {
    for (const type of ["arrow.a", "arrow.b", "arrow.c"]) await send(type);
    const { page } = visit;
    await page.goto("/");
    const walk = [];
    for (const key of ["ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp"]) {
      await page.keyboard.press(key);
      walk.push(await selected());
    }
    expect(walk).toEqual(["arrow.c", "arrow.b", "arrow.a", "arrow.b"]);
    await page.setViewportSize({ width: 1280, height: 300 });
    await rows().last().getByRole("link").first().focus();
    const at = await page.evaluate(() => scrollY);
    await page.keyboard.press("ArrowDown");
    await page.waitForFunction((before) => scrollY > before, at);
    await rows().nth(1).getByRole("link").first().press("Enter");
    await page.getByRole("heading", { name: "arrow.b" }).waitFor();
    const address = page.url();
    await page.getByLabel("Body", { exact: true }).focus();
    for (const key of ["ArrowLeft", "ArrowRight", "ArrowDown", "ArrowUp"]) await page.keyboard.press(key);
    expect(page.url()).toBe(address);
    await page.keyboard.press("Escape");
    await page.getByRole("heading", { name: "arrow.b" }).dblclick();
    for (const key of ["Shift+ArrowLeft", "Shift+ArrowRight", "Shift+ArrowDown"]) await page.keyboard.press(key);
    expect(page.url()).toBe(address);
    for (const [key, type] of [
      ["ArrowLeft", "arrow.c"],
      ["ArrowRight", "arrow.b"],
      ["ArrowRight", "arrow.a"],
      ["ArrowLeft", "arrow.b"],
    ] as const) {
      await page.keyboard.press(key);
      await page.getByRole("heading", { name: type }).waitFor();
    }
  });

  test("filters, and keeps the filter while it is live and while it pages", async () => {
    await Promise.all(Array.from({ length: 55 }, (_, index) => send("paged.it", { index })));
    const { page } = visit;
    await page.goto("/?type=paged.*");
    await live();
    await send("other.type");
    await send("paged.last");
    await page.getByRole("link", { name: "paged.last" }).waitFor();
    expect(new Set(await types())).toEqual(new Set(["paged.last", "paged.it"]));
    await page.getByRole("link", { name: "Older" }).click();
    await page.getByRole("link", { name: "Newest" }).waitFor();
    expect(await types()).toEqual(Array.from({ length: 5 }, () => "paged.it"));
  });

  test("filters by its switch, fields and chips, all of it in the address", async () => {
    await sendGithub(open.url, "chip.github");
    for (const type of ["chip.a", "chip.b", "other.c"]) await send(type);
    const { page } = visit;
    await page.goto("/");
    const sources = page.getByRole("list", { name: "Sources" });
    const address = () => Object.fromEntries(new URL(page.url()).searchParams);
    const leadsTo = async (query: object, shown: string[]) => {
      await page.waitForURL((url) => url.searchParams.size === Object.keys(query).length);
      expect(address()).toEqual(query);
      expect((await types()).slice(0, shown.length)).toEqual(shown);
    };
    await sources.getByRole("link", { name: "github" }).click();
    await leadsTo({ source: "github" }, ["chip.github"]);
    expect(await sources.locator("[aria-current]").allTextContents()).toEqual(["github"]);
    await sources.getByRole("link", { name: "default" }).click();
    await leadsTo({ source: "default" }, ["other.c", "chip.b", "chip.a"]);
    await page.getByText("Type and time").click();
    await page.getByLabel("Type", { exact: true }).fill("chip.*");
    await page.getByLabel("Since (UTC)").fill("2026-01-01");
    await page.getByLabel("Until (UTC)").fill("2100-01-01T08:00Z");
    await page.getByRole("button", { name: "Search" }).click();
    const times = { since: "2026-01-01T00:00:00.000Z", until: "2100-01-01T08:00:00.000Z" };
    await page.getByRole("link", { name: "Remove until: 2100-01-01T08:00:00.000Z" }).waitFor();
    expect(await types()).toEqual(["chip.b", "chip.a"]);
    await page.getByRole("link", { name: "Remove type: chip.*" }).click();
    await leadsTo({ source: "default", ...times }, ["other.c", "chip.b", "chip.a"]);
    await page.goBack();
    await page.getByRole("link", { name: "Remove type: chip.*" }).waitFor();
    expect(await page.getByLabel("Type", { exact: true }).inputValue()).toBe("chip.*");
    expect(await types()).toEqual(["chip.b", "chip.a"]);
    await sources.getByRole("link", { name: "All sources" }).click();
    await leadsTo({ type: "chip.*", ...times }, ["chip.b", "chip.a", "chip.github"]);
    await page.getByRole("link", { name: "Clear filters" }).click();
    await leadsTo({}, ["other.c", "chip.b", "chip.a", "chip.github"]);
    await page.getByRole("link", { name: "last hour" }).click();
    await page.getByRole("link", { name: /^Remove since: / }).click();
    await leadsTo({}, ["other.c"]);
    await page.getByRole("list", { name: "Logs" }).getByRole("link", { name: "audit" }).click();
    await page.getByText("No event here yet").waitFor();
    expect(address()).toEqual({ log: "audit" });
  });

  test("has its first event above the fold of a small telephone", async () => {
    await send("fold.first");
    const { page } = visit;
    await showNarrow(visit);
    await page.goto("/");
    await live();
    const box = await rows().first().boundingBox();
    expect(box?.y).toBeGreaterThan(0);
    expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThan(740);
  });

  test("says which secret a provider needs, and keeps Export away from Clear", async () => {
    await send("secret.place");
    const { page } = visit;
    await page.goto("/connect");
    const github = page.getByRole("region", { name: "github" });
    await github.getByText("Its secret is in the variable WEBHOOK_SECRET.").first().waitFor();
    await github.getByText("Settings, Webhooks, Add webhook.").waitFor();
    expect(await page.getByRole("region", { name: /^open/ }).getByText("Its secret").count()).toBe(0);
    await page.goto("/");
    await page.getByRole("heading", { name: "Export", exact: true }).waitFor();
    await page.getByRole("heading", { name: "Clear", exact: true }).waitFor();
  });

  test("shows at once that an event came again", async () => {
    const { page } = visit;
    const twice = { id: "msg_twice", body: '{"type":"came.twice"}' };
    await sendSigned(open.url, twice);
    await page.goto("/?type=came.twice");
    await live();
    await sendSigned(open.url, twice);
    await rows().getByText("again once").waitFor();
    await sendSigned(open.url, twice);
    await rows().getByText("again 2 times").waitFor();
    expect(await rows().count()).toBe(1);
    await rows().first().getByRole("link").first().click();
    await page.getByText("again 2 times, last").waitFor();
  });

  test("shows on an event's own page at once that it came again", async () => {
    const { page } = visit;
    const twice = { id: "msg_watched", body: '{"type":"came.while.read"}' };
    await sendSigned(open.url, twice);
    await page.goto("/?type=came.while.read");
    await rows().first().getByRole("link").first().click();
    await page.getByRole("heading", { name: "came.while.read" }).waitFor();
    expect(await page.locator("#repeated").isVisible()).toBe(false);
    await page.evaluate(() => Object.assign(globalThis, { stayed: true }));
    await sendSigned(open.url, twice);
    await page.getByText("again once, last").waitFor();
    await send("came.other");
    await sendSigned(open.url, twice);
    await page.getByText("again 2 times, last").waitFor();
    expect(await page.locator("#repeated .ago").textContent()).toMatch(/^(now|\d s ago)$/);
    expect(await page.evaluate(() => "stayed" in globalThis)).toBe(true);
  });

  test("shows on an event's own page what came while its connection was lost", async () => {
    const twice = { id: "msg_unheard", body: '{"type":"came.unheard"}' };
    await sendSigned(open.url, twice);
    const page = await visitAlone();
    await page.goto("/?type=came.unheard");
    const address = await rows().first().getByRole("link").first().getAttribute("href");
    const sockets: WebSocketRoute[] = [];
    // The first is a connection that was lost without a sign: nobody is at its other end.
    await page.routeWebSocket(/\/events\/live/, (socket) => {
      if (sockets.push(socket) > 1) socket.connectToServer();
    });
    const asked = page.waitForResponse((response) => response.url().endsWith("limit=1"));
    await page.goto(address ?? "");
    await asked;
    await sendSigned(open.url, twice);
    expect(await page.locator("#repeated").isVisible()).toBe(false);
    await sockets[0]?.close();
    await page.getByText("again once, last").waitFor();
  });

  test("takes in a refused request once its secret is mended, and says why before", async () => {
    const [port] = await freePorts(1);
    const path = `${folder.path}/mended`;
    const runWith = (vars: Record<string, string>, at: string) =>
      runReceiver(at, { port, vars, stateDir: `${path}/state` });
    const wrong = await runWith({ WEBHOOK_SECRET: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD" }, `${path}/1`);
    const page = await visitAlone(wrong);
    try {
      expect(await send("refused.first", {}, wrong)).toBe(401);
      await page.goto("/rejected");
      await page.getByRole("button", { name: "Take in" }).click();
      await page.getByText("Verified again, and still rejected: signature_mismatch.").waitFor();
      expect(visit.takeFaults()).toEqual([expect.stringMatching(/^409 POST \/rejected\/rej_/)]);
    } finally {
      // An open page would ask a receiver that is away.
      await page.goto("about:blank");
      await wrong.stop();
    }
    const right = await runWith({}, `${path}/2`);
    try {
      await page.goto("/rejected");
      await page.getByRole("button", { name: "Take in" }).click();
      await page.getByText("Verified and taken in as event 1.").waitFor();
      expect(await page.getByRole("button", { name: "Take in" }).count()).toBe(0);
      await page.getByRole("link", { name: "event 1" }).click();
      await page.getByRole("heading", { name: "refused.first" }).waitFor();
    } finally {
      await page.goto("about:blank");
      await right.stop();
    }
  });

  test("counts rejected requests in the tab and on the list, as they come", async () => {
    const page = await visitAlone();
    await page.goto("/");
    await live();
    await page.waitForLoadState("networkidle");
    let asked = 0;
    page.on("request", (request) => {
      if (request.url().includes("/rejections/count")) asked += 1;
    });
    const tab = page.locator("#rejected-count");
    const before = Number((await tab.textContent()) ?? "");
    const forged = {
      body: "{}",
      headers: { "webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": "v1,a" },
    };
    expect(await sendWebhook(`${open.url}/webhook`, forged)).toBe(401);
    await tab.filter({ hasText: new RegExp(`^ ${before + 1}$`) }).waitFor();
    expect(asked).toBe(0);
    await page.getByText(`Rejected in the last 24 hours: ${before + 1}.`).waitFor();
    await page.getByRole("link", { name: "See why" }).click();
    await page.getByText("Too old").first().waitFor();
  });

  test("goes on searching by itself until there is a hit, or the end, or Stop", async () => {
    const [smallPort] = await freePorts(1);
    // One request looks through a few hundred kilobytes.
    const small = await runReceiver(`${folder.path}/small`, { port: smallPort, vars: { SCAN_BYTES: "1" } });
    try {
      await send("needle.first", { text: "of the haystack" }, small);
      for (let sent = 0; sent < 8; sent++) await send("hay", { text: "x".repeat(200 * 1024) }, small);
      const page = await visitAlone(small);
      await page.goto("/?q=haystack");
      await page.waitForURL(/before=\d+$/);
      expect(await types()).toEqual(["needle.first"]);
      await page.goto("/?q=nowhere-at-all");
      await page.getByText("Nothing matches in the whole log.").waitFor();
      expect(await page.getByRole("button", { name: "Stop" }).count()).toBe(0);
      const held = Promise.withResolvers<void>();
      await page.route(/\/events\?.*before=/, async (route) => {
        await held.promise;
        await route.continue();
      });
      await page.goto("/?q=held");
      const from = await page.locator("#search").getAttribute("data-before");
      await page.getByRole("button", { name: "Stop" }).click();
      held.resolve();
      await page.getByText(`Stopped. Searched back to number ${from}.`).waitFor();
      expect(await page.getByRole("link", { name: "Go on" }).getAttribute("href")).toBe(`/?q=held&before=${from}`);
      await visit.close();
      visit = shared;
    } finally {
      await small.stop();
    }
  });

  test("opens an event from anywhere in its row, but the source's link filters", async () => {
    await sendGithub(open.url, "row.wide");
    const { page } = visit;
    await page.goto("/");
    const row = rows().filter({ hasText: "row.wide" });
    // The link of the row lies over the cell.
    await row.locator("[data-slot=bytes]").click({ force: true });
    await page.getByRole("heading", { name: "row.wide" }).waitFor();
    await page.goBack();
    await row.getByRole("link", { name: "github" }).click();
    await page.waitForURL(/source=github/);
  });

  test("lets an event be copied: as curl, header by header, as a file", async () => {
    const body = `{"type":"take.away","text":"it's $HOME \`id\` !! \\" \\\\ \u202e"}\r\n@`;
    await sendSigned(open.url, { headers: { "x-mine": "a 'quoted' $value" }, body });
    const { page } = visit;
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.goto("/?q=it's");
    await rows().first().getByRole("link").first().click();
    const copied = async (name: string, then: string) => {
      await page.getByRole("button", { name, exact: true }).click();
      await page.getByRole("button", { name: then, exact: true }).waitFor();
      return page.evaluate(() => navigator.clipboard.readText());
    };
    // The same signature makes a duplicate, so the bytes are known to be the same.
    const curl = await copied("Copy as curl", "Copied");
    const { stdout } = await run("bash", ["-c", curl.replace("curl ", "curl -si ")]);
    expect(stdout).toMatch(/webhook-duplicate: true/i);
    await page.getByRole("button", { name: "Copy as curl" }).waitFor();
    expect(await copied("Copy body", "Copied")).toBe(body);
    expect(await copied("Copy x-mine", "Copied x-mine")).toBe("a 'quoted' $value");
    const all = await copied("Copy all headers", "Copied headers");
    expect(all).toMatch(/^webhook-id: msg_[^\n]+$/m);
    expect(all).toContain("\nx-mine: a 'quoted' $value");
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Download the body" }).click(),
    ]);
    expect(await streamText(await download.createReadStream())).toBe(body);
  });

  test("folds the JSON of a body, by mouse and by keyboard", async () => {
    await send("fold.me", { outer: { first: 1, second: [2, 3] }, last: "end" });
    const { page } = visit;
    await page.goto("/");
    await page.getByRole("link", { name: "fold.me" }).click();
    const body = page.getByLabel("Body", { exact: true });
    const outer = body.locator("summary", { hasText: '"outer"' });
    const lines = async () => ((await body.allInnerTexts())[0] ?? "").split("\n").map((line) => line.trim());
    const whole = ["{", ...['"type": "fold.me",', '"outer": {', '"first": 1,', '"second": [', "2,", "3", "]", "},"]];
    expect(await lines()).toEqual([...whole, '"last": "end"', "}"]);
    await outer.click();
    expect(await lines()).toEqual(["{", '"type": "fold.me",', '"outer": { … 2 items', "},", '"last": "end"', "}"]);
    await outer.press("Enter");
    expect(await lines()).toEqual([...whole, '"last": "end"', "}"]);
    await page.getByRole("button", { name: "Collapse all" }).click();
    expect(await lines()).toEqual(["{", '"type": "fold.me",', '"outer": { … 2 items', "},", '"last": "end"', "}"]);
    await page.getByRole("button", { name: "Expand all" }).click();
    expect(await lines()).toEqual([...whole, '"last": "end"', "}"]);
  });

  test("asks for the token again when the session ends while the list is open, and comes back", async () => {
    const page = await visitAlone(closed);
    const sockets: WebSocketRoute[] = [];
    await page.routeWebSocket(/\/events\/live/, (socket) => {
      if (sockets.push(socket) <= 2) socket.connectToServer();
      else void socket.close();
    });
    await signIn(visit, variables.API_TOKEN, "/?type=ended.*");
    await live();
    // The chart has a socket of its own. The console would note that one was closed before it was open.
    await expect.poll(viewers, { timeout: 20_000 }).toBe(2);
    await page.context().clearCookies();
    for (const socket of sockets) await socket.close();
    await page.getByText("Your session has ended.").waitFor();
    // The count of the tab may have asked meanwhile, or not.
    const faults = visit.takeFaults().filter((fault) => fault !== "401 GET /rejections/count");
    expect(new Set(faults)).toEqual(new Set(["401 GET /events"]));
    await page.getByLabel("API token").fill(variables.API_TOKEN);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Webhook receiver" }).waitFor();
    expect(new URL(page.url()).search).toBe("?type=ended.*");
  });

  test("signs in with the token to the page that was asked for, and out; shows nothing before", async () => {
    await send("asked.for", {}, closed);
    const page = await visitAlone(closed);
    await signIn(visit, variables.API_TOKEN, "/e/1?type=asked.*");
    await page.getByRole("heading", { name: "asked.for" }).waitFor();
    expect(page.url()).toBe(`${closed.url}/e/1?type=asked.*`);
    await page.getByRole("link", { name: "Events", exact: true }).click();
    await live();
    await send("behind.a.door", {}, closed);
    await page.getByRole("link", { name: "behind.a.door" }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("API token").waitFor();
    await page.goto("/e/1");
    await page.getByLabel("API token").waitFor();
  });
});

async function streamText(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks).toString();
}
