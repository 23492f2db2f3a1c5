import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import type { WorkerProcess } from "../../workers/dev/worker-process.ts";
import { deliveryOf, publish } from "../pair/client.ts";
import { Listener } from "../pair/listener.ts";
import { until } from "../pair/until.ts";
import { freePorts, runWorker, temporaryFolder, variables } from "../pair/workers.ts";
import { expectReadable } from "./axe.ts";
import { launch, screenshot, showWide, signIn, tabTo, unfold, Visit } from "./browser.ts";
import { MARKUP } from "./hostile.ts";

/** The sender's pages in a real browser. The endpoint is a listener that fails when a test tells it to. */
const chrome = inject("chrome");
const EVIL = `${MARKUP.join("\n")} \u202egpj`;

const folder = temporaryFolder();
let browser: Browser;
let listener: Listener;
/** `open` runs as under `npm start`; `closed` runs as deployed, and asks everyone to sign in. */
let open: WorkerProcess;
let closed: WorkerProcess;
/** A visit to `open`. It must be left as it was found: a changed clock would be there for the next test. */
let shared: Visit;
let visit: Visit;

describe.skipIf(chrome === null)("the dashboard", () => {
  beforeAll(async () => {
    listener = await Listener.open();
    const [first = 0, second = 0] = await freePorts(2);
    // No retry happens by itself during a test.
    const vars = { WEBHOOK_URL: listener.url, RETRY_SECONDS: "3600" };
    [browser, open, closed] = await Promise.all([
      launch(chrome ?? ""),
      runWorker("sender", { port: first, stateDir: `${folder.path}/open`, vars }),
      runWorker("sender", { port: second, stateDir: `${folder.path}/closed`, vars: { LOCAL_DEV: "false" } }),
    ]);
    shared = await Visit.open(browser, open.url);
  });
  afterAll(async () => {
    await browser.close();
    await Promise.all([open.stop(), closed.stop(), listener.close()]);
    folder.remove();
  });

  beforeEach(async () => {
    listener.answer = (response) => response.end("thank you");
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

  test("signs in with the token, and out", async () => {
    const page = await visitAlone(closed);
    await signIn(visit, "wrong");
    await page.getByRole("alert").filter({ hasText: "That token is wrong." }).waitFor();
    expect(visit.takeFaults()).toEqual(["401 POST /session"]);
    await page.evaluate(() => {
      addEventListener("submit", ({ submitter }) => {
        if (submitter instanceof HTMLButtonElement) {
          sessionStorage.setItem("pending", `${submitter.textContent} ${submitter.disabled}`);
        }
      });
    });
    await page.getByLabel("API token").fill(variables.API_TOKEN);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Webhook sender" }).waitFor();
    expect(await page.evaluate(() => sessionStorage.getItem("pending"))).toBe("Working… true");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByText("You are signed out.").waitFor();
    await page.goto("/");
    await page.getByLabel("API token").waitFor();
    await page.goBack();
    expect(await page.getByText("No endpoint yet").count()).toBe(0);
  });

  test("publishes with its form, and says what is wrong with an event", async () => {
    const { page } = visit;
    await page.goto("/");
    await page.getByText("Publish an event").click();
    await page.getByLabel("Type", { exact: true }).fill("webhook.mine");
    await page.getByLabel("Data, as JSON").fill('{"total": 42.50}');
    await page.getByLabel("Id", { exact: true }).fill("by_form");
    await page.getByRole("button", { name: "Publish event" }).click();
    await page.getByRole("status").filter({ hasText: "webhook." }).waitFor();
    expect(visit.takeFaults()).toEqual(["422 POST /dashboard/events"]);
    const fault = page.locator("#type-fault");
    expect(await fault.textContent()).toContain("Types beginning with webhook.");
    const type = page.getByLabel("Type", { exact: true });
    expect(await type.evaluate((element) => element === document.activeElement)).toBe(true);
    expect(await type.getAttribute("aria-describedby")).toBe("type-fault");
    await page.getByLabel("Type", { exact: true }).fill("order.paid");
    await page.getByRole("button", { name: "Publish event" }).click();
    await page.getByText("The event is in the log, and on its way.").waitFor();
    expect(page.url()).toBe(`${open.url}/`);
    await page.reload();
    expect(await page.getByText("The event is in the log, and on its way.").count()).toBe(0);
    const [request] = await listener.requests("by_form");
    expect(request?.body).toContain('"data":{"total": 42.50}}');
  });

  test("shows a failing endpoint, and the result of its Redeliver button", async () => {
    listener.answer = (response, _request, nth) => {
      response.statusCode = nth === 1 ? 500 : 200;
      response.end(nth === 1 ? EVIL : "thank you");
    };
    await publish(open.url, { id: "failing", type: "order.failing", data: EVIL });
    await failed("failing");
    const { page } = visit;
    await page.goto("/");
    await page.getByText("1 to retry").waitFor();
    await page.getByText(/^p50 /).first().waitFor();
    await page.getByRole("link", { name: "delivering 1" }).click();
    await page.getByLabel("Find an endpoint").fill(new URL(listener.url).port);
    await page.getByRole("button", { name: "Search" }).click();
    expect(new URL(page.url()).search).toContain("state=delivering");
    await page.getByRole("link", { name: listener.url }).click();
    const row = page.getByRole("row").filter({ hasText: "order.failing" });
    await row.getByText("Waiting for a retry").waitFor();
    await screenshot(visit, "dashboard");
    await row.getByRole("link", { name: "order.failing" }).click();
    await page.getByText("status 500").waitFor();
    expect(await page.getByLabel("First bytes of the response").textContent()).toBe(EVIL.replace("\u202e", "\\u202e"));
    await page.getByRole("button", { name: "Redeliver" }).click();
    await page.getByText("The event is being sent again.").waitFor();
    // The page refreshes itself.
    await page.getByText("status 200").waitFor();
    await page.getByText("Delivered").waitFor();
    expect(await listener.requests("failing", 2)).toHaveLength(2);
  });

  test("adds, disables and deletes an endpoint", async () => {
    const { page } = visit;
    await page.goto("/");
    await page.getByText("Add an endpoint").click();
    await page.getByLabel("URL").fill(`${listener.url}/second`);
    await page.getByLabel("Description").fill(EVIL.replaceAll("\n", " ").slice(0, 500));
    await page.getByLabel("Event types").fill("invoice.*");
    await page.getByRole("button", { name: "Add endpoint" }).click();
    await page.getByText("The endpoint was added. This is its secret.").waitFor();
    await page.getByText(/^whsec_/).waitFor();
    await page.getByRole("link", { name: "← Endpoint" }).click();
    await page.getByRole("button", { name: "Send a test event" }).click();
    await page.getByText("The test event was delivered.").waitFor();
    await page.getByRole("button", { name: "Disable" }).click();
    await page.getByText("It keeps its position in the log.").waitFor();
    await page.getByLabel("Yes, for good").check();
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByText("The endpoint was deleted.").waitFor();
    expect(await page.getByRole("link", { name: "/second" }).count()).toBe(0);
  });

  test("needs no mouse", async () => {
    const { page } = visit;
    await page.goto("/");
    await tabTo(visit, page.locator("summary", { hasText: "Publish an event" }));
    await page.keyboard.press("Enter");
    await tabTo(visit, page.getByLabel("Type", { exact: true }));
    await page.keyboard.type("order.typed");
    await tabTo(visit, page.getByLabel("Id", { exact: true }));
    await page.keyboard.type("by_keyboard");
    await page.keyboard.press("Enter");
    await page.getByText("The event is in the log, and on its way.").waitFor();
    await listener.requests("by_keyboard");
    await tabTo(visit, page.getByRole("link", { name: listener.url }));
    await page.keyboard.press("Enter");
    const row = page.getByRole("row").filter({ hasText: "order.typed" });
    await tabTo(visit, row.getByRole("link", { name: "order.typed" }));
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Delivery", exact: true }).waitFor();
    await tabTo(visit, page.getByRole("button", { name: "Redeliver" }));
    await page.keyboard.press("Enter");
    await page.getByText("The event is being sent again.").waitFor();
    await listener.requests("by_keyboard", 2);
  });

  test("shows the page of a refused form when it is reloaded, and sends nothing again", async () => {
    const { page } = visit;
    await page.goto("/?after=");
    await page.getByText("Publish an event").click();
    await page.getByLabel("Type", { exact: true }).fill("webhook.mine");
    await page.getByRole("button", { name: "Publish event" }).click();
    await page.getByRole("status").filter({ hasText: "webhook." }).waitFor();
    expect(visit.takeFaults()).toEqual(["422 POST /dashboard/events"]);
    await page.reload();
    expect(new URL(page.url()).pathname).toBe("/");
    expect(await page.locator("#message > p").count()).toBe(0);
  });

  test("disables a button while its request runs, and says so when no answer comes", async () => {
    const page = await visitAlone();
    await page.goto("/");
    await page.getByText("Publish an event").click();
    await page.getByLabel("Type", { exact: true }).fill("order.unanswered");
    const { promise, resolve } = Promise.withResolvers<void>();
    await page.route("**/dashboard/events", async (route) => {
      await promise;
      await route.abort();
    });
    await page.getByRole("button", { name: "Publish event" }).click();
    expect(await page.getByRole("button", { name: "Working…" }).isDisabled()).toBe(true);
    resolve();
    await page.getByText("The Worker does not answer, so it is not known if this was done.").waitFor();
    expect(await page.getByLabel("Type", { exact: true }).inputValue()).toBe("order.unanswered");
    await page.unroute("**/dashboard/events");
    await page.getByRole("button", { name: "Publish event" }).click();
    await page.getByText("The event is in the log, and on its way.").waitFor();
  });

  /** Opens the list with a clock of its own. */
  const visitRefreshed = async (worker = open) => {
    const page = await visitAlone(worker);
    await page.clock.install();
    if (worker === closed) await signIn(visit, variables.API_TOKEN);
    else await page.goto("/");
    return page;
  };
  /** Moves the clock on, and waits until the list is replaced. */
  const refresh = async () => {
    const link = visit.page.getByRole("link", { name: listener.url });
    await link.evaluate((element) => element.setAttribute("data-old", ""));
    await visit.page.clock.fastForward(5000);
    await visit.page.locator("[data-old]").waitFor({ state: "detached" });
  };

  test("keeps the focus where it was when a part of the page is refreshed", async () => {
    const page = await visitRefreshed();
    const link = page.getByRole("link", { name: listener.url });
    await tabTo(visit, link);
    await refresh();
    expect(await link.evaluate((element) => element === document.activeElement)).toBe(true);
  });

  test("keeps an open form and what is typed in it when a part of the page is refreshed", async () => {
    const page = await visitRefreshed();
    await page.getByText("Publish an event").click();
    const type = page.getByLabel("Type", { exact: true });
    await type.pressSequentially("order.");
    await refresh();
    await type.pressSequentially("paid");
    expect(await type.inputValue()).toBe("order.paid");
  });

  test("says that the page is not up to date, for as long as it is not", async () => {
    const page = await visitRefreshed();
    const here = `${open.url}/`;
    const fault = page.getByRole("status").getByText(/^This page is not up to date since \d\d:\d\d: /);
    await page.route(here, (route) => route.abort());
    await page.clock.fastForward(5000);
    await fault.filter({ hasText: "the Worker does not answer" }).waitFor();
    await page.unroute(here);
    await page.clock.fastForward(5000);
    await fault.waitFor({ state: "detached" });
    await page.route(here, (route) => route.fulfill({ status: 503, body: '<div id="message"><p>Too busy.' }));
    await page.clock.fastForward(5000);
    await fault.filter({ hasText: "Too busy." }).waitFor();
    expect(visit.takeFaults()).toEqual(["503 GET /"]);
    expect(await page.getByRole("link", { name: listener.url }).count()).toBe(1);
  });

  test("leads to the sign-in form when the session ends, and back", async () => {
    const page = await visitRefreshed(closed);
    await page.getByRole("heading", { name: "Webhook sender" }).waitFor();
    await page.context().clearCookies();
    await page.clock.fastForward(5000);
    await page.getByText("Your session has ended.").waitFor();
    await page.getByLabel("API token").fill(variables.API_TOKEN);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Webhook sender" }).waitFor();
  });

  test("is of use on a small telephone with 200 endpoints", async () => {
    const headers = { authorization: `Bearer ${variables.API_TOKEN}`, "content-type": "application/json" };
    for (let nth = 0; nth < 200; nth++) {
      const body = JSON.stringify({ url: `https://customer-${nth}.example/hooks`, enabled: false });
      expect((await fetch(`${closed.url}/endpoints`, { method: "POST", headers, body })).status).toBe(201);
    }
    const page = await visitAlone(closed);
    await signIn(visit, variables.API_TOKEN);
    const rows = page.locator("#list tbody tr");
    await rows.first().waitFor();
    await expectReadable(visit);
    const box = await rows.first().boundingBox();
    expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThan(740);
    expect(box?.height).toBeLessThan(220);
    await tabTo(visit, rows.nth(2).getByRole("link"));
    await page.getByRole("link", { name: "More endpoints" }).click();
    await page.waitForURL(/after=/);
    await rows.first().getByRole("link").waitFor();
  });

  test.each<[name: string, pathOf: () => string | Promise<string>, state?: "open"]>([
    ["the list", () => "/"],
    ["the list with its forms open", () => "/", "open"],
    ["an endpoint", () => "/dashboard/endpoints/ep_default"],
    ["a failed delivery", async () => `/dashboard/endpoints/ep_default/deliveries/${await failedSeq()}`],
    ["a secret", () => "/dashboard/endpoints/ep_default/secret"],
    ["the events", () => "/dashboard/events"],
    ["the deliveries", () => "/dashboard/deliveries"],
    ["the alerts", () => "/dashboard/alerts"],
    ["a page that is not there", () => "/dashboard/endpoints/ep_none"],
    ["the sign-in form", () => "/session"],
  ])("%s is readable: for axe, light and dark, from 360 pixels up", async (_name, pathOf, state) => {
    const { page } = visit;
    await page.goto(await pathOf());
    if (state === "open") await unfold(visit);
    await expectReadable(visit);
    expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe("rgb(20, 23, 27)");
    visit.takeFaults();
  });
});

/** Resolves once the first attempt at the event has failed. */
function failed(id: string): Promise<unknown> {
  return until(`${id} failed`, async () => {
    const delivery = await deliveryOf(open.url, id);
    return delivery !== null && delivery.attempts.length > 0 ? delivery : null;
  });
}

/** Publishes hostile text, and returns the seq of its failed delivery. */
async function failedSeq(): Promise<number> {
  listener.answer = (response) => {
    response.statusCode = 500;
    response.end(EVIL);
  };
  await publish(open.url, { id: "failing_for_good", type: `long.${"name".repeat(20)}`, data: EVIL });
  await failed("failing_for_good");
  return (await deliveryOf(open.url, "failing_for_good"))?.seq ?? 0;
}
