import autocannon from "autocannon";
import { rushed, steadily } from "./steady.ts";
import { signed, signedForGithub } from "./webhook.ts";

/**
 * The load generator, in a process of its own, so that it takes no time from the Workers' process. Reads one `Load` as
 * JSON from its argument and prints one `LoadResult`. Each event carries the time it was sent. With a `secret` each
 * request is a genuine webhook, signed before the clock starts.
 */

/** `amount`: requests. `ratePerSecond`: null for as many as `connections` carry one after the other. */
export type Load = {
  url: string;
  connections: number;
  amount: number;
  ratePerSecond: number | null;
  type?: string;
  /** Carried by each event; 100 characters when left out. */
  text?: string;
  /** Events of one request, as an array; one without an array when left out. */
  batch?: number;
  secret?: string;
  /** The signature of a genuine webhook: Standard Webhooks when left out. */
  scheme?: "standard" | "github";
  /** True for a server that may close after each answer, which the faster generator does not take. */
  closing?: boolean;
  token: string;
};
/** `answers`: milliseconds until each request was answered. */
export type LoadResult = { startedAt: number; endedAt: number; ok: number; failed: number; answers: number[] };

type Made = { body: string; headers: Record<string, string> };

const load = JSON.parse(process.argv[2] ?? "") as Load;
const { url, amount, connections, ratePerSecond, secret } = load;
const common = { "content-type": "application/json", authorization: `Bearer ${load.token}` };
const prepared = Array.from({ length: secret === undefined ? 0 : amount }, () => {
  const text = body();
  return {
    body: text,
    headers: { ...common, ...(load.scheme === "github" ? signedForGithub : signed)(text, secret ?? "") },
  };
});
const next = (): Made => prepared.pop() ?? { body: body(), headers: common };

const result = await (load.closing || ratePerSecond !== null ? plainly() : burst());
process.stdout.write(`${JSON.stringify(result)}\n`);

async function burst(): Promise<LoadResult> {
  const answers: number[] = [];
  const startedAt = Date.now();
  // The generator notices only once a second that it is done.
  let endedAt = startedAt;
  const setupRequest = (request: autocannon.Request) => ({ ...request, ...next() });
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const running = autocannon(
      { url, connections, amount, timeout: 60, method: "POST", requests: [{ setupRequest }] },
      (error, ended) => (error === null ? resolve(ended) : reject(error)),
    );
    running.on("response", (_client, _status, _bytes, ms) => {
      answers.push(ms);
      endedAt = Date.now();
    });
  });
  const failed = result.non2xx + result.errors + result.timeouts;
  return { startedAt, endedAt, answers, ok: result["2xx"], failed };
}

async function plainly(): Promise<LoadResult> {
  const startedAt = Date.now();
  const make = () => ({ url, ...next() });
  const answers =
    ratePerSecond === null ? await rushed(amount, connections, make) : await steadily(amount, ratePerSecond, make);
  const ok = answers.filter(({ status }) => status >= 200 && status < 300).length;
  const endedAt = Math.max(...answers.map((answer) => answer.endedAt));
  return { startedAt, endedAt, answers: answers.map(({ ms }) => ms), ok, failed: amount - ok };
}

function body(): string {
  const data = { sentAt: Date.now(), text: load.text ?? "x".repeat(100) };
  const event = { type: load.type ?? "bench.sent", data };
  return JSON.stringify(load.batch === undefined ? event : Array.from({ length: load.batch }, () => event));
}
