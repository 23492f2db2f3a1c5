import { createHmac, randomUUID } from "node:crypto";
import autocannon from "autocannon";

/**
 * The load generator, in a process of its own, so that it takes no time from the Workers' process. Reads one `Load` as
 * JSON from its argument and prints one `LoadResult`. Each body carries the time it was sent. With a `secret` each
 * request is a genuine webhook, signed before the clock starts.
 */

export type Load = {
  url: string;
  connections: number;
  amount: number;
  ratePerSecond: number | null;
  type?: string;
  /** Carried by each body; 100 characters when left out. */
  text?: string;
  secret?: string;
  token: string;
};
/** `answers`: milliseconds until each request was answered. */
export type LoadResult = { startedAt: number; endedAt: number; ok: number; failed: number; answers: number[] };

const load = JSON.parse(process.argv[2] ?? "") as Load;
const { secret } = load;
const prepared = Array.from({ length: secret === undefined ? 0 : load.amount }, () => {
  const text = body();
  return { body: text, headers: signed(text, secret ?? "") };
});
const answers: number[] = [];
const startedAt = Date.now();
// The generator notices only once a second that it is done.
let endedAt = startedAt;
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
      setupRequest: (request) => {
        const made = prepared.pop() ?? { body: body(), headers: {} };
        return { ...request, body: made.body, headers: { ...request.headers, ...made.headers } };
      },
    },
  ],
};

const result = await new Promise<autocannon.Result>((resolve, reject) => {
  const running = autocannon(options, (error, ended) => (error === null ? resolve(ended) : reject(error)));
  running.on("response", (_client, _status, _bytes, ms) => {
    answers.push(ms);
    endedAt = Date.now();
  });
});
const ended: LoadResult = {
  startedAt,
  answers,
  endedAt,
  ok: result["2xx"],
  failed: result.non2xx + result.errors + result.timeouts,
};
process.stdout.write(`${JSON.stringify(ended)}\n`);

function body(): string {
  const data = { sentAt: Date.now(), text: load.text ?? "x".repeat(100) };
  return JSON.stringify({ type: load.type ?? "bench.sent", data });
}

function signed(body: string, secret: string): Record<string, string> {
  const [id, timestamp] = [`msg_${randomUUID()}`, String(Math.floor(Date.now() / 1000))];
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": `v1,${signature}` };
}
