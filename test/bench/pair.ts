import { type Limit, textOf } from "./support/limits.ts";
import type { Load, LoadResult } from "./support/load.ts";
import { headOf, type Logged, readLog, rowsOf } from "./support/logged.ts";
import { percentile } from "./support/percentile.ts";
import { hasPlace, type Pair, running, type Storage, startWorkers } from "./support/start.ts";
import { call, driveAll, print, rateOf, until } from "./support/tools.ts";

/**
 * `npm run bench pair`: the rate and the latency of the pair, beside a bare relay on the same machine that stores
 * nothing; once with the objects' state in memory, once on disk.
 */

const BURST = { connections: 50, amount: 10_000, ratePerSecond: null };
const RELAYED = { ...BURST, amount: 5000 };
const WARM_UP = { ...BURST, amount: 1000 };
/** An array saves requests to publish alone: each of its events is still delivered, and logged, by one of its own. */
const ARRAYS = { connections: 4, amount: 100, batch: 100, ratePerSecond: null };
const ROUNDS = 2;
/**
 * Attempts at once that the endpoint allows. One thread runs all here, so that fifty publishers would outrun fewer; the
 * receiver takes as many as there are.
 */
const CONCURRENCY = 192;
const STEADY = { connections: 5, amount: 300, ratePerSecond: 10 };

/** The least share of the relay's rate. */
const LEAST_SHARE: Record<Storage, number> = { memory: 0.55, disk: 0.4 };
const WHERE: Record<Storage, string> = { memory: "state in memory", disk: "state on disk" };

type Measured = { load: LoadResult; events: number; logged: Logged; rows: Record<"sender" | "receiver", number> };

export async function measurePair(): Promise<Limit[]> {
  const limits: Limit[] = [];
  for (const storage of ["memory", "disk"] as const) {
    print(WHERE[storage]);
    if (hasPlace(storage)) {
      const measured = await running(startWorkers({}, { storage }), (pair) => measureOn(pair, LEAST_SHARE[storage]));
      limits.push(...measured.map((limit) => ({ ...limit, what: `${limit.what}, ${WHERE[storage]}` })));
    } else print("  skipped: this system has no folder for it");
  }
  return limits;
}

async function measureOn(pair: Pair, leastShare: number): Promise<Limit[]> {
  const relay = (load: Omit<Load, "url" | "token">) => driveAll({ url: `${pair.urls.relay}/relay`, ...load });
  await call(pair, "PATCH", "/endpoints/ep_default", { concurrency: CONCURRENCY });
  await relay(WARM_UP);
  await publish(pair, WARM_UP);
  // Before the bursts, whose segments go to KV later.
  const steady = steadyLimits(await relay(STEADY), await publish(pair, STEADY));
  // The relay and the pair take turns, so that other load on the machine meets both alike.
  const relayed = [rateOf(await relay(RELAYED))];
  const singly: Measured[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    singly.push(await publish(pair, BURST));
    relayed.push(rateOf(await relay(RELAYED)));
  }
  const inArrays = await publish(pair, ARRAYS);
  print(`  bare relay, before and after each burst: ${relayed.map((rate) => rate.toFixed(0)).join(", ")} a second`);
  for (const each of singly) report(`burst of ${each.events} at ${BURST.connections} connections`, each);
  report(`burst of ${inArrays.events} in arrays of ${ARRAYS.batch}`, inArrays);
  return [...steady, ...burstLimits(singly, inArrays, { relayed, leastShare })].map(printed);
}

type Relay = { relayed: number[]; leastShare: number };

function burstLimits(singly: Measured[], inArrays: Measured, { relayed, leastShare }: Relay): Limit[] {
  const acknowledged = ({ load, events }: Measured) => (events * 1000) / (load.endedAt - load.startedAt);
  return [
    {
      what: "burst, of the rate of the bare relay",
      value: mean(singly.map(loggedPerSecond)) / mean(relayed),
      atLeast: leastShare,
    },
    {
      what: "sent to logged p50, of the time of the burst",
      value: mean(singly.map(({ load, logged }) => percentile(logged.latencies, 0.5) / (logged.last - load.startedAt))),
      atMost: 0.1,
    },
    {
      what: "burst in arrays, events logged a second beside singly",
      value: loggedPerSecond(inArrays) / mean(singly.map(loggedPerSecond)),
      atLeast: 2,
      unit: " times",
    },
    {
      what: "burst in arrays, events acknowledged a second beside singly",
      value: acknowledged(inArrays) / mean(singly.map(acknowledged)),
      atLeast: 2,
      unit: " times",
    },
  ];
}

/** Holds the time until an event is logged to the time in which the relay answers: signed, sent and verified. */
function steadyLimits(relayed: LoadResult, steady: Measured): Limit[] {
  return [{ share: 0.5, atMost: 2 } as const, { share: 0.99, atMost: 2.5 } as const].map(({ share, atMost }) => {
    const [ours, theirs] = [percentile(steady.logged.latencies, share), percentile(relayed.answers, share)];
    const name = `p${share * 100}`;
    print(`  10 a second: ${name} ${ours.toFixed(1)} ms from sent to logged, the bare relay ${theirs.toFixed(1)} ms`);
    return { what: `${name} at 10 a second, beside the bare relay`, value: ours / theirs, atMost, unit: " times" };
  });
}

/** Publishes a load, waits until the receiver has logged all of it, and reads back when each event was logged. */
async function publish(pair: Pair, load: Omit<Load, "url" | "token">): Promise<Measured> {
  const events = load.amount * (load.batch ?? 1);
  const head = await headOf(pair, "receiver");
  const before = await rowsOf(pair);
  const result = await driveAll({ url: `${pair.urls.sender}/events`, ...load });
  await until(`${events} events logged`, async () => (await headOf(pair, "receiver")) >= head + events);
  const after = await rowsOf(pair);
  return {
    load: result,
    events,
    logged: await readLog(pair, head, events),
    rows: {
      sender: (after.sender - before.sender) / events,
      receiver: (after.receiver - before.receiver) / events,
    },
  };
}

function loggedPerSecond({ events, logged, load }: Measured): number {
  return (events * 1000) / (logged.last - load.startedAt);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function report(what: string, measured: Measured): void {
  const at = (share: number) => percentile(measured.logged.latencies, share);
  print(`  ${what}`);
  print(`    ${loggedPerSecond(measured).toFixed(0)} events a second from the first send to the last logged`);
  print(`    sent to logged: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms`);
  const { sender, receiver } = measured.rows;
  print(`    rows written an event: sender ${sender.toFixed(3)}, receiver ${receiver.toFixed(3)}`);
}

function printed(limit: Limit): Limit {
  print(`  ${limit.what}: ${textOf(limit)}`);
  return limit;
}
