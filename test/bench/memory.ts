import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { residentBytes } from "../pair/processes.ts";
import { type Inspector, inspect } from "./support/inspector.ts";
import { type Limit, textOf } from "./support/limits.ts";
import { freePort, prepareWorkers, startHost } from "./support/start.ts";
import { call, driveAll, print, startSink } from "./support/tools.ts";

/**
 * `npm run bench memory`: memory of the sender's isolate while 100,000 events wait for ten endpoints that hardly take
 * any. The most that its heap and array buffers ever hold, garbage included, is held to the limit, as the platform's
 * limit of 128 MB is one of an isolate. The resident size of the processes, with the runtime itself and SQLite's caches
 * in it, is printed beside that of idle ones. Locally all objects share one isolate.
 */

const ENDPOINTS = 10;
const BATCHES = { connections: 2, amount: 1000, batch: 100, ratePerSecond: null };
/** Within the deadline of an attempt, so that none fails. */
const ANSWER_MS = 15_000;
const EVERY_MS = 100;
const MIB = 1024 ** 2;
const TYPE = "bench.waiting";

export async function measureMemory(): Promise<Limit[]> {
  const sink = await startSink();
  const { dir, urls, options } = await prepareWorkers({ WEBHOOK_URL: "" }, { only: ["sender"] });
  const inspectorPort = await freePort();
  const host = await startHost({ ...options, inspectorPort });
  // The isolate answers the inspector once it has run.
  await fetch(`${urls.sender}/health`);
  const inspector = await inspect(inspectorPort, "sender");
  try {
    for (let number = 0; number < ENDPOINTS; number++) {
      await call({ urls }, "POST", "/endpoints", { url: `${sink.url}/wait/${ANSWER_MS}/${number}`, types: [TYPE] });
    }
    const idle = { heap: await inspector.heapBytes(), resident: await residentBytes(host.pid) };
    const sampled = sample(inspector);
    await driveAll({ url: `${urls.sender}/events`, ...BATCHES, type: TYPE });
    await sleep(ANSWER_MS);
    const heap = Math.max(...(await sampled.stop()));
    const taken = (await sink.arrivals("/wait")).length;
    const events = BATCHES.amount * BATCHES.batch;
    print(`${events} events for ${ENDPOINTS} endpoints, which were sent ${taken} of ${ENDPOINTS * events} deliveries`);
    const limit: Limit = { what: "the sender's isolate", value: heap / MIB, atMost: 64, unit: " MiB" };
    print(`  most that ${limit.what} held: ${textOf(limit)}; idle ${(idle.heap / MIB).toFixed(1)} MiB`);
    const resident = [idle.resident, await residentBytes(host.pid)].map((bytes) => ((bytes ?? 0) / MIB).toFixed(0));
    print(`  resident size of its processes: ${resident.join(" MiB idle, then ")} MiB`);
    return [limit];
  } finally {
    inspector.close();
    await host.close();
    sink.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Reads the heap again and again. `stop` answers all that was read, once more at the end. */
function sample(inspector: Inspector): { stop(): Promise<number[]> } {
  const read: number[] = [];
  let stopped = false;
  const run = async () => {
    while (!stopped) {
      read.push(await inspector.heapBytes());
      await sleep(EVERY_MS);
    }
    return [...read, await inspector.heapBytes()];
  };
  const running = run();
  return {
    stop: () => {
      stopped = true;
      return running;
    },
  };
}
