import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { untilHung } from "../../workers/dev/watch.ts";

const PROBES = { everyMs: 20, deadlineMs: 100, silent: 2 };
/** Many probes. */
const LONG_MS = 1500;

type Answer = (response: ServerResponse, probe: number, count: () => void) => void;

/** Watches a server in the Worker's place. Resolves to true when the server hangs; false when not within LONG_MS. */
async function hangs(answer: Answer, { busy = false, exited = new Promise<string>(() => {}) } = {}): Promise<boolean> {
  let answers = 0;
  let probes = 0;
  const count = () => void answers++;
  const server = createServer((_request, response) => answer(response, ++probes, count)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const others = busy ? setInterval(count, PROBES.deadlineMs) : undefined;
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const watching = untilHung({ url, answers: () => answers, exited }, PROBES).then(() => true);
  const hung = await Promise.race([watching, delay(LONG_MS, false)]);
  clearInterval(others);
  server.close();
  server.closeAllConnections();
  return hung;
}

const ok: Answer = (response, _probe, count) => {
  count();
  response.end("ok");
};

const fail: Answer = (response, _probe, count) => {
  count();
  response.writeHead(500).end();
};

test.each<[does: string, hung: boolean, answer: Answer]>([
  ["answers", false, ok],
  ["fails", false, fail],
  ["answers nothing", true, () => {}],
  ["answers once, and then nothing", true, (response, probe, count) => probe === 1 && ok(response, probe, count)],
  ["leaves every second probe out", false, (response, probe, count) => probe % 2 === 0 && ok(response, probe, count)],
  ["refuses connections", true, (response) => response.destroy()],
])("untilHung with a Worker that %s: %s", async (_does, hung, answer) => {
  expect(await hangs(answer)).toBe(hung);
});

test("untilHung takes answers to others for life", async () => {
  expect(await hangs(() => {}, { busy: true })).toBe(false);
});

test("untilHung leaves a Worker that has ended alone", async () => {
  expect(await hangs(() => {}, { exited: Promise.resolve("code 0") })).toBe(false);
});
