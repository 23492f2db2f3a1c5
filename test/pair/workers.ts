import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startWorker, type WorkerProcess } from "../../workers/dev/worker-process.ts";

export const root = resolve(import.meta.dirname, "../..");

/** Given to every Worker started here, so that no `.dev.vars` and no environment changes what a test sees. */
export const variables = {
  WEBHOOK_SECRET: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", // the specification's example
  API_TOKEN: "test-token",
  LOCAL_DEV: "true",
  DOH_URL: "",
  PERIODIC_SECONDS: "0",
};

/** A folder of its own for the state of one test file; `remove` when all processes in it are gone. */
export function temporaryFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "webhooks-pair-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) };
}

/**
 * Below those that systems give to whoever asks for any, so that none is taken before its Worker listens, or while
 * that is killed and started again; above those that browsers refuse.
 */
const PORTS = { from: 11_000, to: 32_000 };

/** Ports nobody listens on at this moment, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from));
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/**
 * Makes a folder to run the receiver in, with the TOML file as the README has it changed: more names of secrets, and
 * tables at its end.
 */
export function configuredRoot(path: string, { secrets = [], tables = "" }: Configured): string {
  const file = "wrangler.receiver.toml";
  const text = readFileSync(join(root, file), "utf8")
    .replace(/^main = "(.*)"$/m, (_line, main: string) => `main = ${JSON.stringify(join(root, main))}`)
    .replace(/^required = \[/m, `$&${secrets.map((name) => `"${name}", `).join("")}`);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, file), `${text}\n${tables}`);
  symlinkSync(join(root, "node_modules"), join(path, "node_modules"));
  return path;
}

type Configured = { secrets?: readonly string[]; tables?: string };

type RunOptions = {
  port: number;
  stateDir: string;
  vars: Record<string, string>;
  /** Where its TOML file is. */
  root?: string;
  print?: (line: string) => void;
};

/** One Worker as `npm start` runs it, ready to answer; what it prints goes to `print`. */
export async function runWorker(name: "sender" | "receiver", options: RunOptions): Promise<WorkerProcess> {
  const { vars, print: tell = () => {}, ...rest } = options;
  const printed: string[] = [];
  const print = (line: string) => {
    printed.push(line);
    tell(line);
  };
  const worker = startWorker({ name, root, ...rest, print, variables: { ...variables, ...vars } });
  await worker.ready.catch((error: unknown) => {
    throw new Error(`${error}; it printed:\n${printed.join("\n")}`);
  });
  return worker;
}
