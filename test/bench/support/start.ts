import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bare, type Entry, fromToml, HOST } from "./build.ts";
import type { HostOptions, HostReport } from "./host.ts";

/**
 * Starts the Workers on sockets of their own, without the entry of `wrangler dev`, which costs more time than they do.
 * Each is configured by its own TOML file.
 */

/** A runtime in a process of its own; `pid` leads the group of all its processes. */
export type Host = { pid: number; close(): Promise<void>; kill(): Promise<void> };

export type Pair = {
  dir: string;
  pid: number;
  urls: Record<Name, string>;
  close(): Promise<void>;
};

/** One Worker by itself, on a socket of its own. */
export type Alone = { url: string; dir: string; pid: number; close(): Promise<void> };

export const TOKEN = "bench-token-of-25-letters";
export const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
type Vars = Record<string, string>;

const NAMES = ["sender", "receiver", "relay", "verifier"] as const;
export type Name = (typeof NAMES)[number];

/** Folders for the objects' state: one that Linux keeps in memory, one on disk. */
const PLACES = { memory: "/dev/shm", disk: "/var/tmp" };
export type Storage = keyof typeof PLACES;

/** Left out, all Workers start, with state in the folder of temporary files, and count their rows alone. */
export type Choice = { only?: readonly Name[]; storage?: Storage; entry?: Entry };

/** Starts one Worker whose entry is a file of `test/bench/workers`. */
export async function startAlone(entry: string): Promise<Alone> {
  const dir = tempDir(tmpdir());
  const [port] = await freePorts(1);
  const worker = await bare("alone", entry, { dir, port, vars: {} });
  const host = await startHost({ state: join(dir, "state"), workers: [worker] });
  return { url: at(port), dir, pid: host.pid, close: host.close };
}

/** Starts the pair, and beside it the bare relay and the Worker that the relay sends to. */
export async function startWorkers(vars: Vars = {}, choice: Choice = {}): Promise<Pair> {
  const { options, dir, urls } = await prepareWorkers(vars, choice);
  const host = await startHost(options);
  return { dir, pid: host.pid, urls, close: host.close };
}

/** Builds the Workers and finds their ports, so that they can be started again and again. */
export async function prepareWorkers(
  vars: Vars,
  { only = NAMES, storage, entry = "measured" }: Choice,
): Promise<{ dir: string; urls: Pair["urls"]; options: HostOptions }> {
  const dir = tempDir(storage === undefined ? tmpdir() : placeOf(storage));
  const [sender, receiver, relay, verifier] = await freePorts(4);
  const urls = { sender: at(sender), receiver: at(receiver), relay: at(relay), verifier: at(verifier) };
  const base = { API_TOKEN: TOKEN, WEBHOOK_SECRET: SECRET, PERIODIC_SECONDS: "0", DOH_URL: "", LOCAL_DEV: "true" };
  const sending = { ...base, WEBHOOK_URL: `${urls.receiver}/webhook`, ...vars };
  const signing = { WEBHOOK_SECRET: SECRET };
  const building = {
    sender: () => fromToml("sender", entry, { dir, port: sender, vars: sending }),
    receiver: () => fromToml("receiver", entry, { dir, port: receiver, vars: { ...base, ...vars } }),
    relay: () =>
      bare("relay", "relay.ts", { dir, port: relay, vars: { ...signing, TARGET: `${urls.verifier}/verify` } }),
    verifier: () => bare("verifier", "relay.ts", { dir, port: verifier, vars: { ...signing, TARGET: "" } }),
  };
  const workers = await Promise.all(only.map((name) => building[name]()));
  return { dir, urls, options: { state: join(dir, "state"), workers } };
}

/** Runs the Workers of `start`, and removes their folder in the end. */
export async function running<Workers extends { dir: string; close(): Promise<void> }, Result>(
  start: Promise<Workers>,
  run: (workers: Workers) => Promise<Result>,
): Promise<Result> {
  const workers = await start;
  try {
    return await run(workers);
  } finally {
    await workers.close();
    rmSync(workers.dir, { recursive: true, force: true });
  }
}

/** Returns true where a system has a folder for that storage. */
export function hasPlace(storage: Storage): boolean {
  return existsSync(PLACES[storage]);
}

export async function startHost(options: HostOptions): Promise<Host> {
  const host = fork(join(import.meta.dirname, "host.ts"), {
    serialization: "advanced",
    // A group of its own can be killed as a whole.
    detached: true,
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  host.send(options);
  const report = (await Promise.race([once(host, "message"), once(host, "exit")])) as [HostReport | number | null];
  const problem = typeof report[0] === "object" && report[0] !== null ? report[0].problem : "it ended";
  if (problem !== null) throw new Error(`the Workers did not start: ${problem}`);
  return { pid: host.pid ?? 0, close: () => ended(host, () => host.disconnect()), kill: () => ended(host, kill(host)) };
}

function kill({ pid = 0 }: ChildProcess): () => void {
  return () => process.kill(-pid, "SIGKILL");
}

async function ended(host: ChildProcess, end: () => void): Promise<void> {
  const exited = once(host, "exit");
  end();
  await exited;
}

function placeOf(storage: Storage): string {
  if (!hasPlace(storage)) throw new Error(`there is no ${PLACES[storage]} for storage ${storage}`);
  return PLACES[storage];
}

function tempDir(parent: string): string {
  return mkdtempSync(join(parent, "webhooks-bench-"));
}

function at(port: number): string {
  return `http://${HOST}:${port}`;
}

export async function freePort(): Promise<number> {
  return (await freePorts(1))[0];
}

async function freePorts(count: number): Promise<[number, number, number, number]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(servers.map((server) => new Promise<void>((done) => server.listen(0, HOST, done))));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports as [number, number, number, number];
}
