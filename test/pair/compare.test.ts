import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WorkerProcess } from "../../workers/dev/worker-process.ts";
import { svg } from "../compare/chart.ts";
import { natureOf } from "../compare/nature.ts";
import type { Phase } from "../compare/phases.ts";
import { type Measured, run } from "../compare/run.ts";
import { markdown } from "../compare/table.ts";
import { freePorts, runWorker, temporaryFolder, variables } from "./workers.ts";

/** A small `npm run compare`: all consumers, a few events, twenty times faster. */
const PHASE: Phase = {
  ...{ name: "a few", scale: 20 },
  publishAt: [1000, 3000, 3500, 12_000, 18_000],
  lengthMs: 30_000,
};
const EVENTS = PHASE.publishAt.length;

const folder = temporaryFolder();
const workers: WorkerProcess[] = [];
const measured = new Map<string, Measured>();

beforeAll(async () => {
  const [sender = 0, receiver = 0] = await freePorts(2);
  const vars = { WEBHOOK_URL: `http://127.0.0.1:${receiver}/webhook` };
  const stateDir = folder.path;
  workers.push(
    ...(await Promise.all([
      runWorker("sender", { port: sender, stateDir, vars }),
      runWorker("receiver", { port: receiver, stateDir, vars }),
    ])),
  );
  const [{ url: senderUrl = "" } = {}, { url: receiverUrl = "" } = {}] = workers;
  const pair = { urls: { sender: senderUrl, receiver: receiverUrl }, token: variables.API_TOKEN };
  for (const row of await run(pair, PHASE)) measured.set(row.consumer, row);
});

afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.stop()));
  folder.remove();
});

describe("npm run compare", () => {
  const asked = { calls: "consumer", publicUrl: "no" };
  test.each([
    ["polling, 10 s", { ...asked, flows: "in answers" }],
    ["polling, 1 s", { ...asked, flows: "in answers" }],
    ["long polling", { ...asked, flows: "in answers" }],
    ["SSE", { ...asked, flows: "in an open answer" }],
    ["webhook", { calls: "producer", flows: "in requests", publicUrl: "yes" }],
  ])("counts at the sockets of %s what it is", (name, nature) => {
    const row = measured.get(name);
    expect(row).toMatchObject({ events: EVENTS, consumer: name });
    expect(row && natureOf(row)).toEqual(nature);
  });

  test("tells what was asked for from what came", () => {
    const of = (name: string) => measured.get(name) as Measured;
    for (const name of ["polling, 10 s", "polling, 1 s", "long polling"]) {
      // All but those that brought an event, and one that is under way.
      const { requests, empty } = of(name);
      expect(empty).toBeLessThan(requests);
      expect(empty).toBeGreaterThanOrEqual(requests - EVENTS - 1);
    }
    expect(of("polling, 1 s").requests).toBeGreaterThan(of("polling, 10 s").requests);
    expect(of("polling, 10 s").p50).toBeGreaterThan(of("polling, 1 s").p50);
    expect(of("webhook")).toMatchObject({ requests: EVENTS, empty: 0, opened: 0, brought: { request: EVENTS } });
    expect(of("SSE")).toMatchObject({ requests: 1, empty: 0, opened: 1 });
    for (const { bytesIn, bytesOut, requests } of measured.values()) {
      // A request's own head is more than this, and so is what every event says of itself.
      expect(bytesOut).toBeGreaterThan(60 * requests);
      expect(bytesIn).toBeGreaterThan(150 * EVENTS);
    }
  });

  test("shows it as tables and a picture", () => {
    const results = [{ phase: PHASE, measured: [...measured.values()] }];
    const lines = markdown(results, "").split("\n");
    expect(lines.find((line) => line.startsWith("| webhook"))).toMatch(
      /^\| webhook +\| 0 +\| [1-9]\d* +\| producer +\| in requests +\| \d+ +\| \d+ +\| yes +\|$/,
    );
    expect(lines.find((line) => line.startsWith("| SSE"))).toMatch(/\| consumer +\| in an open answer +\|.*\| no +\|$/);
    const picture = svg(results);
    expect(picture).toContain("producer calls, events in requests: needs a public URL</text>");
    expect(picture.match(/text-anchor="end"/g)).toHaveLength(measured.size);
    expect(picture).not.toMatch(/NaN|undefined|Infinity/);
  });
});
