import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import type { WorkerProcess } from "../../workers/dev/worker-process.ts";
import { freePorts, runWorker, temporaryFolder } from "../pair/workers.ts";
import { launch, Visit } from "./browser.ts";

/** Both Workers and a real browser: a person triggers a webhook and looks at the page. */
const chrome = inject("chrome");
/** Messages that a stopped receiver leaves in the console. */
const GONE = /^console: .*WebSocket|^console: .*ERR_CONNECTION|^(console: .*)?503 /;

const folder = temporaryFolder();
let browser: Browser;
let sender: WorkerProcess;
let receiver: WorkerProcess;
let startReceiver: () => Promise<WorkerProcess>;
let visit: Visit;

describe.skipIf(chrome === null)("the pair", () => {
  beforeAll(async () => {
    const [first = 0, second = 0] = await freePorts(2);
    const [RECEIVER_URL, SENDER_URL] = [`http://127.0.0.1:${first}`, `http://127.0.0.1:${second}`];
    startReceiver = () => runWorker("receiver", { port: first, stateDir: folder.path, vars: { SENDER_URL } });
    const vars = { RECEIVER_URL, WEBHOOK_URL: `${RECEIVER_URL}/webhook`, RETRY_SECONDS: "1 1 1 2 2 2 4 4 8 8 8" };
    [browser, receiver, sender] = await Promise.all([
      launch(chrome ?? ""),
      startReceiver(),
      runWorker("sender", { port: second, stateDir: folder.path, vars }),
    ]);
  });
  afterAll(async () => {
    await browser.close();
    await Promise.all([receiver.stop(), sender.stop()]);
    folder.remove();
  });
  afterEach(async () => {
    expect(visit.takeFaults()).toEqual([]);
    await visit.close();
  });

  const trigger = async (type?: string) => {
    const response = await fetch(`${sender.url}/trigger${type === undefined ? "" : `?type=${type}`}`);
    return (await response.text()).trim();
  };
  const state = (text: string) => visit.page.locator("#live", { hasText: text }).waitFor();

  test("shows what is triggered as it arrives, and opens it", async () => {
    // The first event reloads the page of an empty log.
    await trigger("was.there");
    visit = await Visit.open(browser, receiver.url);
    const { page } = visit;
    await page.goto("/");
    await state("live");
    await page.evaluate(() => document.documentElement.setAttribute("data-loaded", "once"));
    expect(await trigger()).toBe("Webhook sent, status: 200");
    const row = page.getByRole("row").getByRole("link", { name: "value.changed" });
    await row.waitFor();
    expect(await page.locator("html").getAttribute("data-loaded")).toBe("once");
    await row.click();
    await page.getByRole("heading", { name: "value.changed" }).waitFor();
    const body = await page.getByLabel("Body", { exact: true }).textContent();
    expect(body).toMatch(/"timestamp": ?"?\d/);
    expect(body).toMatch(/"value": ?[\d.]+/);
  });

  test("links each Worker's pages to the other's, under a name and an icon of their own", async () => {
    visit = await Visit.open(browser, sender.url);
    const { page } = visit;
    const workers = page.getByRole("navigation", { name: "Workers" });
    const icon = () => page.locator("link[rel=icon]").getAttribute("href");
    await page.goto("/");
    const icons = [await icon()];
    await page.getByRole("link", { name: `${receiver.url}/webhook` }).click();
    await page.getByRole("heading", { name: "Endpoint", exact: true }).waitFor();
    expect(await page.title()).toBe(`${receiver.url}/webhook · Webhook sender`);
    await workers.getByRole("link", { name: "Receiver" }).click();
    await page.getByRole("heading", { name: "Webhook receiver" }).waitFor();
    expect(page.url()).toBe(`${receiver.url}/`);
    icons.push(await icon());
    await workers.getByRole("link", { name: "Sender" }).click();
    await page.getByRole("heading", { name: "Webhook sender" }).waitFor();
    expect(page.url()).toBe(`${sender.url}/`);
    expect(new Set(icons).size).toBe(2);
    expect(icons.join()).not.toContain("data:,");
    // To the visit, the receiver is somewhere else.
    visit.takeFaults();
  });

  test("says that the receiver is gone, and shows what was sent meanwhile when it is back", async () => {
    visit = await Visit.open(browser, receiver.url);
    const { page } = visit;
    await page.goto("/");
    await state("live");
    await receiver.stop();
    await state("reconnecting");
    await page.locator("#said-state", { hasText: "reconnecting" }).waitFor({ state: "attached" });
    expect(await trigger("sent.meanwhile")).toMatch(/^Webhook stored, first attempt failed/);
    receiver = await startReceiver();
    await page.getByRole("link", { name: "sent.meanwhile" }).waitFor();
    await state("live");
    expect(visit.takeFaults().filter((fault) => !GONE.test(fault))).toEqual([]);
  });
});
