import { execFile, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { Load, LoadResult } from "./load.ts";
import type { Arrival } from "./sink.ts";
import { type Pair, TOKEN } from "./start.ts";

/** Tools that the measurements share: driving load, waiting, and the sink that stands for endpoints. */

const run = promisify(execFile);

export async function drive(load: Omit<Load, "token">): Promise<LoadResult> {
  const args = [join(import.meta.dirname, "load.ts"), JSON.stringify({ ...load, token: TOKEN })];
  const { stdout } = await run(process.execPath, args, { maxBuffer: 64 * 1024 * 1024 });
  return JSON.parse(stdout) as LoadResult;
}

/** Drives load of which nothing may fail. */
export async function driveAll(load: Omit<Load, "token">): Promise<LoadResult> {
  const result = await drive(load);
  if (result.failed > 0) throw new Error(`${result.failed} of ${load.amount} requests to ${load.url} failed`);
  return result;
}

/** Returns the requests a second of a load. */
export function rateOf({ ok, startedAt, endedAt }: LoadResult): number {
  return (ok * 1000) / (endedAt - startedAt);
}

export async function until(what: string, done: () => Promise<boolean>, giveUpMs = 180_000): Promise<void> {
  const deadline = Date.now() + giveUpMs;
  while (!(await done())) {
    if (Date.now() > deadline) throw new Error(`gave up waiting: ${what}`);
    await sleep(50);
  }
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export async function call(pair: Pick<Pair, "urls">, method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`${pair.urls.sender}${path}`, {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
  return response.status === 204 ? null : response.json();
}

/** `arrivals` and `latencies` tell what came below a path since they were last asked, latencies in milliseconds. */
export type Sink = {
  url: string;
  arrivals(path: string): Promise<Arrival[]>;
  latencies(path: string): Promise<number[]>;
  close(): void;
};

export async function startSink(): Promise<Sink> {
  const child = fork(join(import.meta.dirname, "sink.ts"), { silent: true });
  const [line] = (await once(child.stdout ?? child, "data")) as [Buffer];
  const url = `http://127.0.0.1:${line.toString().trim()}`;
  const arrivals = async (path: string) =>
    (await fetch(`${url}/arrivals?path=${encodeURIComponent(path)}`)).json() as Promise<Arrival[]>;
  return {
    url,
    arrivals,
    latencies: async (path) => (await arrivals(path)).map(({ ms }) => ms),
    close: () => child.disconnect(),
  };
}
