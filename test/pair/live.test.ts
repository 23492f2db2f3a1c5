import { setTimeout as delay } from "node:timers/promises";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WorkerProcess } from "../../workers/dev/worker-process.ts";
import { readLog } from "./client.ts";
import { consume, faces } from "./consumers.ts";
import { seeded } from "./random.ts";
import { until } from "./until.ts";
import { freePorts, runWorker, temporaryFolder, variables } from "./workers.ts";

/** The receiver alone, watched over real connections, and killed meanwhile. */
const KILLS = Number(process.env.KILLS ?? 2);
const SEED = Number(process.env.KILL_SEED ?? Date.now() % 1_000_000);
const BURST = 60;
const HEARTBEAT_MS = 15_000;
/** For a machine that does other things too: less than a second heartbeat. */
const SLACK_MS = 13_000;

const folder = temporaryFolder();
const random = seeded(SEED);
let port = 0;
let receiver: WorkerProcess;
let sent = 0;

beforeAll(async () => {
  [port = 0] = await freePorts(1);
  await start();
});

afterAll(async () => {
  await receiver.stop();
  folder.remove();
});

async function start(): Promise<void> {
  const vars = { FLUSH_SECONDS: "1", GRACE_SECONDS: "1" };
  receiver = await runWorker("receiver", { port, stateDir: folder.path, vars });
}

/** Sends genuine webhooks; whether one that a kill interrupts is logged is left open. */
async function sendBurst(count: number): Promise<void> {
  const body = '{"type":"live.test"}';
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
      await fetch(`${receiver.url}/webhook`, { method: "POST", body, headers }).catch(() => {});
    }),
  );
}

// A heartbeat takes its time: meanwhile the other is killed.
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

  test("a stream whose client is gone ends within one heartbeat", async ({ onTestFinished }) => {
    const [port = 0] = await freePorts(1);
    const [state, lines]: [ReturnType<typeof temporaryFolder>, string[]] = [temporaryFolder(), []];
    const print = (line: string) => lines.push(line);
    const quiet = await runWorker("receiver", { port, stateDir: state.path, vars: {}, print });
    onTestFinished(async () => {
      await quiet.stop();
      state.remove();
    });
    const client = new AbortController();
    await fetch(`${quiet.url}/events/stream`, { signal: client.signal });
    client.abort();
    const closed = async () => lines.find((line) => line.includes('"stream.closed"')) ?? null;
    await until("the end of the stream", closed, HEARTBEAT_MS + SLACK_MS);
  });
});
