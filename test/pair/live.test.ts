import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WorkerProcess } from "../../workers/dev/worker-process.ts";
import { getJson, readLog } from "./client.ts";
import { consume, faces } from "./consumers.ts";
import { seeded } from "./random.ts";
import { RawSocket } from "./raw-socket.ts";
import { until } from "./until.ts";
import { freePorts, runWorker, temporaryFolder, variables } from "./workers.ts";

/** The receiver alone, watched over real connections and killed meanwhile. */
const KILLS = Number(process.env.KILLS ?? 2);
const SEED = Number(process.env.KILL_SEED ?? Date.now() % 1_000_000);
const BURST = 60;
const HEARTBEAT_MS = 15_000;
/** Slack for a busy machine, less than the half heartbeat that one more write would take. */
const SLACK_MS = 4000;
const MIB = 1024 * 1024;
const BATCH_BYTES = 256 * 1024;
const BATCH_EVENTS = 100;
/** More questions than are ever answered, and the number of those far enough apart that each may bring a batch. */
const QUESTIONS = 2100;
const PACED = 200;

const folders = [temporaryFolder(), temporaryFolder()] as const;
const random = seeded(SEED);
let port = 0;
let receiver: WorkerProcess;
/** A receiver that nobody kills. */
let quiet: WorkerProcess;
let sent = 0;

beforeAll(async () => {
  const [first = 0, second = 0] = await freePorts(2);
  port = first;
  const startQuiet = async () => {
    quiet = await runWorker("receiver", { port: second, stateDir: folders[1].path, vars: {} });
  };
  await Promise.all([start(), startQuiet()]);
});

afterAll(async () => {
  await Promise.all([receiver?.stop(), quiet?.stop()]);
  for (const folder of folders) folder.remove();
});

async function start(): Promise<void> {
  const vars = { FLUSH_SECONDS: "1", GRACE_SECONDS: "1" };
  receiver = await runWorker("receiver", { port, stateDir: folders[0].path, vars });
}

/** Sends genuine webhooks; one that a kill interrupts may be logged or not. */
async function sendBurst(count: number, url = receiver.url, event = { type: "live.test" }): Promise<void> {
  const body = JSON.stringify(event);
  const webhook = new Webhook(variables.WEBHOOK_SECRET);
  await Promise.all(
    Array.from({ length: count }, async () => {
      const [id, at] = [`live_${sent++}`, new Date()];
      const headers = {
        "webhook-id": id,
        "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
        "webhook-signature": webhook.sign(id, at, body),
      };
      await delay(random() * 500);
      await fetch(`${url}/webhook`, { method: "POST", body, headers }).catch(() => {});
    }),
  );
}

// One test waits for a heartbeat; meanwhile the other receiver is killed.
describe.concurrent("the live faces", () => {
  test(
    `show the log once and in order through ${KILLS} kills, seed ${SEED}`,
    async () => {
      const names = Object.keys(faces) as (keyof typeof faces)[];
      const consumers = names.map((name) => consume(name, receiver.url));
      for (let kill = 0; kill < KILLS; kill++) {
        const burst = sendBurst(BURST);
        await delay(random() * 700);
        receiver.kill();
        await receiver.exited;
        await burst;
        await start();
      }
      await sendBurst(BURST);
      const log = await readLog(receiver.url);
      expect(log.length).toBeGreaterThanOrEqual(BURST);
      expect(log.map(({ seq }) => seq)).toEqual(log.map((_, index) => index + 1));
      for (const { name, seen, stop } of consumers) {
        await until(`the end of the log for the ${name}`, async () => (seen.length >= log.length ? true : null));
        stop();
        expect(seen).toEqual(log);
      }
    },
    (KILLS + 2) * 30_000,
  );

  test("a stream's socket in the Inbox is gone within a heartbeat of its client", async () => {
    const ways = [(client: Socket) => client.destroy(), (client: Socket) => client.resetAndDestroy()];
    const clients = await Promise.all(ways.map(() => openStream()));
    expect(await viewers()).toBeGreaterThanOrEqual(ways.length);
    for (const [index, leave] of ways.entries()) leave(clients[index] as Socket);
    await until(
      "the last viewer's leaving",
      async () => ((await viewers()) === 0 ? true : null),
      HEARTBEAT_MS + SLACK_MS,
    );
  });

  test("a client that asks without reading is sent a mebibyte and a batch, and closed", async () => {
    await sendBurst(2 * BATCH_EVENTS, quiet.url, { type: "t".repeat(128) });
    const client = await RawSocket.open(`${quiet.url}/events/live`);
    // The end of a batch can be guessed, so the client asks as if it had read each. Unanswered questions count too.
    for (let turn = 0; turn < QUESTIONS; turn++) {
      client.send(JSON.stringify({ more: turn % 2 === 0 ? 0 : BATCH_EVENTS }));
      if (turn < PACED) await delay(5);
    }
    const { bytes, texts, closed } = await client.hear();
    expect(closed).toMatchObject({ code: 4029 });
    expect(texts.length).toBeGreaterThan(10);
    expect(bytes).toBeLessThan(MIB + BATCH_BYTES);
  });

  async function openStream(): Promise<Socket> {
    const { hostname, port } = new URL(quiet.url);
    const client = connect(Number(port), hostname);
    // No event has this type: a stream that is written to would notice sooner.
    client.write(`GET /events/stream?type=none HTTP/1.1\r\nhost: ${hostname}:${port}\r\n\r\n`);
    const [answer] = (await once(client, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 /);
    return client;
  }

  async function viewers(): Promise<number> {
    const { logs } = await getJson<{ logs: { viewers: number }[] }>(`${quiet.url}/sources?log=main`);
    return logs[0]?.viewers ?? Number.NaN;
  }
});
