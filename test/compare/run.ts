import { setTimeout as delay } from "node:timers/promises";
import { percentile } from "../bench/tools.ts";
import { type Pair, TOKEN } from "../bench/workers.ts";
import { type Consumer, longPolling, polling, type Seen, type Source, streaming, type Tally } from "./consumers.ts";
import type { Phase } from "./phases.ts";
import { webhook } from "./webhook.ts";
import { Wire } from "./wire.ts";

/** What one consumer did and saw in one phase. Times in milliseconds, sizes in bytes. */
export type Measured = Tally & { consumer: string; events: number; p50: number; p99: number };

type Making = { pair: Pair; heads: { sender: number; receiver: number }; phase: Phase; wire: Wire; seen: Seen };

const JSON_TYPE = { "content-type": "application/json" };
const AUTHORIZATION = { authorization: `Bearer ${TOKEN}` };

/** Real time for what is on its way when a phase is over. */
const GRACE_MS = 500;

/** In the order they are shown. */
const CONSUMERS: Record<string, (making: Making) => Consumer | Promise<Consumer>> = {
  "polling, 10 s": (making) => polling(atSender(making), 10_000),
  "polling, 1 s": (making) => polling(atSender(making), 1000),
  "long polling": (making) => longPolling(atSender(making)),
  SSE: ({ pair, heads, phase, wire, seen }) =>
    streaming({ url: pair.urls.receiver, from: heads.receiver, scale: phase.scale, wire, seen }),
  webhook: ({ pair, wire, seen }) => webhook(wire, seen, (url) => register(pair, url)),
};

/** Runs all consumers beside each other on the events of one phase. @throws Error when one of them missed any */
export async function run(pair: Pair, phase: Phase): Promise<Measured[]> {
  const heads = { sender: await head(pair.urls.sender), receiver: await head(pair.urls.receiver) };
  const published = new Map<string, number>();
  const running = await Promise.all(
    Object.entries(CONSUMERS).map(async ([name, make]) => {
      const wire = new Wire(AUTHORIZATION);
      const latencies = new Map<string, number>();
      const seen: Seen = (id, elapsed) => {
        const since = published.get(id);
        if (since === undefined || latencies.has(id)) throw new Error(`${name} got ${id} twice, or from elsewhere`);
        latencies.set(id, elapsed(since));
      };
      return { name, wire, latencies, consumer: await make({ pair, heads, phase, wire, seen }) };
    }),
  );
  const stop = new AbortController();
  const ends = Promise.all(
    running.map(({ consumer }) =>
      consumer.run(stop.signal).catch((error: unknown) => {
        // What was under way when it was stopped.
        if (!stop.signal.aborted) throw error;
      }),
    ),
  );
  await Promise.race([ends, publishAll(pair, phase, published)]);
  const measured = running.map(({ name, latencies, consumer }) => summary(name, consumer, latencies));
  stop.abort();
  for (const { wire } of running) wire.close();
  await ends;
  const short = measured.find(({ events }) => events !== phase.publishAt.length);
  if (short !== undefined) throw new Error(`${short.consumer} saw ${short.events} of ${phase.publishAt.length} events`);
  return measured;
}

/** Publishes at the phase's moments, and resolves at its end. */
async function publishAll(pair: Pair, { scale, publishAt, lengthMs }: Phase, published: Map<string, number>) {
  const start = performance.now();
  const until = (ms: number) => delay(Math.max(0, start + ms / scale - performance.now()));
  const answers: Promise<void>[] = [];
  for (const at of publishAt) {
    await until(at);
    const id = `compare_${crypto.randomUUID()}`;
    published.set(id, performance.now());
    answers.push(publish(pair, id));
  }
  await Promise.all(answers);
  await until(lengthMs);
  // Answers on their way when the phase is over.
  await delay(GRACE_MS);
}

async function publish({ urls }: Pair, id: string): Promise<void> {
  const data = { orderId: id, customer: "cus_8f3a", currency: "EUR", total: 42.5, items: 3 };
  await post(`${urls.sender}/events`, { id, type: "order.paid", data });
}

function summary(name: string, consumer: Consumer, latencies: Map<string, number>): Measured {
  const all = [...latencies.values()];
  const percentiles = { p50: percentile(all, 0.5), p99: percentile(all, 0.99) };
  return { consumer: name, events: all.length, ...consumer.tally(), ...percentiles };
}

function atSender({ pair, heads, phase, wire, seen }: Making): Source {
  return { url: pair.urls.sender, from: heads.sender, scale: phase.scale, wire, seen };
}

async function head(url: string): Promise<number> {
  const response = await fetch(`${url}/events?limit=1`, { headers: AUTHORIZATION });
  const { events } = (await response.json()) as { events: { seq: number }[] };
  return events[0]?.seq ?? 0;
}

async function register({ urls }: Pair, url: string): Promise<() => Promise<void>> {
  const { id } = (await (await post(`${urls.sender}/endpoints`, { url })).json()) as { id: string };
  return async () => {
    await fetch(`${urls.sender}/endpoints/${id}`, { method: "DELETE", headers: AUTHORIZATION });
  };
}

async function post(url: string, body: unknown): Promise<Response> {
  const response = await fetch(url, {
    method: "POST",
    headers: { ...JSON_TYPE, ...AUTHORIZATION },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`POST ${url} answered ${response.status}: ${await response.text()}`);
  return response;
}
