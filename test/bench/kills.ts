import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { seeded } from "../pair/random.ts";
import { type Limit, textOf } from "./support/limits.ts";
import type { Arrival } from "./support/sink.ts";
import { prepareWorkers, startHost, TOKEN } from "./support/start.ts";
import { type Request, steadily } from "./support/steady.ts";
import { call, print, type Sink, startSink, until } from "./support/tools.ts";

/**
 * `npm run bench kills`: SIGKILL of the sender's processes while deliveries are out. Each acknowledged event arrives,
 * and only deliveries that were under way at a kill arrive again.
 */

const KILLS = 25;
const PER_SECOND = 200;
const ANSWER_MS = 300;
/** Bounds of the time between a start and the next kill. */
const LIFE_MS = { least: 300, most: 3000 };
/** Time in which a POST that was sent before a kill is seen to arrive. */
const ARRIVING_MS = 100;
/** Time after its answer in which a delivery counts as under way: reported, gathered and written down. */
const RECORDED_MS = 250;
/** The same on a starved machine: a repeat of what was answered earlier has no excuse. */
const RECORDED_LATE_MS = 1000;
const GIVE_UP_MS = 120_000;
/** A short lease, so that no alarm is waited for in the end. */
const VARS = { WEBHOOK_URL: "", LEASE_SECONDS: "2", RETRY_SECONDS: "0.5 1 2 2 3 3 5 5 5" };
const TYPE = "bench.kill";

export async function measureKills(): Promise<Limit[]> {
  const sink = await startSink();
  const { dir, urls, options } = await prepareWorkers(VARS, { only: ["sender"] });
  const seed = Number(process.env.KILL_SEED ?? Date.now() % 1_000_000);
  const random = seeded(seed);
  let host = await startHost(options);
  try {
    await call({ urls }, "POST", "/endpoints", { url: `${sink.url}/wait/${ANSWER_MS}`, types: [TYPE] });
    const publisher = publish(urls.sender);
    const kills: number[] = [];
    while (kills.length < KILLS) {
      await sleep(LIFE_MS.least + random() * (LIFE_MS.most - LIFE_MS.least));
      kills.push(Date.now());
      await host.kill();
      host = await startHost(options);
    }
    const acknowledged = await publisher.stop();
    return judge({ acknowledged, kills, arrivals: await drain(sink, acknowledged) }, seed);
  } finally {
    await host.close();
    sink.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Publishes at an even rate until it is stopped, whether or not anybody listens. */
function publish(url: string): { stop(): Promise<string[]> } {
  const acknowledged: string[] = [];
  let stopped = false;
  let published = 0;
  const run = async () => {
    while (!stopped) {
      const ids: string[] = [];
      const answers = await steadily(PER_SECOND, PER_SECOND, () => {
        const id = `kill_${published++}`;
        ids.push(id);
        return requestFor(url, id);
      });
      acknowledged.push(...ids.filter((_, index) => answers[index]?.status === 202));
    }
    return acknowledged;
  };
  const running = run();
  return {
    stop: () => {
      stopped = true;
      return running;
    },
  };
}

function requestFor(url: string, id: string): Request {
  const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };
  return { url: `${url}/events`, headers, body: JSON.stringify({ id, type: TYPE, data: { sentAt: Date.now() } }) };
}

/** Waits until all have arrived, and then for those that come again. @returns every arrival, in order */
async function drain(sink: Sink, acknowledged: readonly string[]): Promise<Arrival[]> {
  const arrivals: Arrival[] = [];
  const missing = new Set(acknowledged);
  const take = async () => {
    for (const arrival of await sink.arrivals("/wait")) {
      arrivals.push(arrival);
      missing.delete(arrival.id);
    }
  };
  const deadline = Date.now() + GIVE_UP_MS;
  await until("all acknowledged events arrive", async () => {
    await take();
    return missing.size === 0 || Date.now() > deadline;
  });
  await sleep(ANSWER_MS + RECORDED_MS);
  await take();
  return arrivals;
}

type Seen = { acknowledged: string[]; kills: number[]; arrivals: Arrival[] };

function judge({ acknowledged, kills, arrivals }: Seen, seed: number): Limit[] {
  const lastAt = new Map<string, number>();
  let [repeats, unexplained] = [0, 0];
  for (const { id, at } of arrivals) {
    const before = lastAt.get(id);
    lastAt.set(id, at);
    if (before === undefined) continue;
    repeats++;
    if (!kills.some((kill) => wasUnderWay(before, kill, RECORDED_LATE_MS))) unexplained++;
  }
  const underWay = kills.map((kill) => arrivals.filter(({ at }) => wasUnderWay(at, kill, RECORDED_MS)).length);
  const total = underWay.reduce((sum, count) => sum + count, 0);
  print(`${KILLS} kills, seed ${seed}: ${acknowledged.length} events acknowledged, ${arrivals.length} POSTs arrived`);
  print(`  under way at the kills: ${total}, at most ${Math.max(...underWay)} at one; repeats: ${repeats}`);
  const lost = acknowledged.filter((id) => !lastAt.has(id)).length;
  const limits: Limit[] = [
    { what: "acknowledged events that did not arrive", value: lost, atMost: 0 },
    { what: "repeats of events that were under way at no kill", value: unexplained, atMost: 0 },
    { what: "repeats, of the deliveries under way at the kills", value: repeats / total, atMost: 1 },
  ];
  for (const limit of limits) print(`  ${limit.what}: ${textOf(limit)}`);
  return limits;
}

function wasUnderWay(arrivedAt: number, kill: number, recordedMs: number): boolean {
  return arrivedAt <= kill + ARRIVING_MS && arrivedAt > kill - ANSWER_MS - recordedMs;
}
