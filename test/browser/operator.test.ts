import { readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import type { WorkerProcess } from "../../workers/dev/worker-process.ts";
import { getJson, postJson, publish, readLog } from "../pair/client.ts";
import { Listener } from "../pair/listener.ts";
import { until } from "../pair/until.ts";
import { freePorts, runWorker, temporaryFolder } from "../pair/workers.ts";
import { expectAllByTab, launch, Visit } from "./browser.ts";
import { send } from "./receiver.ts";

/** The questions of an operator. The pages answer each in a few clicks, counted from the first page. */
const chrome = inject("chrome");
const MOST_CLICKS = 3;
/** More than other endpoints of this machine take when it is busy. */
const SLOW_MS = 4_000;

const folder = temporaryFolder();
let browser: Browser;
let slow: Listener;
let failing: Listener;
let sender: WorkerProcess;
let receiver: WorkerProcess;
let operator: Operator;
/** The last event that is in KV alone. */
let dropped = 0;

/** A reader who begins at a Worker's first page and counts what is pressed. */
class Operator {
  clicks = 0;
  readonly visit: Visit;

  static async at(worker: WorkerProcess): Promise<Operator> {
    const visit = await Visit.open(browser, worker.url);
    await visit.page.goto("/");
    return new Operator(visit);
  }

  private constructor(visit: Visit) {
    this.visit = visit;
  }

  get page(): Page {
    return this.visit.page;
  }

  async click(target: Locator): Promise<void> {
    this.clicks += 1;
    await target.click();
  }

  link(name: string): Locator {
    return this.page.getByRole("link", { name, exact: true });
  }

  /** Searches for a text with the form of the page. */
  async search(label: string, text: string): Promise<void> {
    await this.page.getByLabel(label).fill(text);
    await this.click(this.page.getByRole("button", { name: "Search" }));
  }

  rowOf(text: string): Locator {
    return this.page.getByRole("row").filter({ hasText: text });
  }
}

const IN_SENDER = "Text in the data, or id";
const IN_RECEIVER = "Search by id, or in URLs, headers and bodies";

describe.skipIf(chrome === null)("an operator sees", () => {
  beforeAll(async () => {
    [slow, failing] = await Promise.all([Listener.open(), Listener.open()]);
    slow.answer = (response) => void setTimeout(() => response.end("at last"), SLOW_MS);
    failing.answer = (response) => {
      response.statusCode = 503;
      response.end("closed for today");
    };
    const [first = 0, second = 0] = await freePorts(2);
    const WEBHOOK_URL = `http://127.0.0.1:${second}/webhook`;
    [browser, sender, receiver] = await Promise.all([
      launch(chrome ?? ""),
      runWorker("sender", { port: first, stateDir: folder.path, vars: { WEBHOOK_URL, RETRY_SECONDS: "3600" } }),
      runWorker("receiver", {
        ...{ port: second, stateDir: folder.path, print: noteDropped },
        vars: { FLUSH_SECONDS: "1", GRACE_SECONDS: "0" },
      }),
    ]);
    for (const { url } of [slow, failing]) {
      expect((await postJson(`${sender.url}/endpoints`, JSON.stringify({ url }))).status).toBe(201);
    }
    await publish(sender.url, { id: "event-x", type: "order.paid", data: { note: "order 4711, two pieces" } });
    await publish(sender.url, { id: "event-y", type: "order.paid", data: { note: "order 4712" } });
    await until("all endpoints have an attempt", async () => {
      const { endpoints } = await getJson<{ endpoints: Row[] }>(`${sender.url}/endpoints`);
      return endpoints.every(({ lastAttempt }) => lastAttempt !== null) ? true : null;
    });
    await until("the receiver has both", async () => ((await readLog(receiver.url)).length === 2 ? true : null));
  });
  afterAll(async () => {
    await browser.close();
    await Promise.all([sender.stop(), receiver.stop(), slow.close(), failing.close()]);
    folder.remove();
  });
  afterEach(async () => {
    expect(operator.clicks).toBeLessThanOrEqual(MOST_CLICKS);
    expect(operator.visit.takeFaults()).toEqual([]);
    await operator.visit.close();
  });

  test("an event by its id, in the sender", async () => {
    operator = await Operator.at(sender);
    await operator.click(operator.link("Events"));
    await operator.search(IN_SENDER, "event-x");
    await operator.click(operator.page.getByText("The event with this id:").getByRole("link", { name: "event-x" }));
    await operator.page.getByLabel("Data").getByText("order 4711, two pieces").waitFor();
    await operator.rowOf(failing.url).getByText("status 503").waitFor();
    await operator.rowOf(receiver.url).getByText("Delivered").waitFor();
  });

  test("an event by its id, in the receiver", async () => {
    operator = await Operator.at(receiver);
    await operator.search(IN_RECEIVER, "event-x");
    await operator.click(operator.page.getByText("The id belongs to").getByRole("link"));
    await operator.page.getByRole("heading", { name: "order.paid" }).waitFor();
    await operator.page.getByLabel("Body", { exact: true }).getByText("order 4711, two pieces").waitFor();
  });

  test("an event by a text in its data, in the sender", async () => {
    operator = await Operator.at(sender);
    await operator.click(operator.link("Events"));
    await operator.search(IN_SENDER, "ORDER 4711");
    const row = operator.rowOf("event-x");
    await row.locator("mark", { hasText: "order 4711" }).waitFor();
    await operator.page.getByRole("status").filter({ hasText: "that is all" }).waitFor();
    expect(await operator.page.locator("#found tbody tr").count()).toBe(1);
    await operator.click(row.getByRole("link", { name: "order.paid" }));
    await operator.page.getByRole("heading", { name: "Event", exact: true }).waitFor();
    await operator.page.getByLabel("Data").locator("mark", { hasText: "order 4711" }).waitFor();
  });

  test("an event by a text in its body, in the receiver", async () => {
    operator = await Operator.at(receiver);
    await operator.search(IN_RECEIVER, "ORDER 4711");
    const row = operator.rowOf("event-x");
    await row.locator("mark", { hasText: "order 4711" }).waitFor();
    expect(await operator.page.locator("#events tbody tr").count()).toBe(1);
    await operator.click(row.getByRole("link", { name: "order.paid" }));
    await operator.page.getByRole("heading", { name: "order.paid" }).waitFor();
  });

  test("which endpoint is slow", async () => {
    operator = await Operator.at(sender);
    const p95 = async (url: string) => p95Of((await operator.rowOf(url).textContent()) ?? "");
    await operator.rowOf(slow.url).getByText(/p95/).waitFor();
    expect(await p95(slow.url)).toBeGreaterThanOrEqual(SLOW_MS);
    expect(await p95(`${receiver.url}/webhook`)).toBeLessThan(SLOW_MS);
    await operator.click(operator.link(slow.url));
    await operator.page.getByRole("heading", { name: "Endpoint", exact: true }).waitFor();
    expect(p95Of((await operator.page.locator("#facts").textContent()) ?? "")).toBeGreaterThanOrEqual(SLOW_MS);
  });

  test("since when an endpoint fails, and with what status", async () => {
    operator = await Operator.at(sender);
    await operator.page.getByRole("status").getByText("1 failing").waitFor();
    const row = operator.rowOf(failing.url);
    await row.getByText(/Failing$/).waitFor();
    await row.getByText("last status 503").waitFor();
    const [first] = await failing.requests("event-x");
    const since = await row.locator("time", { hasText: ":" }).first().getAttribute("datetime");
    // The attempt ends after its request has come.
    expect(Math.abs(Date.parse(since ?? "") - (first?.at ?? 0))).toBeLessThan(SLOW_MS);
    await operator.click(operator.link(failing.url));
    await operator.rowOf("event-x").getByText("Waiting for a retry").waitFor();
  });

  test("that an event was received twice", async () => {
    const resent = await postJson(`${sender.url}/events/event-y/redeliver`, "{}");
    expect(resent.status, await resent.text()).toBe(202);
    operator = await Operator.at(receiver);
    await operator.rowOf("event-y").getByText("again once").waitFor();
    await operator.click(operator.rowOf("event-y").getByRole("link", { name: "order.paid" }));
    await operator.page.getByText("again once, last").waitFor();
  });

  test("which requests were refused, and why", async () => {
    const signed = { "webhook-id": "forged", "webhook-timestamp": String(Math.floor(Date.now() / 1000)) };
    const headers = { ...signed, "webhook-signature": `v1,${btoa("x".repeat(32))}` };
    expect(await send(`${receiver.url}/webhook`, { headers, body: "{}" })).toBe(401);
    operator = await Operator.at(receiver);
    await operator.page.getByText("Rejected in the last 24 hours: 1.").waitFor();
    await operator.click(operator.page.getByRole("link", { name: "See why" }));
    const rejection = operator.page.getByRole("article").filter({ hasText: "Wrong signature" });
    await rejection.getByText("signature_mismatch", { exact: true }).waitFor();
  });

  test.each<[name: string, worker: () => WorkerProcess, path: string]>([
    ["the page of the sender's events", () => sender, "/dashboard/events"],
    ["the page of the sender's event", () => sender, "/dashboard/events/event-x"],
    ["the page of the sender's deliveries", () => sender, "/dashboard/deliveries"],
    ["the page of the sender's alerts", () => sender, "/dashboard/alerts"],
    ["the page of the receiver's rejected requests", () => receiver, "/rejected"],
    ["the page that says how to connect", () => receiver, "/connect"],
  ])("everything that acts on %s by the keyboard alone", async (_name, worker, path) => {
    operator = await Operator.at(worker());
    await operator.page.goto(path);
    await expectAllByTab(operator.visit);
  });

  test("which part of the log cannot be read, and that it can be read again", async () => {
    const head = (await readLog(receiver.url)).length;
    await until("all events are in KV alone", async () => (dropped >= head ? true : null));
    const kept = readdirSync(folder.path, { recursive: true, encoding: "utf8" })
      .filter((path) => /\bkv\b.*\bblobs$/.test(path))
      .map((path) => join(folder.path, path));
    expect(kept).not.toEqual([]);
    for (const path of kept) renameSync(path, `${path}-away`);
    try {
      operator = await Operator.at(receiver);
      await operator.page.getByRole("alert").getByText("A part of the log cannot be read at the moment").waitFor();
      expect(await operator.page.locator("#missing").textContent()).toMatch(new RegExp(`Numbers: 1\\b.*\\b${head}\\.`));
      expect(await operator.page.locator("#events tbody tr").count()).toBe(0);
    } finally {
      for (const path of kept) renameSync(`${path}-away`, path);
    }
    await operator.click(operator.link("Try again"));
    await operator.rowOf("event-x").waitFor();
  });
});

type Row = { lastAttempt: object | null };

/** Takes in a line of the receiver's log: it says when the Inbox drops what KV has. */
function noteDropped(line: string): void {
  const [, lastSeq] = /"segment\.dropped".*"lastSeq":(\d+)/.exec(line) ?? [];
  dropped = Math.max(dropped, Number(lastSeq ?? 0));
}

/** Returns the first 95th percentile in a text, in milliseconds. */
function p95Of(text: string): number {
  const [, number = "", unit] = /p95 ([\d.]+) (ms|s)/.exec(text) ?? [];
  return Number(number) * (unit === "s" ? 1000 : 1);
}
