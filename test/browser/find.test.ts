import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import type { WorkerProcess } from "../../workers/dev/worker-process.ts";
import { getJson, postJson, publish } from "../pair/client.ts";
import { Listener } from "../pair/listener.ts";
import { until } from "../pair/until.ts";
import { freePorts, runWorker, temporaryFolder } from "../pair/workers.ts";
import { expectReadable } from "./axe.ts";
import { launch, showWide, tabTo, Visit } from "./browser.ts";

/** "A customer did not get event X": the sender's pages answer it, in a real browser. */
const chrome = inject("chrome");
/** More events than one page of a search asks the endpoints about. */
const LATER = 300;
/** All events: those published here, and the sender's own that one of them died. */
const ALL = /Looked at 30\d events, back to/;

const folder = temporaryFolder();
let browser: Browser;
let listener: Listener;
let sender: WorkerProcess;
let visit: Visit;

type EventPage = { events: { id: string; outcome: string }[] };

/** Resolves once the event has an outcome. */
const settled = (id: string, outcome: string) =>
  until(`${id} is ${outcome}`, async () => {
    const { events } = await getJson<EventPage>(`${sender.url}/events?outcome=any&limit=500&q=${id}`);
    return events.find((event) => event.id === id && event.outcome === outcome) ?? null;
  });

describe.skipIf(chrome === null)("an event", () => {
  beforeAll(async () => {
    listener = await Listener.open();
    const [port = 0] = await freePorts(1);
    const vars = { WEBHOOK_URL: listener.url, RETRY_SECONDS: "3600" };
    [browser, sender] = await Promise.all([
      launch(chrome ?? ""),
      runWorker("sender", { port, stateDir: folder.path, vars }),
    ]);
    visit = await Visit.open(browser, sender.url);
    await showWide(visit);
    const second = { url: `${listener.url}/second`, types: ["order.*"], retrySeconds: [] };
    expect((await postJson(`${sender.url}/endpoints`, JSON.stringify(second))).status).toBe(201);
    listener.answer = (response, { id }) => {
      response.statusCode = id === "lost" ? 500 : 200;
      response.end(response.statusCode === 500 ? "out of stock" : "thank you");
    };
    await publish(sender.url, { id: "lost", type: "order.paid", data: { note: "order 4711, two pieces" } });
    await settled("lost", "dead");
    const later = Array.from({ length: LATER }, (_, n) => ({ type: "user.made", id: `user-${n}`, data: { n } }));
    for (let first = 0; first < LATER; first += 100) {
      const batch = JSON.stringify(later.slice(first, first + 100));
      expect((await postJson(`${sender.url}/events`, batch)).status).toBe(202);
    }
    await settled(`user-${LATER - 1}`, "delivered");
  });
  afterAll(async () => {
    await browser.close();
    await Promise.all([sender.stop(), listener.close()]);
    folder.remove();
  });
  afterEach(() => {
    expect(visit.takeFaults()).toEqual([]);
  });

  const openSearch = async () => {
    await visit.page.goto("/");
    await visit.page.getByRole("link", { name: "Events", exact: true }).click();
  };

  test("that failed somewhere is found by a search that goes on by itself", async () => {
    const { page } = visit;
    await openSearch();
    await page.getByLabel("Outcome").selectOption("dead");
    await page.getByRole("button", { name: "Search" }).click();
    await page.getByRole("row").filter({ hasText: "lost" }).waitFor();
    await page.getByRole("status").filter({ hasText: ALL }).waitFor();
    expect(await page.getByRole("button", { name: "Stop" }).count()).toBe(0);
  });

  test("is looked for until the reader stops, and from there on a click", async () => {
    const { page } = visit;
    const older = /before=/;
    await page.route(older, () => {}); // no answer
    await page.goto("/dashboard/events?outcome=dead");
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByRole("button", { name: "Stop" }).waitFor({ state: "detached" });
    expect(await page.locator("#message > p").count()).toBe(0);
    await page.unroute(older);
    await page.getByRole("link", { name: "Look further back" }).click();
    await page.getByRole("row").filter({ hasText: "lost" }).waitFor();
  });

  test("says that a search has stopped because the Worker does not answer", async () => {
    const { page } = visit;
    const older = /before=/;
    await page.route(older, (route) => route.abort());
    await page.goto("/dashboard/events?outcome=dead");
    await page.getByRole("status").getByText("The search has stopped: the Worker does not answer").waitFor();
    await page.unroute(older);
  });

  test("that nobody has is said to be in no place of the log", async () => {
    const { page } = visit;
    await page.goto("/dashboard/events?q=nowhere&type=&since=2020-01-01T00:00&until=&outcome=any");
    await page.getByText("None found here.").waitFor();
    await page.getByRole("status").filter({ hasText: "that is all" }).waitFor();
  });

  test("shows its request as it was sent, and as curl", async () => {
    const { page } = visit;
    await page.goto("/dashboard/events/lost");
    const row = page.getByRole("row").filter({ hasText: "/second" });
    await row.getByText("out of stock").waitFor();
    await row.getByRole("link", { name: "Request and answers" }).click();
    const [sent] = await listener.requests("lost");
    expect(await page.getByLabel("Body").textContent()).toBe(sent?.body);
    expect(await page.getByLabel("Headers", { exact: true }).textContent()).toContain("webhook-id: lost");
    await page.getByText("As curl, unsigned").click();
    const command = await page.locator("#curl").textContent();
    expect(command).toContain("-H 'webhook-id: lost'");
    expect(command).not.toContain("webhook-signature");
    await page.getByRole("button", { name: "Copy as curl" }).click();
    await page.getByRole("button", { name: /^(Copied|Selected)$/ }).waitFor();
  });

  test.each([
    ["the events", "/dashboard/events?outcome=dead"],
    ["an event", "/dashboard/events/lost"],
  ])("%s are readable: for axe, light and dark, from 360 pixels up", async (_name, path) => {
    const { page } = visit;
    await page.goto(path);
    await page.getByText("lost").first().waitFor();
    await expectReadable(visit);
    await showWide(visit);
  });

  test("is sent again to those where it failed, with the keyboard alone", async () => {
    const { page } = visit;
    const before = (await listener.requests("lost")).length;
    listener.answer = (response) => response.end("thank you");
    await page.goto("/dashboard/events/lost");
    await tabTo(visit, page.getByRole("button", { name: "Resend to the failed" }));
    await page.keyboard.press("Enter");
    await page.getByText("The event is being sent again. Endpoints: 2.").waitFor();
    await listener.requests("lost", before + 2);
    await settled("lost", "delivered");
    await page.goto("/dashboard/events/lost");
    expect(await page.getByRole("button", { name: "Resend to the failed" }).count()).toBe(0);
    await page.getByRole("row").filter({ hasText: "/second" }).getByRole("button", { name: "Resend" }).click();
    await page.getByText("The event is being sent again. Endpoints: 1.").waitFor();
  });
});
