import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import type { WorkerProcess } from "../../workers/dev/worker-process.ts";
import { until } from "../pair/until.ts";
import { freePorts, runWorker, temporaryFolder, variables } from "../pair/workers.ts";
import { expectAccessible } from "./axe.ts";
import { expectNoSidewaysScroll, launch, screenshot, signIn, Visit, type VisitOptions } from "./browser.ts";
import { HOSTILE, MARKUP, sendSigned, sendUnsigned } from "./hostile.ts";

/** The receiver's pages in a real browser. */
const chrome = inject("chrome");
const run = promisify(execFile);

/** The ways out of a text, of an attribute, of a script and of an element. */
const REFUSED = [MARKUP[2], MARKUP[3], MARKUP[5], MARKUP[4]].map(String);

const folder = temporaryFolder();
let browser: Browser;
/** `open` is as under `npm start`, `hostile` another with the hostile events, `closed` as deployed. */
let open: WorkerProcess;
let hostile: WorkerProcess;
let closed: WorkerProcess;
let visit: Visit;

const send = (type: string, more: object = {}, to = open) =>
  sendSigned(to.url, { headers: { "content-type": "application/json" }, body: JSON.stringify({ type, ...more }) });

describe.skipIf(chrome === null)("the viewer", () => {
  beforeAll(async () => {
    const ports = await freePorts(3);
    const start = (name: string, port = 0, vars = {}) =>
      runWorker("receiver", { port, stateDir: `${folder.path}/${name}`, vars });
    [browser, open, hostile, closed] = await Promise.all([
      launch(chrome ?? ""),
      start("open", ports[0]),
      start("hostile", ports[1]),
      start("closed", ports[2], { LOCAL_DEV: "false" }),
    ]);
    for (const each of HOSTILE) expect(await sendSigned(hostile.url, each), each.name).toBe(200);
  });
  afterAll(async () => {
    await browser.close();
    await Promise.all([open.stop(), hostile.stop(), closed.stop()]);
    folder.remove();
  });
  afterEach(async () => {
    expect(visit.takeFaults()).toEqual([]);
    await visit.close();
  });

  const visiting = async (options: Partial<VisitOptions> = {}) => {
    visit = await Visit.open(browser, { origin: open.url, ...options });
    return visit.page;
  };
  const live = () => visit.page.locator("#live", { hasText: "live" }).waitFor();
  const rows = () => visit.page.locator("#events tbody tr");
  const types = () => visit.page.locator("#events tbody [data-slot=type]").allTextContents();

  test("begins with a line that works, and shows what it brings", async () => {
    const page = await visiting();
    await page.goto("/");
    await live();
    const line = await page.locator("#curl-default").textContent();
    expect((await run("sh", ["-c", line ?? ""])).stdout).toBe("Received");
    await page.getByRole("row").getByRole("link", { name: "example.sent" }).waitFor();
    await live();
  });

  test("shows what arrives, in order, above what was there", async () => {
    await send("was.there");
    const page = await visiting();
    await page.goto("/");
    await live();
    const sent = ["order.paid", "order.shipped", "invoice.created", "customer.updated", "order.paid", "live.last"];
    for (const type of sent) expect(await send(type, { data: { total: 42 } })).toBe(200);
    await page.getByRole("link", { name: "live.last" }).waitFor();
    const shown = async () => (await types()).slice(0, sent.length + 1);
    const expected = [...sent.toReversed(), "was.there"];
    expect(await shown()).toEqual(expected);
    await page.reload();
    expect(await shown()).toEqual(expected);
    // Counts above the list are as old as the page.
    await live();
    await screenshot(visit, "viewer");
  });

  test("moves nothing under a reader who has scrolled, and counts", async () => {
    await Promise.all(Array.from({ length: 30 }, (_, index) => send(`filler.${index}`)));
    const page = await visiting();
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

  test("is read by keyboard alone", async () => {
    await Promise.all(["key.a", "key.a"].map((type) => send(type)));
    await send("key.b", { data: { note: "it's $HOME `id` @ \\ \n" } });
    const page = await visiting();
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
  });

  test("is read by the arrow keys, which go on scrolling what scrolls", async () => {
    for (const type of ["arrow.a", "arrow.b", "arrow.c"]) await send(type);
    const page = await visiting();
    await page.goto("/");
    const selected = () => page.evaluate(() => document.activeElement?.querySelector("[data-slot=type]")?.textContent);
    const walk = [];
    for (const key of ["ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp"]) {
      await page.keyboard.press(key);
      walk.push(await selected());
    }
    expect(walk).toEqual(["arrow.c", "arrow.b", "arrow.a", "arrow.b"]);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "arrow.b" }).waitFor();
    const at = page.url();
    await page.getByLabel("Body", { exact: true }).focus();
    for (const key of ["ArrowLeft", "ArrowRight", "ArrowDown", "ArrowUp"]) await page.keyboard.press(key);
    expect(page.url()).toBe(at);
    await page.keyboard.press("Escape");
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
    const page = await visiting();
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

  test("gives an event to take away: as curl, header by header, as a file", async () => {
    const body = `{"type":"take.away","text":"it's $HOME \`id\` !! \\" \\\\ \u202e"}\r\n@`;
    await sendSigned(open.url, { headers: { "x-mine": "a 'quoted' $value" }, body });
    const page = await visiting();
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.goto("/?q=it's");
    await rows().first().getByRole("link").first().click();
    const copied = async (name: string, then: string) => {
      await page.getByRole("button", { name, exact: true }).click();
      await page.getByRole("button", { name: then, exact: true }).waitFor();
      return page.evaluate(() => navigator.clipboard.readText());
    };
    // The same signature is a duplicate: that is how it is known to be the same bytes.
    const curl = await copied("Copy as curl", "Copied");
    const { stdout } = await run("bash", ["-c", curl.replace("curl ", "curl -si ")]);
    expect(stdout).toMatch(/webhook-duplicate: true/i);
    expect(await copied("Copy x-mine", "Copied x-mine")).toBe("a 'quoted' $value");
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Download the body" }).click(),
    ]);
    expect(await streamText(await download.createReadStream())).toBe(body);
  });

  test("signs in by the token, and out; nothing is shown before", async () => {
    const page = await visiting({ origin: closed.url });
    await signIn(visit, variables.API_TOKEN);
    await live();
    await send("behind.a.door", {}, closed);
    await page.getByRole("link", { name: "behind.a.door" }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("API token").waitFor();
    await page.goto("/e/1");
    await page.getByLabel("API token").waitFor();
  });

  test("runs nothing that an event holds, live or read, in any view", async () => {
    const page = await visiting({ origin: hostile.url });
    await page.goto("/");
    await live();
    for (const each of HOSTILE) await sendSigned(hostile.url, { ...each, id: `again_${each.id}` });
    await page.waitForFunction((seq) => document.getElementById(`e${seq}`) !== null, 2 * HOSTILE.length);
    expect(await rows().count()).toBe(2 * HOSTILE.length);
    for (let seq = 1; seq <= HOSTILE.length; seq++) {
      for (const view of ["", "?view=raw"]) await page.goto(`/e/${seq}${view}`);
    }
  });

  test("runs nothing that a refused request holds", async () => {
    const page = await visiting({ origin: hostile.url });
    for (const text of REFUSED) {
      const headers = { "user-agent": text, "x-custom": text, "webhook-id": text, "webhook-signature": text };
      await until(`${text} is shown`, async () => {
        // Of a flood only a few a second are told, so it may take more than one.
        expect(await sendUnsigned(hostile.url, { headers, body: text })).toBe(401);
        await page.goto("/rejected");
        return (await page.locator(".refusal dd").allTextContents()).includes(text) ? true : null;
      });
      await page.locator("details").evaluateAll((all) => all.map((each) => each.setAttribute("open", "")));
    }
  });

  test.each(REFUSED)("runs nothing of an address: %s", async (text) => {
    const page = await visiting({ origin: hostile.url });
    const hostileText = encodeURIComponent(text);
    for (const name of ["q", "type", "source", "before"]) {
      await page.goto(`/?${name}=${hostileText}`);
    }
    for (const path of ["/webhook/", "/e/", "/e/1?view=", "/rejected?source="]) {
      await page.goto(`${path}${hostileText}`);
    }
    // An address that means nothing is refused, and nothing else may happen.
    expect(visit.takeFaults().filter((fault) => !/^4\d\d GET /.test(fault))).toEqual([]);
  });

  test.each<[name: string, path: string, state?: "open"]>([
    ["the list", "/", "open"],
    ["an event", "/e/1", "open"],
    ["a long event", `/e/${HOSTILE.length - 2}`],
    ["bytes", `/e/${HOSTILE.length - 3}`],
    ["refusals", "/rejected", "open"],
    ["how to connect", "/connect"],
  ])("%s is readable: for axe, light and dark, from 360 pixels up", async (_name, path, state) => {
    await fetch(`${hostile.url}/webhook`, { method: "POST", body: "{}" });
    const page = await visiting({ origin: hostile.url });
    await page.goto(path);
    if (state === "open") {
      await page.locator("details").evaluateAll((all) => all.map((each) => each.setAttribute("open", "")));
    }
    await expectAccessible(visit);
    await page.setViewportSize({ width: 360, height: 740 });
    await page.emulateMedia({ colorScheme: "dark" });
    await expectNoSidewaysScroll(visit);
    await expectAccessible(visit);
  });
});

async function streamText(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks).toString();
}
