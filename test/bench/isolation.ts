import { type Limit, textOf } from "./support/limits.ts";
import { percentile } from "./support/percentile.ts";
import type { Pair } from "./support/start.ts";
import { call, drive, print, type Sink, startSink, until } from "./support/tools.ts";

/**
 * `npm run bench isolation`: a healthy endpoint alone, then beside one that hangs, one that refuses connections and one
 * that answers 500. Both take turns for several rounds, so that other load on the machine meets both alike.
 */

const STREAM = { connections: 5, amount: 500, ratePerSecond: 50 };
const ROUNDS = 5;
const REFUSING = "http://127.0.0.1:9/refusing"; // the discard port: nobody listens

type Percentiles = { p50: number; p99: number };

export async function measureIsolation(pair: Pair): Promise<Limit[]> {
  const sink = await startSink();
  try {
    await call(pair, "POST", "/endpoints", { url: `${sink.url}/ok/healthy` });
    const sick: string[] = [];
    for (const url of [`${sink.url}/hang`, REFUSING, `${sink.url}/fail`]) {
      const { id } = (await call(pair, "POST", "/endpoints", { url })) as { id: string };
      sick.push(id);
    }
    const enable = (enabled: boolean) =>
      Promise.all(sick.map((id) => call(pair, "PATCH", `/endpoints/${id}`, { enabled })));
    const [alone, beside]: [Percentiles[], Percentiles[]] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      await enable(false);
      alone.push(await stream(pair, sink));
      await enable(true);
      beside.push(await stream(pair, sink));
    }
    print(`a healthy endpoint under ${STREAM.ratePerSecond} events a second, published to arrived, ${ROUNDS} rounds`);
    const [without, within] = [
      summarise("alone", alone),
      summarise("beside a hanging, a refusing and a failing one", beside),
    ];
    const ratio: Limit = { what: "ratio of the median p99", value: within / without, atMost: 1.3 };
    print(`  ${ratio.what}: ${textOf(ratio)}`);
    return [ratio];
  } finally {
    sink.close();
  }
}

async function stream(pair: Pair, sink: Sink): Promise<Percentiles> {
  await drive({ url: `${pair.urls.sender}/events`, ...STREAM });
  const latencies: number[] = [];
  await until("the healthy endpoint has all", async () => {
    latencies.push(...(await sink.latencies("/ok/healthy")));
    return latencies.length >= STREAM.amount;
  });
  return { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) };
}

/** Prints the rounds. @returns the median of their p99 */
function summarise(name: string, rounds: readonly Percentiles[]): number {
  const all = (values: number[]) => values.map((ms) => ms.toFixed(0)).join(", ");
  print(`  ${name}: p50 ${all(rounds.map(({ p50 }) => p50))} ms, p99 ${all(rounds.map(({ p99 }) => p99))} ms`);
  return percentile(
    rounds.map(({ p99 }) => p99),
    0.5,
  );
}
