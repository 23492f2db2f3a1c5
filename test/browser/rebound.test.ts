import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import type { WorkerProcess } from "../../workers/dev/worker-process.ts";
import { freePorts, runWorker, temporaryFolder } from "../pair/workers.ts";
import { launch } from "./browser.ts";

/**
 * Pages of other origins in a real browser, against both Workers as `npm start` runs them: no page reads anything, and
 * none publishes. One page's name was rebound to this machine, so that the browser takes the Worker for its own server.
 */
const chrome = inject("chrome");
const REBOUND = "rebound.example";
/** Not every browser keeps pages of the internet from this machine, as Chromium does unless told otherwise. */
const NO_NETWORK_CHECKS = "--disable-features=LocalNetworkAccessChecks";

const folder = temporaryFolder();
let browser: Browser;
let page: Page;
let sender: WorkerProcess;
let receiver: WorkerProcess;

/** Opens a page of that origin, which its own server would have answered before its name was rebound. */
async function open(origin: string): Promise<void> {
  await page.route(`${origin}/attack`, (route) => route.fulfill({ contentType: "text/html", body: "<p>attack" }));
  await page.goto(`${origin}/attack`);
}

/** Fetches from the page; resolves to the status and the text, or to the error. */
function ask(url: string, init: { method?: string; headers?: Record<string, string>; mode?: "no-cors" } = {}) {
  return page.evaluate(
    async ([to, how]) => {
      try {
        const response = await fetch(to, { referrerPolicy: "no-referrer", ...how });
        return { status: response.status, text: await response.text() };
      } catch (error) {
        return { status: 0, text: String(error) };
      }
    },
    [url, init] as const,
  );
}

const at = (worker: WorkerProcess, host: string) => `http://${host}:${new URL(worker.url).port}`;

/** The number of events in the sender's log. */
async function published(): Promise<number> {
  return ((await (await fetch(`${sender.url}/events`)).json()) as { events: unknown[] }).events.length;
}

describe.skipIf(chrome === null)("a page of another origin", () => {
  beforeAll(async () => {
    const [first = 0, second = 0] = await freePorts(2);
    const vars = { WEBHOOK_URL: `http://localhost:${second}/webhook` };
    [browser, sender, receiver] = await Promise.all([
      launch(chrome ?? "", [`--host-resolver-rules=MAP ${REBOUND} 127.0.0.1`, NO_NETWORK_CHECKS]),
      runWorker("sender", { port: first, stateDir: folder.path, vars }),
      runWorker("receiver", { port: second, stateDir: folder.path, vars: {} }),
    ]);
    page = await browser.newPage();
  });
  afterAll(async () => {
    await browser.close();
    await Promise.all([sender.stop(), receiver.stop()]);
    folder.remove();
  });

  test.each([
    ["alone", () => ({})],
    ["with the URL it wants", (url: string) => ({ "MF-Original-URL": url })],
    ["with that and what a proxy says", (url: string) => ({ "MF-Original-URL": url, "X-Forwarded-Host": "localhost" })],
    ["with wrangler's other names", () => ({ "MF-Original-Hostname": "localhost", "MF-Route-Override": "sender" })],
    ["with a made up proof", (url: string) => ({ "MF-Original-URL": url, "X-Local-Proof": "true" })],
    ["with a Host", () => ({ Host: "localhost", "X-Host": "localhost", "X-Forwarded-Host": "localhost" })],
    ["with another address", (url: string) => ({ "X-Original-URL": url, "X-Rewrite-URL": url })],
  ])("whose name was rebound is refused: %s", async (_name, headersFor: (url: string) => Record<string, string>) => {
    const before = await published();
    for (const [worker, path] of [
      [sender, "/endpoints/ep_default/secret"],
      [sender, "/trigger"],
      [sender, "/"],
      [receiver, "/events"],
      [receiver, "/rejections"],
    ] as const) {
      const own = new URL(at(worker, REBOUND)).port;
      await open(at(worker, REBOUND));
      // The page does reach the Worker as its own server.
      expect((await ask("/health")).status).toBe(200);
      for (const host of ["localhost", "127.0.0.1"]) {
        const answer = await ask(path, { headers: headersFor(`http://${host}:${own}${path}`) });
        expect(answer, path).toMatchObject({ status: 401, text: expect.not.stringContaining("whsec_") });
      }
    }
    expect(await published()).toBe(before);
  });

  test("whose name was rebound is refused behind the front, too", async () => {
    const port = sender.innerPort();
    await open(`http://${REBOUND}:${port}`);
    expect((await ask("/health")).status).toBe(200);
    for (const to of [new URL(sender.url).port, port]) {
      const headers = { "MF-Original-URL": `http://localhost:${to}/endpoints/ep_default/secret`, "X-Local-Proof": "1" };
      expect((await ask("/endpoints/ep_default/secret", { headers })).status).toBe(401);
    }
  });

  test("publishes nothing by a request that it may not read", async () => {
    const before = await published();
    await open("http://elsewhere.example");
    for (const host of ["localhost", "127.0.0.1"]) {
      await ask(`${at(sender, host)}/trigger`, { mode: "no-cors" });
      await ask(`${at(sender, host)}/trigger`, { mode: "no-cors", method: "POST" });
      await ask(`${at(sender, host)}/trigger`, { headers: { "MF-Original-URL": at(sender, "localhost") } });
      await page.evaluate(
        async (url) => {
          const image = new Image();
          await new Promise((resolve) => {
            image.onload = image.onerror = resolve;
            image.src = url;
          });
        },
        `${at(sender, host)}/trigger`,
      );
    }
    expect(await published()).toBe(before);
  });

  test("of our own reads and publishes without a token", async () => {
    const before = await published();
    await page.goto(at(sender, "localhost"));
    expect((await ask("/endpoints/ep_default/secret")).text).toContain("whsec_");
    expect((await ask("/trigger")).status).toBe(200);
    expect(await published()).toBe(before + 1);
  });
});
