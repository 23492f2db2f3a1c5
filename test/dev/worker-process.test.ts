import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WorkerProcess } from "../../workers/dev/worker-process.ts";
import { readLog } from "../pair/client.ts";
import { descendantsOf, stillRunning } from "../pair/processes.ts";
import { until } from "../pair/until.ts";
import { freePorts, runWorker, temporaryFolder } from "../pair/workers.ts";

const folder = temporaryFolder();
let worker: WorkerProcess;
const lines: string[] = [];

beforeAll(async () => {
  const [port = 0] = await freePorts(1);
  worker = await runWorker("receiver", { port, stateDir: folder.path, vars: {}, print: (line) => lines.push(line) });
});
afterAll(async () => {
  await worker.stop();
  folder.remove();
});

/** Kills the workerd that runs the Worker, or wrangler's own in front of it, which has no inspector. */
async function killRuntime(which: "Worker" | "proxy"): Promise<void> {
  const runtimes = (await descendantsOf(worker.pid)).filter(({ command }) => / serve .*entry=127/.test(command));
  const [victim] = runtimes.filter(({ command }) => command.includes("--inspector-addr") === (which === "Worker"));
  expect(victim).toBeDefined();
  process.kill(victim?.pid ?? 0, "SIGKILL");
}

describe("startWorker", () => {
  test("goes on after its runtime crashed", async () => {
    await killRuntime("Worker");
    await until("the crash", async () => lines.find((line) => line.includes("crashed")) ?? null);
    // The first request may still reach the runtime that is gone.
    expect(await until("an answer", () => readLog(worker.url).catch(() => null))).toEqual([]);
  });

  test("ends, with all it started, when wrangler's proxy crashed", async () => {
    const pids = (await descendantsOf(worker.pid)).map(({ pid }) => pid);
    await killRuntime("proxy");
    expect(await worker.exited).toBe("SIGKILL");
    expect(await stillRunning(pids)).toEqual([]);
  });
});
