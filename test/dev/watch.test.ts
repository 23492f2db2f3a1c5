import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { untilHung } from "../../workers/dev/watch.ts";

const PROBES = { everyMs: 20, deadlineMs: 100, silent: 2, beatMs: 10, starvedShare: 0.4, starvedWeight: 0.01 };
/** Many probes. */
const LONG_MS = 1500;
/** Time that a hang may take to be noticed, on a machine that others keep busy. */
const NOTICED_MS = 10_000;

type Answer = (response: ServerResponse, probe: number, count: () => void) => void;

/** Watches a server in the Worker's place. Resolves to true when the server hangs; false when not within `ms`. */
async function hangs(
  answer: Answer,
  { busy = false, exited = new Promise<string>(() => {}), ms = LONG_MS, probes = PROBES } = {},
): Promise<boolean> {
  let answers = 0;
  let probed = 0;
  const count = () => void answers++;
  const server = createServer((_request, response) => answer(response, ++probed, count)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const others = busy ? setInterval(count, PROBES.deadlineMs) : undefined;
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const watching = untilHung({ url, answers: () => answers, exited }, probes).then(() => true);
  const hung = await Promise.race([watching, delay(ms, false)]);
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
  expect(await hangs(answer, { ms: hung ? NOTICED_MS : LONG_MS })).toBe(hung);
});

/** Keeps this thread busy most of the time, so that its timers come late, as on a machine that others keep busy. */
function starve(): Disposable {
  const timer = setInterval(() => {
    for (const until = performance.now() + 60; performance.now() < until; );
  }, 5);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

test("untilHung takes no silence for a hang while our own timers come late", async () => {
  using _starved = starve();
  expect(await hangs(() => {})).toBe(false);
});

test("untilHung notices a hang once the machine has time again", async () => {
  const starved = starve();
  setTimeout(() => starved[Symbol.dispose](), LONG_MS);
  expect(await hangs(() => {}, { ms: LONG_MS + NOTICED_MS })).toBe(true);
});

test("untilHung calls a silence that lasts a hang, whatever the machine does", async () => {
  using _starved = starve();
  expect(await hangs(() => {}, { ms: NOTICED_MS, probes: { ...PROBES, starvedWeight: 0.5 } })).toBe(true);
});

test("untilHung takes answers to others for life", async () => {
  expect(await hangs(() => {}, { busy: true })).toBe(false);
});

test("untilHung leaves a Worker that has ended alone", async () => {
  expect(await hangs(() => {}, { exited: Promise.resolve("code 0") })).toBe(false);
});
