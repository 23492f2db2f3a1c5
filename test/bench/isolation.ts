import { type Limit, textOf } from "./support/limits.ts";
import { percentile } from "./support/percentile.ts";
import { cpuMsOf } from "./support/processor-time.ts";
import type { Pair } from "./support/start.ts";
import { call, drive, print, type Sink, startSink, until } from "./support/tools.ts";

/**
 * `npm run bench isolation`: a healthy endpoint alone, then beside one that hangs, one that refuses connections and one
 * that answers 500. Both take turns for several rounds, each first as often as the other, so that other load on the
 * machine meets both alike. Processor time tells more on a busy machine than latency does.
 */

const STREAM = { connections: 5, amount: 500, ratePerSecond: 50 };
const ROUNDS = 6;
const REFUSING = "http://127.0.0.1:9/refusing"; // the discard port: nobody listens

/** Milliseconds; `cpu` of the processor, NaN where the system does not tell it. */
type Round = { p50: number; p99: number; cpu: number };

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
    const rounds: Record<"alone" | "beside", Round[]> = { alone: [], beside: [] };
    for (let round = 0; round < ROUNDS; round++) {
      for (const kind of round % 2 === 0 ? (["alone", "beside"] as const) : (["beside", "alone"] as const)) {
        await enable(kind === "beside");
        rounds[kind].push(await stream(pair, sink));
      }
    }
    print(`a healthy endpoint under ${STREAM.ratePerSecond} events a second, published to arrived, ${ROUNDS} rounds`);
    summarise("alone", rounds.alone);
    summarise("beside a hanging, a refusing and a failing one", rounds.beside);
    const ratio = (of: keyof Round) => medianOf(rounds.beside, of) / medianOf(rounds.alone, of);
    const limits: Limit[] = [{ what: "ratio of the median p99", value: ratio("p99"), atMost: 1.3 }];
    const cpu = ratio("cpu");
    if (!Number.isNaN(cpu)) limits.push({ what: "ratio of the median processor time", value: cpu, atMost: 1.5 });
    for (const limit of limits) print(`  ${limit.what}: ${textOf(limit)}`);
    return limits;
  } finally {
    sink.close();
  }
}

async function stream(pair: Pair, sink: Sink): Promise<Round> {
  const used = await cpuMsOf(pair.pid);
  await drive({ url: `${pair.urls.sender}/events`, ...STREAM });
  const latencies: number[] = [];
  await until("the healthy endpoint has all", async () => {
    latencies.push(...(await sink.latencies("/ok/healthy")));
    return latencies.length >= STREAM.amount;
  });
  const cpu = ((await cpuMsOf(pair.pid)) ?? Number.NaN) - (used ?? Number.NaN);
  return { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99), cpu };
}

function summarise(name: string, rounds: readonly Round[]): void {
  const all = (of: keyof Round) => rounds.map((round) => round[of].toFixed(0)).join(", ");
  print(`  ${name}: p50 ${all("p50")} ms, p99 ${all("p99")} ms, processor ${all("cpu")} ms`);
}

function medianOf(rounds: readonly Round[], of: keyof Round): number {
  return percentile(
    rounds.map((round) => round[of]),
    0.5,
  );
}
