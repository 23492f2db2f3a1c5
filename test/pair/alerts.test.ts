import { Webhook } from "standardwebhooks";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { WorkerProcess } from "../../workers/dev/worker-process.ts";
import { getJson, postJson, publish } from "./client.ts";
import { Listener } from "./listener.ts";
import { until } from "./until.ts";
import { configuredRoot, freePorts, runWorker, temporaryFolder, variables } from "./workers.ts";

/** Alerts of both Workers, as a server on this machine gets them, with an endpoint that fails, gives up and is gone. */

type Began = { type: string; data: { rule: string; subject: string; text: string; endedAt: string | null } };

const folder = temporaryFolder();
let oncall: Listener;
let target: Listener;
let port: number;
let url: string;
let sender: WorkerProcess | undefined;

beforeAll(async () => {
  [port = 0] = await freePorts(1);
  url = `http://127.0.0.1:${port}`;
});
afterAll(() => folder.remove());
afterEach(async () => {
  await sender?.stop();
  await oncall.close();
  await target.close();
});

async function open(vars: Record<string, string>, state = crypto.randomUUID()): Promise<void> {
  oncall = await Listener.open();
  target = await Listener.open();
  await start(vars, state);
}

async function start(vars: Record<string, string>, state: string): Promise<void> {
  const own = { WEBHOOK_URL: target.url, ALERT_URL: oncall.url, ...vars };
  sender = await runWorker("sender", { port, stateDir: `${folder.path}/${state}`, vars: own });
}

/** Resolves to the bodies of the alerts, once there are `count`. */
const alerts = (count: number) =>
  until(`${count} alerts`, async () =>
    oncall.received.length < count ? null : oncall.received.map(({ body }) => JSON.parse(body) as unknown),
  );

/** Fires the cron, and waits: longer than alerts are gathered for. */
async function aMinuteLater(): Promise<void> {
  await fetch(`${url}/cdn-cgi/local/scheduled?cron=*+*+*+*+*&time=${Date.now()}`);
  await new Promise((resolve) => setTimeout(resolve, 2500));
}

/** Posts a page's button, and resolves to the page that answers. */
async function postedPage(path: string): Promise<string> {
  const headers = { origin: url, accept: "text/html", "content-type": "application/x-www-form-urlencoded" };
  return (await fetch(`${url}${path}`, { method: "POST", headers })).text();
}

const event = (n: number) => ({ id: `order_${n}`, type: "order.paid", data: n });

describe("alerts", () => {
  it("are signed events: one when an endpoint fails, after a restart none, one when it delivers again", async () => {
    const vars = {
      ALERT_RULES: "failing 0",
      RETRY_SECONDS: "1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    };
    await open(vars, "signed");
    target.answer = (response) => response.writeHead(500).end();
    for (let n = 1; n <= 5; n++) await publish(url, event(n));
    const [began] = (await alerts(1)) as Began[];
    expect(began).toMatchObject({
      type: "alert.began",
      data: {
        rule: "failing",
        subject: "ep_default",
        endedAt: null,
        text: expect.stringContaining("the last with 500"),
      },
    });
    const [request] = oncall.received;
    expect(new Webhook(variables.WEBHOOK_SECRET).verify(request?.body ?? "", request?.headers as never)).toEqual(began);

    await aMinuteLater();
    sender?.kill();
    await sender?.exited;
    await start(vars, "signed");
    await aMinuteLater();
    expect(oncall.received).toHaveLength(1);
    expect(await getJson(`${url}/alerts`)).toMatchObject({
      ...{ enabled: true, format: "standard", rules: { failing: 0 } },
      conditions: [{ rule: "failing", subject: "ep_default" }],
    });

    target.answer = (response) => response.end("ok");
    const [, ended] = (await alerts(2)) as Began[];
    expect(ended).toMatchObject({ type: "alert.ended", data: { rule: "failing", endedAt: expect.any(String) } });
    await aMinuteLater();
    expect(oncall.received).toHaveLength(2);
    expect(await getJson(`${url}/alerts`)).toMatchObject({ conditions: [], lastSent: { status: 200 } });
  });

  it("come once for all deliveries that are given up, and for an endpoint that is gone until it is enabled; and can be tried", async () => {
    await open({ ALERT_RULES: "dead, disabled", RETRY_SECONDS: "0", ALERT_FORMAT: "slack" });
    target.answer = (response) => response.writeHead(500).end();
    for (let n = 1; n <= 5; n++) await publish(url, event(n));
    expect(await alerts(1)).toEqual([
      { text: expect.stringMatching(/^Alert: ep_default .* was given up after 2 attempts/) },
    ]);
    await aMinuteLater();
    expect(oncall.received).toHaveLength(1);

    target.answer = (response) => response.writeHead(410).end();
    await publish(url, event(6));
    const [, gone] = await alerts(2);
    expect(gone).toEqual({
      text: expect.stringMatching(/^Alert: ep_default .* was disabled: the endpoint answered 410/),
    });
    target.answer = (response) => response.end("ok");
    await fetch(`${url}/endpoints/ep_default`, {
      method: "PATCH",
      headers: { "content-type": "application/json" },
      body: '{"enabled":true}',
    });
    const [, , again] = await alerts(3);
    expect(again).toEqual({ text: "Over: ep_default is enabled again." });

    const answer = await postJson(`${url}/alerts/test`, "{}");
    expect([answer.status, await answer.json()]).toMatchObject([200, { taken: true, status: 200 }]);
    expect((await alerts(4)).at(-1)).toEqual({ text: "This is a test of the alerts of the sender." });
    oncall.answer = (response) => response.writeHead(404).end("no such hook");
    const refused = await postJson(`${url}/alerts/test`, "{}");
    expect([refused.status, await refused.json()]).toMatchObject([
      502,
      { taken: false, status: 404, response: "no such hook" },
    ]);
    expect(await postedPage("/dashboard/alerts/test")).toMatch(
      /The test was answered with status 404 after \d+ ms: no such hook[\s\S]*Last alert/,
    );
  });
});

describe("alerts of the receiver", () => {
  const FORWARD_SECRET = `whsec_${Buffer.alloc(32, 9).toString("base64")}`;

  it("tell once of refused requests, over a restart too, and say what a test was answered", async () => {
    oncall = await Listener.open();
    target = await Listener.open();
    const stateDir = `${folder.path}/receiver`;
    const root = configuredRoot(`${folder.path}/root`, { secrets: ["FORWARD_SECRET"] });
    const vars = { ALERT_URL: oncall.url, ALERT_RULES: "refused 3", FORWARD_SECRET };
    const begin = async () => {
      sender = await runWorker("receiver", { port, stateDir, root, vars });
    };
    await begin();
    const forge = () => fetch(`${url}/webhook`, { method: "POST", body: "{}", headers: { "webhook-id": "forged" } });
    for (let n = 0; n < 4; n++) expect((await forge()).status).toBe(401);
    const [began] = (await alerts(1)) as Began[];
    expect(began).toMatchObject({ type: "alert.began", data: { rule: "refused", subject: "main", endedAt: null } });
    const [request] = oncall.received;
    expect(new Webhook(FORWARD_SECRET).verify(request?.body ?? "", request?.headers as never)).toEqual(began);

    sender?.kill();
    await sender?.exited;
    await begin();
    for (let n = 0; n < 4; n++) expect((await forge()).status).toBe(401);
    await until("the condition", async () => {
      const { conditions } = (await getJson(`${url}/alerts`)) as { conditions: unknown[] };
      return conditions.length === 1 ? conditions : null;
    });
    oncall.answer = (response) => response.writeHead(418).end("short and stout");
    const tested = await postJson(`${url}/alerts/test`, "{}");
    expect([tested.status, await tested.json()]).toMatchObject([
      502,
      { taken: false, status: 418, response: "short and stout" },
    ]);
    const page = await postedPage("/alerting/test");
    expect(page).toMatch(/The test was answered with status 418 after \d+ ms: short and stout/);
    expect(page).toContain("The log main refuses requests");
    // The test came after all that the restart had to tell: nothing.
    expect((await alerts(3)).map((alert) => (alert as Began).type)).toEqual([
      "alert.began",
      ...["alert.test", "alert.test"],
    ]);
  });
});
