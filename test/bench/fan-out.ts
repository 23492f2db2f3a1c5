import { type Limit, textOf } from "./support/limits.ts";
import { percentile } from "./support/percentile.ts";
import type { Pair } from "./support/start.ts";
import { call, drive, print, type Sink, startSink, until } from "./support/tools.ts";

/**
 * `npm run bench fan-out`: the time until 1,000 endpoints have one event, while nobody publishes and while others are
 * published, and the latency of publishing those. Also deliveries a second with ten endpoints beside those with one.
 */

const ENDPOINTS = 1000;
const ROUNDS = 3;
const QUIET = { connections: 4, amount: 400, ratePerSecond: 100, type: "quiet.one" };
const BURST = { connections: 20, amount: 2000, ratePerSecond: null };

export async function measureFanOut(pair: Pair): Promise<Limit[]> {
  const sink = await startSink();
  try {
    await measureThroughput(pair, sink);
    await createEndpoints(pair, sink, ENDPOINTS, "fan.out");
    const [alone, during]: [number[][], number[][]] = [[], []];
    const quiet: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      quiet.push(await fanOut(pair, sink, "nobody publishes"));
      alone.push((await drive({ url: `${pair.urls.sender}/events`, ...QUIET })).answers);
      during.push(await publishedDuring(pair, sink));
    }
    const median = (rounds: number[][], share: number) =>
      percentile(
        rounds.map((answers) => percentile(answers, share)),
        0.5,
      );
    const p50 = { during: median(during, 0.5), alone: median(alone, 0.5) };
    const ratio: Limit = {
      what: "p50 of publishing meanwhile",
      value: p50.during / p50.alone,
      atMost: 1.2,
      unit: " times",
    };
    const p99: Limit = { what: "p99 of publishing meanwhile", value: median(during, 0.99), atMost: 100, unit: " ms" };
    const time: Limit = {
      what: `one event to ${ENDPOINTS} endpoints while nobody publishes`,
      value: percentile(quiet, 0.5) / 1000,
      atMost: 4,
      unit: " s",
    };
    print(`  ${time.what}, median of ${ROUNDS} rounds: ${textOf(time)}`);
    print(`  publishing meanwhile, medians of ${ROUNDS} rounds`);
    print(`    p50 ${p50.during.toFixed(1)} ms, alone ${p50.alone.toFixed(1)} ms: ${textOf(ratio)}`);
    print(`    p99 ${textOf(p99)}, alone ${median(alone, 0.99).toFixed(1)} ms`);
    return [time, ratio, p99];
  } finally {
    sink.close();
  }
}

/** Publishes one event for all endpoints. @returns the milliseconds until the last has it */
async function fanOut(pair: Pair, sink: Sink, during: string): Promise<number> {
  const started = Date.now();
  await call(pair, "POST", "/events", { type: "fan.out", data: { sentAt: started } });
  const latencies = await arrivals(sink, "/ok/fan.out", ENDPOINTS);
  const [half, last] = [percentile(latencies, 0.5), Math.max(...latencies)];
  print(`one event to ${ENDPOINTS} endpoints while ${during}: the last has it after ${last} ms, half after ${half} ms`);
  return last;
}

/** Fans one event out while others are published. @returns the latencies of publishing those */
async function publishedDuring(pair: Pair, sink: Sink): Promise<number[]> {
  const [{ answers }] = await Promise.all([
    drive({ url: `${pair.urls.sender}/events`, ...QUIET }),
    fanOut(pair, sink, `${QUIET.ratePerSecond} events a second are published`),
  ]);
  return answers;
}

async function measureThroughput(pair: Pair, sink: Sink): Promise<void> {
  const rates: number[] = [];
  for (const count of [1, 10]) {
    const type = `burst.of${count}`;
    await createEndpoints(pair, sink, count, type);
    const amount = BURST.amount / count;
    const load = await drive({ url: `${pair.urls.sender}/events`, ...BURST, amount, type });
    await arrivals(sink, `/ok/${type}`, BURST.amount);
    rates.push((BURST.amount * 1000) / (Date.now() - load.startedAt));
  }
  const [one = 0, ten = 0] = rates;
  print(
    `deliveries a second: ${one.toFixed(0)} with one endpoint, ${ten.toFixed(0)} with ten (ratio ${(ten / one).toFixed(2)})`,
  );
}

async function createEndpoints(pair: Pair, sink: Sink, count: number, type: string): Promise<void> {
  const numbers = Array.from({ length: count }, (_, index) => index).values();
  const worker = async () => {
    for (const number of numbers) {
      await call(pair, "POST", "/endpoints", { url: `${sink.url}/ok/${type}/${number}`, types: [type] });
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

/** Waits until `count` events have arrived under a path, each once. @returns the latency of each */
async function arrivals(sink: Sink, path: string, count: number): Promise<number[]> {
  const latencies: number[] = [];
  await until(`${count} arrivals at ${path}`, async () => {
    latencies.push(...(await sink.latencies(path)));
    return latencies.length >= count;
  });
  if (latencies.length > count) throw new Error(`${latencies.length} of ${count} arrived at ${path}: some twice`);
  return latencies;
}
