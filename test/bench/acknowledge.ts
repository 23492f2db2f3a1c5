import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { type Limit, textOf } from "./support/limits.ts";
import { percentile } from "./support/percentile.ts";
import { hasPlace, type Pair, running, type Storage, startWorkers, TOKEN } from "./support/start.ts";
import { print } from "./support/tools.ts";

/** `npm run bench acknowledge`: the time in which one publish is answered while nothing else goes on, beside a read. */

const TURNS = 400;
const WARM_UP = 100;
/** Time after each turn, in which its event is delivered. */
const PAUSE_MS = 20;
const AT_MOST = 2.5;

type Times = { published: number[]; read: number[] };

export async function measureAcknowledge(): Promise<Limit[]> {
  const limits: Limit[] = [];
  for (const storage of ["memory", "disk"] as const) {
    if (!hasPlace(storage)) continue;
    limits.push(await running(startWorkers({}, { storage }), (pair) => measureOn(pair, storage)));
  }
  return limits;
}

/** Publishes and reads in turn over one connection, so that other load on the machine meets both alike. */
async function measureOn(pair: Pair, storage: Storage): Promise<Limit> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const times: Times = { published: [], read: [] };
  for (let turn = -WARM_UP; turn < TURNS; turn++) {
    const published = await timed(agent, `${pair.urls.sender}/events`, eventOf(turn));
    const read = await timed(agent, `${pair.urls.sender}/endpoints`, null);
    if (turn >= 0) {
      times.published.push(published);
      times.read.push(read);
    }
    await sleep(PAUSE_MS);
  }
  agent.destroy();
  const [published, read] = [percentile(times.published, 0.5), percentile(times.read, 0.5)];
  const where = storage === "memory" ? "state in memory" : "state on disk";
  const limit: Limit = {
    what: `a publish beside GET /endpoints, ${where}`,
    value: published / read,
    atMost: AT_MOST,
    unit: " times",
  };
  print(`${where}: POST /events p50 ${published.toFixed(2)} ms, GET /endpoints p50 ${read.toFixed(2)} ms`);
  print(`  ${limit.what}: ${textOf(limit)}`);
  return limit;
}

function eventOf(turn: number): string {
  return JSON.stringify({ type: "bench.sent", data: { turn, text: "x".repeat(100) } });
}

/** Returns the milliseconds until a GET, or a POST of a body, is answered as a whole. */
function timed(agent: Agent, url: string, body: string | null): Promise<number> {
  const began = performance.now();
  const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: body === null ? "GET" : "POST", agent, headers }, (response) => {
      const { statusCode = 0 } = response;
      response.resume();
      response.on("end", () => {
        if (statusCode >= 300) reject(new Error(`${url} answered ${statusCode}`));
        else resolve(performance.now() - began);
      });
    });
    sent.on("error", reject);
    sent.setNoDelay(true);
    sent.end(body ?? undefined);
  });
}
