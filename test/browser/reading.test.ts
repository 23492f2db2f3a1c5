import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import type { WorkerProcess } from "../../workers/dev/worker-process.ts";
import { freePorts, temporaryFolder } from "../pair/workers.ts";
import { expectReadable } from "./axe.ts";
import { launch, showWide, tabTo, Visit } from "./browser.ts";
import { runReceiver, sendSigned } from "./receiver.ts";

/** Reading events in a real browser: long bodies, found texts, two events beside each other. */
const chrome = inject("chrome");
/** Lines that no page of a long body may have at first: many more make it slow. */
const FEW_LINES = 1_000;

const folder = temporaryFolder();
let browser: Browser;
let receiver: WorkerProcess;
let visit: Visit;

/** About a megabyte: 5,000 orders of 12 lines each. */
const orders = Array.from({ length: 5_000 }, (_, n) => ({
  number: n,
  customer: { name: `Customer ${n}`, email: `customer.${n}@example.com` },
  items: [
    { sku: `sku-${n}`, count: 2, note: n === 4_321 ? "needle \u202e" : "as usual, and nothing else at all to be said" },
    null,
  ],
}));

describe.skipIf(chrome === null)("reading", () => {
  beforeAll(async () => {
    const [port] = await freePorts(1);
    [browser, receiver] = await Promise.all([launch(chrome ?? ""), runReceiver(folder.path, { port })]);
    visit = await Visit.open(browser, receiver.url);
    await visit.page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    const body = `{"type":"orders.listed","big":12345678901234567890,"orders":${JSON.stringify(orders)}}`;
    expect(body.length).toBeGreaterThan(900_000);
    expect(await sendSigned(receiver.url, { body })).toBe(200);
    expect(await sendSigned(receiver.url, { body: '{"type":"short.one","a":{"b":[1,{"the key":"a value"}]}}' })).toBe(
      200,
    );
    expect(await sendSigned(receiver.url, { body: `{"type":"not.json"${" ".repeat(70_000)}` })).toBe(200);
  });
  afterAll(async () => {
    await browser.close();
    await receiver.stop();
    folder.remove();
  });
  beforeEach(() => showWide(visit));
  afterEach(() => expect(visit.takeFaults()).toEqual([]));

  const body = () => visit.page.getByLabel("Body", { exact: true });
  const lines = () => body().locator("div:not(.in, .close), details").count();
  const picked = () => visit.page.locator("#picked output").textContent();
  const copied = async (name: string) => {
    await visit.page.getByRole("button", { name, exact: true }).click();
    await visit.page.getByRole("button", { name: "Copied", exact: true }).waitFor();
    return visit.page.evaluate(() => navigator.clipboard.readText());
  };

  test("JSON of a megabyte opens line by line, never all at once", { timeout: 120_000 }, async () => {
    const { page } = visit;
    await page.goto("/e/1");
    await body().getByText("12345678901234567890").waitFor();
    expect(await lines()).toBeLessThan(FEW_LINES);
    await body().locator("summary", { hasText: "4300 to 4399" }).click();
    await body().locator("summary", { hasText: "{" }).nth(22).click();
    await page.getByRole("button", { name: "Expand all" }).click();
    await page.getByText(/^5,\d{3} lines are open\. Open the others one by one\.$/).waitFor({ timeout: 60_000 });
    await page.getByRole("button", { name: "Collapse all" }).click();
    expect(await body().locator("details[open]").count()).toBe(1);
  });

  test("a text found far within a long body is opened, marked and quoted", async () => {
    const { page } = visit;
    await page.goto("/e/1?q=NEEDLE");
    await page.getByText("Found in the body:").locator("mark", { hasText: "needle" }).waitFor();
    await body().locator("mark", { hasText: "needle" }).waitFor();
    expect(await lines()).toBeLessThan(FEW_LINES);
    await body().locator("mark").click();
    expect(await picked()).toBe("$.orders[4321].items[0].note");
    expect(await copied("Copy value")).toBe("needle \u202e");
    await expectReadable(visit);
  });

  test("each value and its path can be copied by the keyboard alone", async () => {
    const { page } = visit;
    await page.goto("/e/2");
    await body().focus();
    const walk: (string | null)[] = [];
    const keys = ["ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp"];
    for (const key of [...keys, "ArrowLeft", "ArrowLeft", "ArrowDown", "ArrowUp", "ArrowRight", "ArrowRight"]) {
      await page.keyboard.press(key);
      walk.push(await picked());
    }
    const down = ["$", "$.type", "$.a", "$.a.b", "$.a.b[0]", "$.a.b[1]", '$.a.b[1]["the key"]'];
    const back = ["$.a.b[1]", "$.a.b[1]", "$.a.b", "$.a.b[0]", "$.a.b", "$.a.b[0]", "$.a.b[0]"];
    expect(walk).toEqual([...down, ...back]);
    const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
    await page.keyboard.press("p");
    await expect.poll(clipboard).toBe("$.a.b[0]");
    await page.keyboard.press("c");
    await expect.poll(clipboard).toBe("1");
    await page.getByRole("button", { name: "Expand all" }).click();
    await expectReadable(visit);
  });

  test("an event opens beside the list on a wide screen, and the address names both", async () => {
    const { page } = visit;
    await page.setViewportSize({ width: 1600, height: 900 });
    await page.goto("/?source=default");
    const beside = page.getByRole("region", { name: "Event", exact: true });
    const row = (type: string) => page.locator("#events").getByRole("link", { name: type });
    const shows = async (type: string) => {
      await beside.getByRole("heading", { name: type }).waitFor();
      expect(await page.locator("#events th a[aria-current]").textContent()).toContain(type);
    };
    await row("short.one").click();
    await shows("short.one");
    expect(new URL(page.url()).search).toBe("?source=default&event=2");
    await beside.getByRole("link", { name: "Text", exact: true }).click();
    await beside.locator("pre.text").waitFor();
    expect(new URL(page.url()).search).toBe("?source=default&event=2&view=raw");
    await page.goBack();
    await beside.locator(".json").waitFor();
    await page.keyboard.press("j");
    await shows("orders.listed");
    await expectReadable(visit);
    await page.setViewportSize({ width: 1600, height: 900 });
    await page.reload();
    await shows("orders.listed");
    await page.goBack();
    await beside.waitFor({ state: "hidden" });
    await page.goForward();
    await shows("orders.listed");
    expect(await sendSigned(receiver.url, { id: "msg_short", body: '{"type":"came.beside"}' })).toBe(200);
    await page.goto("/");
    await row("came.beside").press("Enter");
    await shows("came.beside");
    expect(await sendSigned(receiver.url, { id: "msg_short", body: '{"type":"came.beside"}' })).toBe(200);
    await beside.getByText("again once, last").waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await beside.waitFor({ state: "hidden" });
    expect(new URL(page.url()).search).toBe("");
    await showWide(visit);
    await page.goto("/?event=2");
    await page.waitForURL(/\/e\/2\?*$/);
  });

  test("two events are chosen in the list and compared, by the keyboard alone", async () => {
    const { page } = visit;
    await page.goto("/?source=default");
    for (const seq of [3, 1, 2]) {
      await tabTo(visit, page.getByRole("checkbox", { name: `Compare event ${seq}` }));
      await page.keyboard.press("Space");
      if (seq === 1) await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    }
    await page.getByText("Events 1 and 2.").waitFor();
    await tabTo(visit, page.getByRole("button", { name: "Compare two events" }));
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Two events" }).waitFor();
    expect(new URL(page.url()).search).toBe("?a=1&b=2");
    await expectReadable(visit);
    await page.goBack();
    await page.getByText("Events 1 and 2.").waitFor();
  });

  test("times are the reader's own, also of rows that come in, with UTC one hover or focus away", async () => {
    const far = await Visit.open(browser, receiver.url, "Asia/Kathmandu");
    const { page } = far;
    try {
      await page.goto("/");
      await page.locator("#live", { hasText: "live" }).waitFor();
      expect(await sendSigned(receiver.url, { body: '{"type":"from.afar"}' })).toBe(200);
      const row = page.getByRole("row").filter({ hasText: "from.afar" });
      await row.waitFor();
      const time = row.locator("time");
      const at = Date.parse((await time.getAttribute("datetime")) ?? "");
      const [utc, own] = [at, at + (5 * 60 + 45) * 60_000].map((ms) => new Date(ms).toISOString());
      const words = (iso = "") => iso.slice(0, 19).replace("T", " ");
      expect(await time.textContent()).toBe(words(own));
      const shown = () => time.evaluate((element) => getComputedStyle(element, "::after").content);
      expect(await shown()).toBe("none");
      await time.hover();
      expect(await shown()).toBe(`"${words(utc)} UTC"`);
      await page.mouse.move(0, 0);
      await page.keyboard.press("j");
      expect(await shown()).toBe(`"${words(utc)} UTC"`);
      await time.click();
      await page.getByRole("heading", { name: "from.afar" }).waitFor();
      expect(await page.locator("dl.facts time").first().textContent()).toBe(own?.replace("T", " ").replace("Z", ""));
    } finally {
      await far.close();
    }
  });

  test("what begins as JSON and is none stays text, and says so", async () => {
    await visit.page.goto("/e/3");
    await visit.page.getByText("Not JSON.").waitFor();
    expect(await body().textContent()).toContain("not.json");
  });
});
