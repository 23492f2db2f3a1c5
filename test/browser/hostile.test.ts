import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import type { WorkerProcess } from "../../workers/dev/worker-process.ts";
import { until } from "../pair/until.ts";
import { freePorts, temporaryFolder } from "../pair/workers.ts";
import { expectReadable } from "./axe.ts";
import { launch, showWide, unfold, Visit } from "./browser.ts";
import { HOSTILE, HOSTILE_BODIES, HOSTILE_MARKUP, MARKUP, MARKUP_HEADERS, seqOf } from "./hostile.ts";
import { runReceiver, send, sendGithub, sendLegacy, sendSigned } from "./receiver.ts";

/**
 * The receiver's pages with content that an attacker sends to their readers: nothing of it runs, and all is readable.
 */
const chrome = inject("chrome");

const folder = temporaryFolder();
let browser: Browser;
let receiver: WorkerProcess;
let visit: Visit;

/** Returns a query string with the text under each of the names. */
const query = (text: string, ...names: string[]) => new URLSearchParams(names.map((name) => [name, text]));

describe.skipIf(chrome === null)("the viewer of a hostile log", () => {
  beforeAll(async () => {
    const [port] = await freePorts(1);
    [browser, receiver] = await Promise.all([launch(chrome ?? ""), runReceiver(folder.path, { port })]);
    visit = await Visit.open(browser, receiver.url);
    for (const each of HOSTILE) expect(await sendSigned(receiver.url, each), each.name).toBe(200);
  });
  afterAll(async () => {
    await browser.close();
    await receiver.stop();
    folder.remove();
  });
  beforeEach(() => showWide(visit));
  afterEach(() => expect(visit.takeFaults()).toEqual([]));

  test("runs nothing of an event in the list, live or read", async () => {
    const { page } = visit;
    await page.goto("/");
    await page.locator("#live", { hasText: "live" }).waitFor();
    for (const each of HOSTILE) await sendSigned(receiver.url, { ...each, id: `again_${each.id}` });
    await page.waitForFunction((seq) => document.getElementById(`e${seq}`) !== null, 2 * HOSTILE.length);
    const shown = (slot: string) => page.locator(`#events tbody [data-slot=${slot}]`).allTextContents();
    const [types, ids] = [await shown("type"), await shown("id")];
    expect(types).toHaveLength(2 * HOSTILE.length);
    for (const { id, name } of HOSTILE_MARKUP) {
      expect(ids, name).toEqual(expect.arrayContaining([id, `again_${id}`]));
    }
    for (const text of MARKUP) expect(types.filter((type) => type === text.slice(0, 128))).toHaveLength(2);
  });

  test("runs nothing of an event that is opened, nor of its address", async () => {
    const { page } = visit;
    for (const [index, text] of MARKUP.entries()) {
      await page.goto(`/e/${index + 1}?${query(text, "q", "type", "source")}`);
      expect(await page.title()).toBe(`${text.slice(0, 128)} · Webhook receiver`);
    }
  });

  test.each(["pretty", "raw", "hex"])("runs nothing of a body that is shown %s", async (view) => {
    const { page } = visit;
    for (const [index, { name, body }] of HOSTILE_BODIES.entries()) {
      await page.goto(`/e/${HOSTILE_MARKUP.length + index + 1}?view=${view}`);
      const shown = page.getByLabel("Body", { exact: true });
      expect(await shown.count(), name).toBe(body.length === 0 ? 0 : 1);
    }
    await page.goto(`/e/${seqOf("everything")}?view=${view}`);
    await unfold(visit);
    const values = await page.locator("table.headers td:nth-child(2)").allTextContents();
    expect(values).toEqual(expect.arrayContaining([...MARKUP]));
  });

  test("runs nothing of a rejected request", async () => {
    const { page } = visit;
    const [userAgent = ""] = MARKUP;
    const headers = {
      ...MARKUP_HEADERS,
      "user-agent": userAgent,
      "webhook-id": userAgent,
      "x-hub-signature-256": userAgent,
    };
    for (const path of ["/webhook", "/webhook/github", "/webhook/legacy"]) {
      expect(await send(receiver.url + path, { headers, body: MARKUP.join("\n") }), path).toBe(401);
    }
    // Rejections are recorded after their answers.
    await until("all are shown", async () => {
      await page.goto("/rejected");
      return (await page.locator(".rejection").count()) >= 3 ? true : null;
    });
    await unfold(visit);
    const values = await page.locator(".rejection dd").allTextContents();
    for (const text of MARKUP) expect(values.filter((value) => value === text).length, text).toBeGreaterThanOrEqual(3);
  });

  test("runs nothing of an address", async () => {
    const { page } = visit;
    for (const text of MARKUP) {
      await page.goto(`/?${query(text, "q", "type", "source")}`);
      expect(await page.getByRole("searchbox").inputValue()).toBe(text);
    }
    expect(visit.takeFaults()).toEqual([]);
    // All texts go at once where a text is only a part of an address, or of the message about it.
    const all = MARKUP.join("\n");
    for (const name of ["q", "before", "after", "since", "log", "done"]) await page.goto(`/?${query(all, name)}`);
    for (const path of ["/rejected?source=", "/session?to=", "/e/1?view=", "/e/", "/webhook/", "/events/", "/"]) {
      await page.goto(path + encodeURIComponent(all));
    }
    await page.goto(`/rejected?${query(all.slice(0, 256), "source")}`);
    // An address without a meaning is refused, and nothing else may happen.
    expect(visit.takeFaults().filter((fault) => !/^4\d\d GET /.test(fault))).toEqual([]);
  });

  test.each<[name: string, path: string, state?: "open"]>([
    ["the list", "/", "open"],
    ["a filtered list", "/?source=legacy&type=long.*&since=2026-01-01&until=2100-01-01T08:00Z&q=token", "open"],
    ["an event", "/e/1", "open"],
    ["a long event", `/e/${seqOf("one long line")}`],
    ["bytes", `/e/${seqOf("bytes that are not text")}`],
    ["rejected requests", "/rejected", "open"],
    ["how to connect", "/connect"],
    ["an empty log", "/?log=audit"],
  ])("%s is readable: for axe, light and dark, from 360 pixels up", async (_name, path, state) => {
    const { page } = visit;
    await Promise.all([
      ...[sendGithub(receiver.url, "by.github"), sendLegacy(receiver.url, `long.token.${"name.".repeat(20)}`)],
      ...[send(`${receiver.url}/webhook`, { body: "{}" }), send(`${receiver.url}/webhook/open`, { body: _name })],
    ]);
    await page.goto(path);
    if (state === "open") await unfold(visit);
    await expectReadable(visit);
  });
});
