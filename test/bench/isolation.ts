import { call, drive, percentile, print, startSink, until } from "./tools.ts";
import type { Pair } from "./workers.ts";

/** A healthy endpoint alone, then beside one that hangs, one that refuses connections and one that answers 500. */
const STREAM = { connections: 5, amount: 1000, ratePerSecond: 50 };
const REFUSING = "http://127.0.0.1:9/refusing"; // the discard port: nobody listens

export async function measureIsolation(pair: Pair): Promise<void> {
  const sink = await startSink();
  try {
    await call(pair, "POST", "/endpoints", { url: `${sink.url}/ok/healthy` });
    const stream = async () => {
      await drive({ url: `${pair.urls.sender}/events`, ...STREAM });
      const latencies: number[] = [];
      await until("the healthy endpoint has all", async () => {
        latencies.push(...(await sink.latencies("/ok/healthy")));
        return latencies.length >= STREAM.amount;
      });
      return latencies;
    };
    const alone = await stream();
    for (const url of [`${sink.url}/hang`, REFUSING, `${sink.url}/fail`])
      await call(pair, "POST", "/endpoints", { url });
    const beside = await stream();
    const p99 = [alone, beside].map((latencies) => percentile(latencies, 0.99));
    const p50 = [alone, beside].map((latencies) => percentile(latencies, 0.5));
    print(`a healthy endpoint under ${STREAM.ratePerSecond} events a second, published to arrived`);
    print(`  alone: p50 ${p50[0]} ms, p99 ${p99[0]} ms`);
    print(`  beside a hanging, a refusing and a failing one: p50 ${p50[1]} ms, p99 ${p99[1]} ms`);
    print(`  ratio of the p99: ${((p99[1] ?? 0) / (p99[0] ?? 1)).toFixed(2)} (2 is the limit)`);
  } finally {
    sink.close();
  }
}
