import autocannon from "autocannon";

/**
 * The load generator, in a process of its own so that it takes no turn of the Workers' process: reads one
 * `Load` as JSON from its argument, prints one `LoadResult`. Each body carries the time it was sent.
 */
export type Load = {
  url: string;
  connections: number;
  amount: number;
  ratePerSecond: number | null;
  type?: string;
  token: string;
};
/** `answers`: how long each request took to be answered, in milliseconds. */
export type LoadResult = { startedAt: number; endedAt: number; ok: number; failed: number; answers: number[] };

const load = JSON.parse(process.argv[2] ?? "") as Load;
const startedAt = Date.now();
const answers: number[] = [];
const options: autocannon.Options = {
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
        body: JSON.stringify({ type: load.type ?? "bench.sent", data: { sentAt: Date.now(), text: "x".repeat(100) } }),
      }),
    },
  ],
};
const result = await new Promise<autocannon.Result>((resolve, reject) => {
  const running = autocannon(options, (error, ended) => (error === null ? resolve(ended) : reject(error)));
  running.on("response", (_client, _status, _bytes, ms) => answers.push(ms));
});
const ended: LoadResult = {
  startedAt,
  answers,
  endedAt: Date.now(),
  ok: result["2xx"],
  failed: result.non2xx + result.errors + result.timeouts,
};
process.stdout.write(`${JSON.stringify(ended)}\n`);
