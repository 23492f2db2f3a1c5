import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WorkerProcess } from "../../workers/dev/worker-process.ts";
import { type Delivery, deliveryOf, type EndpointRow, getJson, postJson, publish } from "./client.ts";
import { type Answer, Listener, type Received } from "./listener.ts";
import { until } from "./until.ts";
import { freePorts, runWorker, temporaryFolder, variables } from "./workers.ts";

/** The sender alone, calling a plain listener that fails on purpose. */
const RETRY_SECONDS = "0.3 0.3 0.3 0.3 0.3 0.3 0.3 0.3 0.3";
const JITTER = 0.2;
const ATTEMPTS = 10;
/** The deadline of an attempt, and time to see that it has passed. */
const TIMEOUT_TEST_MS = 40_000;

const folder = temporaryFolder();
let listener: Listener;
let sender: WorkerProcess;
let number = 0;
const newId = () => `test_${++number}`;

/** The answer to each type of event; other types are answered 204. */
const answers: Record<string, Answer> = {
  "once.500": failOnce((response) => response.writeHead(500).end("broken")),
  "once.404": failOnce((response) => response.writeHead(404).end()),
  "once.302": failOnce((response) => response.writeHead(302, { location: "/elsewhere" }).end()),
  "once.cut": failOnce((response) => response.destroy()),
  "once.hang": failOnce(() => {}),
  "always.503": (response) => response.writeHead(503).end("x".repeat(5000)),
};

beforeAll(async () => {
  listener = await Listener.open();
  listener.answer = (response, request, nth) => {
    const { type } = JSON.parse(request.body) as { type: string };
    (answers[type] ?? ((thanked) => thanked.writeHead(204).end()))(response, request, nth);
  };
  const [port = 0] = await freePorts(1);
  sender = await runWorker("sender", {
    ...{ port, stateDir: folder.path },
    vars: { WEBHOOK_URL: listener.url, RETRY_SECONDS },
  });
});

afterAll(async () => {
  await sender.stop();
  await listener.close();
  folder.remove();
});

describe("every request", () => {
  const data = [{ total: 42.5, note: "Grüße ☃ 😀" }, null, "", [], "<&>\u2028", 0].map((value) => ({ value }));

  test.each(data)("with $value is Standard Webhooks to judges of their own", async ({ value }) => {
    const id = newId();
    await publish(sender.url, { id, type: "order.paid", data: value });
    const [request] = (await listener.requests(id)) as [Received];
    const headers = request.headers as Record<string, string>;
    const expected = { type: "order.paid", timestamp: expect.any(String), data: value };
    expect(new StandardWebhook(variables.WEBHOOK_SECRET).verify(request.body, headers)).toEqual(expected);
    new SvixWebhook(variables.WEBHOOK_SECRET).verify(request.body, headers); // throws when it is not genuine
    expect(() => new SvixWebhook(variables.WEBHOOK_SECRET).verify(`${request.body} `, headers)).toThrow();
    expect(headers["content-type"]).toBe("application/json");
    expect(headers["user-agent"]).toMatch(/^workers-webhooks\//);
  });
});

describe("a failed first attempt", () => {
  // This event is published first and waited for last: its deadline passes while the other tests run.
  const hanging = newId();
  beforeAll(() => publish(sender.url, { id: hanging, type: "once.hang", data: 1 }));

  test.each([
    ["once.500", 500, null],
    ["once.404", 404, null],
    ["once.302", 302, null],
    ["once.cut", 0, "connection_failed"],
  ])("%s is retried after RETRY_SECONDS with the same id and bytes", async (type, status, code) => {
    const id = newId();
    await publish(sender.url, { id, type, data: { n: 1 } });
    const [first, second] = (await listener.requests(id, 2)) as [Received, Received];
    expect(second.body).toBe(first.body);
    expect(second.at - first.at).toBeGreaterThanOrEqual(300 * (1 - JITTER));
    for (const { headers, body } of [first, second]) {
      new StandardWebhook(variables.WEBHOOK_SECRET).verify(body, headers as Record<string, string>);
    }
    const delivery = await settled(id);
    expect(delivery).toMatchObject({
      state: "delivered",
      attempts: [
        { status, code },
        { status: 204, code: null },
      ],
    });
  });

  test("a listener that is not there is called again until it is", async () => {
    listener.refuse();
    const response = await postJson(`${sender.url}/trigger?type=refused`, "1");
    expect(response.status).toBe(202);
    const answer = await response.text();
    expect(answer).toMatch(/^Webhook stored, first attempt failed: connection_failed\n$/);
    await listener.listen(listener.port);
    const request = await until("the request", async () => {
      return listener.received.find(({ body }) => body.includes('"refused"')) ?? null;
    });
    const { attempts, state } = await settled(request.id);
    expect(state).toBe("delivered");
    expect(attempts[0]).toMatchObject({ status: 0, code: "connection_failed" });
    expect(attempts.at(-1)).toMatchObject({ status: 204, code: null, nextAttemptAt: null });
  });

  test("gives up after ten attempts, with every one on record", async () => {
    const id = newId();
    await publish(sender.url, { id, type: "always.503", data: 1 });
    const delivery = await settled(id);
    expect(delivery.state).toBe("dead");
    expect(delivery.attempts).toHaveLength(ATTEMPTS);
    expect(delivery.attempts.map(({ status, code }) => [status, code])).toEqual(Array(ATTEMPTS).fill([503, null]));
    expect(listener.received.filter((request) => request.id === id)).toHaveLength(ATTEMPTS);
  });

  test(
    "one that never answers times out, holds up no other, and is retried",
    async () => {
      const [first, second] = (await listener.requests(hanging, 2)) as [Received, Received];
      expect(second.at - first.at).toBeGreaterThan(19_000);
      expect(await settled(hanging)).toMatchObject({
        state: "delivered",
        attempts: [{ status: 0, code: "timeout" }, { status: 204 }],
      });
      expect(await endpoint()).toMatchObject({ lag: 0, retrying: 0 });
    },
    TIMEOUT_TEST_MS,
  );
});

/** Waits until the delivery is neither due nor under way. */
function settled(id: string): Promise<Delivery> {
  return until(`delivery of ${id}`, async () => {
    const delivery = await deliveryOf(sender.url, id);
    return delivery === null || delivery.state === "due" ? null : delivery;
  });
}

async function endpoint(): Promise<EndpointRow | undefined> {
  const { endpoints } = await getJson<{ endpoints: EndpointRow[] }>(`${sender.url}/endpoints`);
  return endpoints.find(({ id }) => id === "ep_default");
}

function failOnce(fail: Answer): Answer {
  return (response, request, nth) => (nth === 1 ? fail(response, request, nth) : response.writeHead(204).end());
}
