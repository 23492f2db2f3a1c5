import { request as httpRequest } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { getJson, postJson, readBody, readLog } from "../pair/client.ts";
import { descendantsOf, stillRunning } from "../pair/processes.ts";
import { freePorts, temporaryFolder, variables } from "../pair/workers.ts";
import { NpmStart, pairOfPorts } from "./npm-start.ts";

/** The pair after `npm start`, over real HTTP. */

const PERIOD_SECONDS = 2;
const LATE_MS = 1000;

const folder = temporaryFolder();
let pair: NpmStart;
let env: Record<string, string>;
let sender: string;
let receiver: string;

beforeAll(async () => {
  const [senderPort = 0, receiverPort = 0] = await freePorts(2);
  sender = `http://localhost:${senderPort}`;
  receiver = `http://localhost:${receiverPort}`;
  env = {
    SENDER_PORT: String(senderPort),
    RECEIVER_PORT: String(receiverPort),
    STATE_DIR: folder.path,
    PERIODIC_SECONDS: String(PERIOD_SECONDS),
    WEBHOOK_URL: `${receiver}/webhook`,
  };
  pair = new NpmStart(env);
  await pair.printed(/Ctrl-C stops everything/);
});

// This is an assertion too: Ctrl-C ends everything, in order.
afterAll(async () => {
  const processes = (await descendantsOf(pair.pid)).map(({ pid }) => pid);
  const before = pair.lines.length;
  pair.signal("SIGINT");
  expect(await pair.exited).toBe(0);
  expect(pair.lines.slice(before).filter((line) => !/^(sender {3}|receiver|clock {4}) \| \{/.test(line))).toEqual([
    "Stopping…",
  ]);
  expect(processes.length).toBeGreaterThan(4);
  expect(await stillRunning(processes)).toEqual([]);
  folder.remove();
});

describe("/trigger", () => {
  test("answers when the event is delivered, logged, shown and printed", async () => {
    const response = await fetch(`${sender}/trigger`);
    expect({ status: response.status, text: await response.text() }).toEqual({
      status: 200,
      text: "Webhook sent, status: 200\n",
    });
    const { events } = await getJson<{ events: { seq: number; id: string; verification: string }[] }>(
      `${receiver}/events`,
    );
    const bodies = await Promise.all(events.map(async ({ seq }) => JSON.parse(await readBody(receiver, seq))));
    const found = bodies.findIndex(({ type, data }) => type === "value.changed" && data.value >= 1);
    expect(bodies[found].data).toEqual({ timestamp: expect.any(Number), value: expect.any(Number) });
    expect(events[found]).toMatchObject({ verification: "verified" });
    await pair.printed(new RegExp(`^receiver \\| .*"event.received".*"${events[found]?.id}"`));
    await pair.printed(new RegExp(`^sender +\\| .*"attempt.made".*"${events[found]?.id}".*"status":200`));
  });

  test("answers JSON to who asks for it", async () => {
    const response = await fetch(`${sender}/trigger`, { headers: { accept: "application/json" } });
    expect(await response.json()).toEqual({
      id: expect.stringMatching(/^msg_/),
      seq: expect.any(Number),
      endpoints: [{ endpointId: "ep_default", state: "delivered", status: 200, code: null }],
    });
  });

  test.each([
    ['{"total":42.50,"note":"Grüße, \\u2603 \\ud83d\\ude00"}', "order.paid"],
    ['[1, 2 ,{"a":null}]', "list"],
    ['"text"', "a.b.c"],
    ["12345678901234567890", "big"],
    ["null", "nothing"],
  ])("POST sends %s as it was written", async (data, type) => {
    const response = await postJson(`${sender}/trigger?type=${type}`, data);
    expect(await response.text()).toBe("Webhook sent, status: 200\n");
    const event = (await readLog(receiver)).find((entry) => entry.type === type);
    const body = await readBody(receiver, event?.seq ?? 0);
    expect(body).toMatch(/^\{"type":"[a-z.]+","timestamp":"[^"]+","data":/);
    expect(body.endsWith(`"data":${data}}`)).toBe(true);
  });
});

describe("the clock", () => {
  test("publishes every PERIODIC_SECONDS, on time, and once however often a tick is fired", async () => {
    const tick = `${sender}/cdn-cgi/local/scheduled?time=${Date.now()}`;
    expect(await Promise.all([tick, tick, tick].map(async (url) => (await fetch(url)).status))).toEqual([
      200, 200, 200,
    ]);
    const before = (await pair.printed(/"event.released"/)).length;
    await pair.printed(/"event.released"/, before + 2);
    const released = (await readLog(receiver)).filter(({ type }) => type === "value.changed");
    const dueTimes: number[] = [];
    for (const { seq, receivedAt } of released) {
      const { timestamp, data } = JSON.parse(await readBody(receiver, seq));
      const due = Date.parse(timestamp);
      if (due % (PERIOD_SECONDS * 1000) !== 0 || data.timestamp !== due / 1000) continue; // a bare /trigger
      dueTimes.push(due);
      expect(Date.parse(receivedAt) - due).toBeLessThan(LATE_MS);
      expect(Date.parse(receivedAt) - due).toBeGreaterThanOrEqual(0);
    }
    expect(dueTimes.length).toBeGreaterThanOrEqual(2);
    // Consecutive times: none is missing, and none came twice.
    for (const [index, due] of dueTimes.slice(1).entries()) {
      expect(due - (dueTimes[index] ?? 0)).toBe(PERIOD_SECONDS * 1000);
    }
  });
});

type Asked = [
  ...[name: string, worker: "sender" | "receiver", method: string, path: string, headers: Record<string, string>],
  ...[status: number, code: string | null],
];

describe("the API token", () => {
  const json = { "content-type": "application/json" };

  test.each<Asked>([
    ["a program here", "sender", "GET", "/endpoints", {}, 200, null],
    ["a program here", "receiver", "GET", "/events", {}, 200, null],
    ["our own page", "sender", "GET", "/endpoints", { "sec-fetch-site": "same-origin" }, 200, null],
    [
      "a foreign origin",
      "sender",
      "GET",
      "/trigger?type=forged",
      { origin: "https://evil.example" },
      401,
      "token_required",
    ],
    ["a foreign origin", "receiver", "GET", "/events", { origin: "https://evil.example" }, 401, "token_required"],
    [
      "the other Worker's page",
      "sender",
      "POST",
      "/trigger?type=forged",
      { origin: "RECEIVER" },
      401,
      "token_required",
    ],
    [
      "a page without Origin",
      "sender",
      "GET",
      "/trigger?type=forged",
      { "sec-fetch-site": "cross-site" },
      401,
      "token_required",
    ],
    ["a proxy", "sender", "GET", "/trigger?type=forged", { "x-forwarded-for": "203.0.113.9" }, 401, "token_required"],
    ["a proxy", "receiver", "GET", "/events", { forwarded: "for=203.0.113.9" }, 401, "token_required"],
    ...["via", "x-real-ip", "cf-ray", "true-client-ip"].map((name): Asked => {
      return [`a proxy by ${name}`, "sender", "GET", "/trigger?type=forged", { [name]: "1" }, 401, "token_required"];
    }),
    ["Cloudflare", "receiver", "GET", "/events", { "cf-connecting-ip": "203.0.113.9" }, 401, "token_required"],
    ["a rebound name", "sender", "GET", "/trigger?type=forged", { host: "evil.example" }, 401, "token_required"],
    ...["SENDER/trigger?type=forged", "SENDER/endpoints/ep_default/secret", "http://localhost/", "a"].map(
      (url): Asked => {
        const headers = { host: "evil.example", "mf-original-url": url };
        return [`a rebound name and ${url}`, "sender", "GET", "/trigger?type=forged", headers, 401, "token_required"];
      },
    ),
    ["a name of wrangler's", "receiver", "GET", "/events", { "mf-original-url": "RECEIVER/" }, 401, "token_required"],
    [
      "a made up proof",
      "receiver",
      "GET",
      "/events",
      { host: "a.example", "x-local-proof": "a" },
      401,
      "token_required",
    ],
    ["a rebound name", "receiver", "GET", "/events", { host: "evil.example" }, 401, "token_required"],
    [
      "a form of another page",
      "sender",
      "POST",
      "/trigger?type=forged",
      { "content-type": "text/plain" },
      415,
      "unsupported_media_type",
    ],
    [
      "a form of another page",
      "sender",
      "POST",
      "/events",
      { "content-type": "text/plain" },
      415,
      "unsupported_media_type",
    ],
    ["a wrong token", "sender", "GET", "/endpoints", { authorization: "Bearer no" }, 401, "token_wrong"],
    ["a wrong token", "receiver", "GET", "/events", { authorization: "Bearer no" }, 401, "token_wrong"],
    [
      "the token, from anywhere",
      "sender",
      "GET",
      "/endpoints",
      { authorization: "TOKEN", host: "a.example" },
      200,
      null,
    ],
    [
      "the token, from anywhere",
      "receiver",
      "GET",
      "/events",
      { authorization: "TOKEN", host: "a.example" },
      200,
      null,
    ],
    ["no signature", "receiver", "POST", "/webhook", json, 401, "invalid_signature"],
  ])("%s: %s %s %s %j answers %d", async (_, worker, method, path, headers, status, code) => {
    const sent = Object.entries(headers).map(([name, value]) => [
      name,
      value.replace("RECEIVER", receiver).replace("SENDER", sender),
    ]);
    const given = Object.fromEntries(sent.map(([name, value]) => [name, value === "TOKEN" ? bearer : value]));
    const before = (await readLog(receiver)).filter(({ type }) => type === "forged").length;
    const answer = await send(`${worker === "sender" ? sender : receiver}${path}`, method, given);
    expect({ status: answer.status, code: answer.code }).toEqual({ status, code });
    expect((await readLog(receiver)).filter(({ type }) => type === "forged").length).toBe(before);
  });
});

describe("npm start", () => {
  test.each(["SENDER_PORT", "RECEIVER_PORT"])("names %s in one line when that port is busy", async (name) => {
    const [free = 0] = await freePorts(1);
    const other = name === "SENDER_PORT" ? "RECEIVER_PORT" : "SENDER_PORT";
    const another = new NpmStart({ ...env, [other]: String(free) });
    expect(await another.exited).toBe(1);
    const busy = Number(env[name]);
    expect(another.lines).toEqual([
      `Port ${busy} is in use. Stop what listens there, or choose another: ${name}=${busy + 1} npm start`,
    ]);
  });

  test("ends in one line when its state is in use, and leaves that as it is", async () => {
    const before = (await readLog(receiver)).length;
    const more = Array.from({ length: 3 }, async () => new NpmStart({ ...env, ...(await pairOfPorts()) }));
    for (const another of await Promise.all(more)) {
      expect(await another.exited).toBe(1);
      expect(another.lines).toEqual([
        `${folder.path} is in use by another \`npm start\` (process ${pair.pid}). ` +
          "Stop that one, or set STATE_DIR to another folder.",
      ]);
    }
    expect((await readLog(receiver)).length).toBeGreaterThanOrEqual(before);
  });
});

const bearer = `Bearer ${variables.API_TOKEN}`;

/** Sends as curl does: unlike `fetch`, with any Host and Origin. */
async function send(url: string, method: string, headers: Record<string, string>) {
  const body = method === "POST" ? '{"type":"forged","data":1}' : undefined;
  const length = body === undefined ? {} : { "content-length": String(body.length) };
  const answer = await new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
    const request = httpRequest(url, { method, headers: { ...headers, ...length } }, (response) => {
      text(response).then((read) => resolve({ status: response.statusCode, text: read }), reject);
    });
    request.on("error", reject);
    request.end(body);
  });
  return { status: answer.status, code: (JSON.parse(answer.text) as { code?: string }).code ?? null };
}
