import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { WorkerProcess } from "../../workers/dev/worker-process.ts";
import { type EndpointRow, getJson, publish, readBody, readLog } from "./client.ts";
import { seeded } from "./random.ts";
import { until } from "./until.ts";
import { freePorts, runWorker, temporaryFolder } from "./workers.ts";

/**
 * kill -9 of either Worker, or of both, at random moments: every event that the sender acknowledged is in the
 * receiver's log once. `KILLS=50 npm test` kills more often, `KILL_SEED=7` in the same way again.
 */
const KILLS = Number(process.env.KILLS ?? 5);
const SEED = Number(process.env.KILL_SEED ?? Date.now() % 1_000_000);
const MAX_BURST = 60;
const MAX_CONNECTIONS = 20;
/** Longer than most bursts, so that Workers are also killed while idle or flushing. */
const MAX_KILL_AFTER_MS = 1500;
const SECONDS_A_KILL = 30;

const NAMES = ["receiver", "sender"] as const;
type Name = (typeof NAMES)[number];
const VICTIMS: Name[][] = [["sender"], ["receiver"], ["sender", "receiver"]];

const folder = temporaryFolder();
const running = new Map<Name, WorkerProcess>();
const ports = new Map<Name, number>();
const random = seeded(SEED);
const below = (limit: number) => Math.floor(random() * limit);
/** Ids in the order of their acknowledgement. */
const acknowledged: string[] = [];
let published = 0;

beforeAll(async () => {
  const free = await freePorts(2);
  for (const [index, name] of NAMES.entries()) ports.set(name, free[index] ?? 0);
  await restart([...NAMES]);
});

afterAll(async () => {
  await Promise.all([...running.values()].map((worker) => worker.stop()));
  folder.remove();
});

test(
  `every acknowledged event is logged once after ${KILLS} kills, seed ${SEED}`,
  async () => {
    for (let kill = 0; kill < KILLS; kill++) {
      const victims = VICTIMS[below(VICTIMS.length)] ?? [];
      const burst = publishBurst(below(MAX_BURST), 1 + below(MAX_CONNECTIONS));
      await delay(below(MAX_KILL_AFTER_MS));
      await crash(victims);
      await burst;
      await restart(victims);
      // Half of the time nothing is published until all is logged, as a publish could wake something that is stuck.
      if (below(2) === 0) await drained();
    }
    await drained();
    await expectNothingLeft();
    await expectLoggedOnce();
  },
  (KILLS + 2) * SECONDS_A_KILL * 1000,
);

/** Ids whose answer a crash swallowed are not counted: they may be in the log or not. */
async function publishBurst(count: number, connections: number): Promise<void> {
  const ids = Array.from({ length: count }, () => `kill_${published++}`);
  const publishNext = async () => {
    for (let id = ids.shift(); id !== undefined; id = ids.shift()) {
      const event = { id, type: "kill.test", data: { id } };
      const done = await publish(urlOf("sender"), event).then(
        () => true,
        () => false,
      );
      if (done) acknowledged.push(id);
    }
  };
  await Promise.all(Array.from({ length: connections }, publishNext));
}

async function crash(victims: Name[]): Promise<void> {
  const workers = victims.map((name) => running.get(name)).filter((worker) => worker !== undefined);
  for (const worker of workers) worker.kill();
  await Promise.all(workers.map(({ exited }) => exited));
}

async function restart(names: Name[]): Promise<void> {
  const vars = {
    WEBHOOK_URL: `${urlOf("receiver")}/webhook`,
    RETRY_SECONDS: "0.5 1 2 2 3 3 5 5 5",
    ...{ LEASE_SECONDS: "2", FLUSH_SECONDS: "1", GRACE_SECONDS: "1" },
  };
  await Promise.all(
    names.map(async (name) => {
      running.set(name, await runWorker(name, { port: ports.get(name) ?? 0, stateDir: folder.path, vars }));
    }),
  );
}

function urlOf(name: Name): string {
  return `http://127.0.0.1:${ports.get(name)}`;
}

/** Resolves once all is logged. Asks only the receiver, so that nothing but its own alarm wakes the sender. */
async function drained(): Promise<void> {
  await until("every acknowledged event is logged", async () => {
    const logged = new Set((await readLog(urlOf("receiver"))).map(({ id }) => id));
    return acknowledged.every((id) => logged.has(id)) ? true : null;
  });
}

async function expectLoggedOnce(): Promise<void> {
  const log = await readLog(urlOf("receiver"));
  const ids = new Set(log.map(({ id }) => id));
  expect(acknowledged.length).toBeGreaterThan(0);
  expect(acknowledged.filter((id) => !ids.has(id))).toEqual([]);
  expect(ids.size).toBe(log.length);
  expect(log.map(({ seq }) => seq)).toEqual(log.map((_, index) => index + 1));
  for (const { seq, id } of log.slice(-MAX_BURST)) {
    expect(JSON.parse(await readBody(urlOf("receiver"), seq))).toMatchObject({ type: "kill.test", data: { id } });
  }
}

/** Waits for events whose answer was swallowed too; none may have failed for good. */
async function expectNothingLeft(): Promise<void> {
  await until("nothing left to deliver", async () => {
    const { endpoints } = await getJson<{ endpoints: EndpointRow[] }>(`${urlOf("sender")}/endpoints`);
    return endpoints.every(({ lag, retrying }) => lag === 0 && retrying === 0) ? true : null;
  });
  const dead = `${urlOf("sender")}/endpoints/ep_default/deliveries?state=dead`;
  expect(await getJson(dead)).toMatchObject({ deliveries: [] });
}
