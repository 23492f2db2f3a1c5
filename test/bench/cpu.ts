import { setTimeout as sleep } from "node:timers/promises";
import { type Limit, textOf } from "./support/limits.ts";
import { cpuMsOf } from "./support/processor-time.ts";
import type { Pair } from "./support/start.ts";
import { call, driveAll, print, type Sink, startSink, until } from "./support/tools.ts";

/** `npm run bench cpu`: the processor time of the sender alone, with all of its processes, for one event. */

const TYPE = "bench.sent";
const EVENTS = 5000;
const WARM_UP = 1000;
/** With the rest of an event, 200 bytes. */
const TEXT = "x".repeat(140);
/** Time in which the last deliveries are written down. */
const SETTLE_MS = 1000;
const AT_MOST = 0.9;

export async function measureCpu(pair: Pair): Promise<Limit[]> {
  if ((await cpuMsOf(pair.pid)) === null) {
    print("skipped: this system does not tell the processor time of other processes");
    return [];
  }
  const sink = await startSink();
  try {
    await call(pair, "POST", "/endpoints", { url: `${sink.url}/ok`, types: [TYPE] });
    await deliver(pair, sink, WARM_UP);
    const used = await cpuSecondsOf(pair);
    await deliver(pair, sink, EVENTS);
    const seconds = ((await cpuSecondsOf(pair)) - used) / (EVENTS / 1000);
    const limit: Limit = { what: "processor seconds for 1,000 events", value: seconds, atMost: AT_MOST, unit: " s" };
    print(`${limit.what}, published one by one and delivered: ${textOf(limit)}`);
    return [limit];
  } finally {
    sink.close();
  }
}

async function deliver(pair: Pair, sink: Sink, amount: number): Promise<void> {
  const load = { connections: 50, amount, ratePerSecond: null, type: TYPE, text: TEXT };
  await driveAll({ url: `${pair.urls.sender}/events`, ...load });
  let arrived = 0;
  await until(`${amount} events delivered`, async () => {
    arrived += (await sink.arrivals("/ok")).length;
    return arrived >= amount;
  });
  await sleep(SETTLE_MS);
}

async function cpuSecondsOf({ pid }: Pair): Promise<number> {
  return ((await cpuMsOf(pid)) ?? Number.NaN) / 1000;
}
