import autocannon from "autocannon";

/**
 * The load generator, in a process of its own so that it takes no turn of the Workers' process: reads one
 * `Load` as JSON from its argument, prints one `LoadResult`. Each body carries the time it was sent.
 */
export type Load = { url: string; connections: number; amount: number; ratePerSecond: number | null; token: string };
export type LoadResult = { startedAt: number; endedAt: number; ok: number; failed: number };

const load = JSON.parse(process.argv[2] ?? "") as Load;
const startedAt = Date.now();
const result = await autocannon({
  url: load.url,
  connections: load.connections,
  amount: load.amount,
  timeout: 60,
  ...(load.ratePerSecond === null ? {} : { overallRate: load.ratePerSecond }),
  method: "POST",
  headers: { "content-type": "application/json", authorization: `Bearer ${load.token}` },
  requests: [
    {
      setupRequest: (request) => ({
        ...request,
        body: JSON.stringify({ type: "bench.sent", data: { sentAt: Date.now(), text: "x".repeat(100) } }),
      }),
    },
  ],
});
const ended: LoadResult = {
  startedAt,
  endedAt: Date.now(),
  ok: result["2xx"],
  failed: result.non2xx + result.errors + result.timeouts,
};
process.stdout.write(`${JSON.stringify(ended)}\n`);
