import { setTimeout as sleep } from "node:timers/promises";
import { childrenCpuMs } from "../support/processor-time.ts";
import { type Pair, SECRET } from "../support/start.ts";
import { call, driveAll, type Sink, until } from "../support/tools.ts";
import type { Operations } from "../workers/meter.ts";
import { type Bill, billOf } from "./prices.ts";

/** Loads whose operations are counted: of the sender with its endpoints, and of the receiver. */

/** Endpoints that take `ms` to answer. */
export type Endpoints = { ms: number; count: number };

/** Time in which the last deliveries are written down. */
const SETTLE_MS = 500;
const BUSY = { connections: 4, amount: 200, ratePerSecond: 10 };

/** Counts what an event costs the sender at ten events a second. */
export function busySender(pair: Pair, sink: Sink, endpoints: Endpoints): Promise<Bill> {
  return withEndpoints(pair, sink, endpoints, async (type, path) => {
    await publishOne(pair, type);
    await arrived(sink, path, endpoints.count);
    await sleep(endpoints.ms + SETTLE_MS);
    return countedDuring(pair, "sender", BUSY.amount, async () => {
      await driveAll({ url: `${pair.urls.sender}/events`, ...BUSY, type });
      await arrived(sink, path, BUSY.amount * endpoints.count);
      await sleep(endpoints.ms + SETTLE_MS);
    });
  });
}

/** Counts what an event costs the sender when each is delivered before the next is published. */
export function calmSender(pair: Pair, sink: Sink, endpoints: Endpoints, events: number): Promise<Bill> {
  return withEndpoints(pair, sink, endpoints, async (type, path) =>
    countedDuring(pair, "sender", events, async () => {
      for (let published = 0; published < events; published++) {
        await publishOne(pair, type);
        await arrived(sink, path, endpoints.count);
        await sleep(endpoints.ms + 30);
      }
    }),
  );
}

/** Counts what an event costs the receiver, its segments in KV included. */
export function receiver(pair: Pair, load: { amount: number; ratePerSecond: number }, drainMs: number): Promise<Bill> {
  const url = `${pair.urls.receiver}/webhook`;
  return countedDuring(pair, "receiver", load.amount, async () => {
    await driveAll({ url, connections: 4, ...load, secret: SECRET });
    await sleep(drainMs);
  });
}

async function withEndpoints(
  pair: Pair,
  sink: Sink,
  { ms, count }: Endpoints,
  run: (type: string, path: string) => Promise<Bill>,
): Promise<Bill> {
  const type = `cost.of${ms}.with${count}`;
  const path = `/wait/${ms}/${type}`;
  const ids: string[] = [];
  for (let number = 0; number < count; number++) {
    const made = await call(pair, "POST", "/endpoints", { url: `${sink.url}${path}/${number}`, types: [type] });
    ids.push((made as { id: string }).id);
  }
  const bill = await run(type, path);
  for (const id of ids) await call(pair, "DELETE", `/endpoints/${id}`);
  return bill;
}

function publishOne(pair: Pair, type: string): Promise<unknown> {
  return call(pair, "POST", "/events", { type, data: { sentAt: Date.now(), text: "x".repeat(100) } });
}

async function arrived(sink: Sink, path: string, wanted: number): Promise<void> {
  let count = 0;
  await until(`${wanted} arrivals at ${path}`, async () => {
    count += (await sink.arrivals(path)).length;
    return count >= wanted;
  });
}

async function countedDuring(
  pair: Pair,
  side: "sender" | "receiver",
  events: number,
  run: () => Promise<void>,
): Promise<Bill> {
  const before = await read(pair, side);
  await run();
  return billOf(before, await read(pair, side), events);
}

async function read(pair: Pair, side: "sender" | "receiver"): Promise<Bill> {
  const response = await fetch(`${pair.urls[side]}/measured/operations`);
  return { ...((await response.json()) as Operations), cpuMs: childrenCpuMs(pair.pid) ?? Number.NaN };
}
