import { type Limit, textOf } from "./limits.ts";
import type { Load, LoadResult } from "./load.ts";
import { percentile } from "./percentile.ts";
import { drive, print, until } from "./tools.ts";
import { type Pair, TOKEN } from "./workers.ts";

/** `npm run bench pair`: the rate of the pair, beside a bare relay on the same machine that stores nothing. */

const BURST = { connections: 50, amount: 10_000, ratePerSecond: null };
const STEADY = { connections: 5, amount: 300, ratePerSecond: 10 };

type Side = "sender" | "receiver";
type Logged = { receivedAt: string; type: string };
type Measured = { load: LoadResult; perSecond: number; latency: number[]; rows: Record<Side, number> };

export async function measurePair(pair: Pair): Promise<Limit[]> {
  const relayBefore = await relay(pair);
  const burst = await publish(pair, BURST);
  const relayAfter = await relay(pair);
  const steady = await publish(pair, STEADY);
  const relayed = (relayBefore + relayAfter) / 2;
  print(`bare relay: ${relayBefore.toFixed(0)} and ${relayAfter.toFixed(0)} a second, before and after the burst`);
  report("burst of 10,000 at 50 connections", burst);
  const share: Limit = { what: "ratio to the bare relay", value: burst.perSecond / relayed, atLeast: 0.22 };
  print(`  ${share.what}: ${textOf(share)}`);
  report("300 events at 10 a second", steady);
  return [share];
}

/** Measures the requests a second that the bare relay signs, sends and verifies. */
async function relay(pair: Pair): Promise<number> {
  const load = await drive({ url: `${pair.urls.relay}/relay`, ...BURST, amount: 5000 });
  if (load.failed > 0) throw new Error(`${load.failed} requests of the relay failed`);
  return (load.ok * 1000) / (load.endedAt - load.startedAt);
}

/** Publishes a load, waits until the receiver has logged all of it, and reads back when each event was logged. */
async function publish(pair: Pair, load: Omit<Load, "url" | "token">): Promise<Measured> {
  const head = await headOf(pair, "receiver");
  const before = await rowsOf(pair);
  const result = await drive({ url: `${pair.urls.sender}/events`, ...load });
  if (result.ok !== load.amount) throw new Error(`${result.failed} of ${load.amount} publishes failed`);
  const wanted = head + load.amount;
  await until(`${wanted} events logged`, async () => (await headOf(pair, "receiver")) >= wanted);
  const after = await rowsOf(pair);
  const logged = await readLog(pair, head, load.amount);
  const last = Math.max(...logged.map(({ at }) => at));
  return {
    load: result,
    perSecond: (load.amount * 1000) / (last - result.startedAt),
    latency: logged.map(({ at, sentAt }) => at - sentAt),
    rows: {
      sender: (after.sender - before.sender) / load.amount,
      receiver: (after.receiver - before.receiver) / load.amount,
    },
  };
}

/** Reads the newest seq of a side's log. */
async function headOf(pair: Pair, side: Side): Promise<number> {
  const { events } = await get<{ events: { seq: number }[] }>(pair, side, "/events?limit=1");
  return events[0]?.seq ?? 0;
}

/** Reads the rows written so far on each side. */
async function rowsOf(pair: Pair): Promise<Record<Side, number>> {
  const rows = (side: Side) => get<number>(pair, side, "/measured/rows");
  return { sender: await rows("sender"), receiver: await rows("receiver") };
}

/**
 * Returns when each event was sent and logged, in unix milliseconds.
 *
 * @throws Error unless each event is there exactly once.
 */
async function readLog(pair: Pair, after: number, amount: number): Promise<{ at: number; sentAt: number }[]> {
  const found: { at: number; sentAt: number }[] = [];
  const ids = new Set<string>();
  for (let cursor = after; found.length < amount; ) {
    const page = await get<{ events: (Logged & { seq: number; id: string })[] }>(
      pair,
      "receiver",
      `/events?after=${cursor}&limit=500`,
    );
    for (const { seq, id, receivedAt } of page.events) {
      if (ids.has(id)) throw new Error(`${id} was logged twice`);
      ids.add(id);
      const { body } = await get<{ body: string }>(pair, "receiver", `/events/${seq}`);
      found.push({
        at: Date.parse(receivedAt),
        sentAt: (JSON.parse(body) as { data: { sentAt: number } }).data.sentAt,
      });
      cursor = seq;
    }
  }
  return found;
}

async function get<Body>(pair: Pair, side: Side, path: string): Promise<Body> {
  const response = await fetch(`${pair.urls[side]}${path}`, { headers: { authorization: `Bearer ${TOKEN}` } });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return (await response.json()) as Body;
}

function report(what: string, { perSecond, latency, rows }: Measured): void {
  const at = (share: number) => percentile(latency, share);
  print(what);
  print(`  ${perSecond.toFixed(0)} events a second from the first send to the last logged`);
  print(`  sent to logged: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms`);
  print(`  rows written an event: sender ${rows.sender.toFixed(3)}, receiver ${rows.receiver.toFixed(3)}`);
}
