import { setTimeout as delay } from "node:timers/promises";
import { percentile } from "../bench/support/percentile.ts";
import { type Consumer, longPolling, polling, type Seen, type Source, streaming } from "./consumers.ts";
import type { Phase } from "./phases.ts";
import { webhook } from "./webhook.ts";
import { type Traffic, Wire } from "./wire.ts";

/** Runs all consumers beside each other on one phase, and measures each. */

/** One consumer in one phase; `empty` of its requests brought no event. Times in milliseconds. */
export type Measured = Traffic & { consumer: string; events: number; empty: number; p50: number; p99: number };

/** The two Workers, and the token of both. */
type Target = { urls: { sender: string; receiver: string }; token: string };
type Making = { pair: Target; heads: { sender: number; receiver: number }; phase: Phase; wire: Wire; seen: Seen };

const JSON_TYPE = { "content-type": "application/json" };

/** Real time for events on their way when a phase is over. */
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
export async function run(pair: Target, phase: Phase): Promise<Measured[]> {
  const heads = { sender: await head(pair, "sender"), receiver: await head(pair, "receiver") };
  const published = new Map<string, number>();
  const running = await Promise.all(
    Object.entries(CONSUMERS).map(async ([name, make]) => {
      const wire = new Wire(authorization(pair));
      const latencies = new Map<string, number>();
      const seen: Seen = (id, message, elapsed) => {
        const since = published.get(id);
        if (since === undefined || latencies.has(id)) throw new Error(`${name} got ${id} twice, or from elsewhere`);
        latencies.set(id, elapsed(since));
        wire.brought(message);
      };
      return { name, wire, latencies, consumer: await make({ pair, heads, phase, wire, seen }) };
    }),
  );
  const stop = new AbortController();
  const ends = Promise.all(
    running.map(({ consumer }) =>
      consumer.run(stop.signal).catch((error: unknown) => {
        // A request that was under way at the stop.
        if (!stop.signal.aborted) throw error;
      }),
    ),
  );
  await Promise.race([ends, publishAll(pair, phase, published)]);
  const measured = running.map(({ name, wire, latencies, consumer }) => ({
    ...{ consumer: name, events: latencies.size, empty: consumer.empty() },
    ...wire.traffic,
    ...{ p50: percentile([...latencies.values()], 0.5), p99: percentile([...latencies.values()], 0.99) },
  }));
  stop.abort();
  for (const { wire } of running) wire.close();
  await ends;
  const short = measured.find(({ events }) => events !== phase.publishAt.length);
  if (short !== undefined) throw new Error(`${short.consumer} saw ${short.events} of ${phase.publishAt.length} events`);
  return measured;
}

/** Publishes at the phase's moments, and resolves at its end. */
async function publishAll(pair: Target, { scale, publishAt, lengthMs }: Phase, published: Map<string, number>) {
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

async function publish(pair: Target, id: string): Promise<void> {
  const data = { orderId: id, customer: "cus_8f3a", currency: "EUR", total: 42.5, items: 3 };
  await post(pair, "/events", { id, type: "order.paid", data });
}

function atSender({ pair, heads, phase, wire, seen }: Making): Source {
  return { url: pair.urls.sender, from: heads.sender, scale: phase.scale, wire, seen };
}

async function head(pair: Target, name: "sender" | "receiver"): Promise<number> {
  const response = await fetch(`${pair.urls[name]}/events?limit=1`, { headers: authorization(pair) });
  const { events } = (await response.json()) as { events: { seq: number }[] };
  return events[0]?.seq ?? 0;
}

async function register(pair: Target, url: string): Promise<() => Promise<void>> {
  const { id } = (await (await post(pair, "/endpoints", { url })).json()) as { id: string };
  return async () => {
    await fetch(`${pair.urls.sender}/endpoints/${id}`, { method: "DELETE", headers: authorization(pair) });
  };
}

async function post(pair: Target, path: string, body: unknown): Promise<Response> {
  const response = await fetch(`${pair.urls.sender}${path}`, {
    method: "POST",
    headers: { ...JSON_TYPE, ...authorization(pair) },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`POST ${path} answered ${response.status}: ${await response.text()}`);
  return response;
}

function authorization({ token }: Target): { authorization: string } {
  return { authorization: `Bearer ${token}` };
}
