import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startWorker, type WorkerProcess } from "../../workers/dev/worker-process.ts";

/** Starts Workers as `npm start` does, each with ports and a folder of its own. */

export const root = resolve(import.meta.dirname, "../..");

/** The variables of every Worker started here, so that no `.dev.vars` and no environment changes what a test sees. */
export const variables = {
  WEBHOOK_SECRET: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", // the specification's example
  API_TOKEN: "test-token-of-24-letters",
  LOCAL_DEV: "true",
  DOH_URL: "",
  PERIODIC_SECONDS: "0",
};

/** Makes a folder for the state of one test file; `remove` it once all processes in it are gone. */
export function temporaryFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "webhooks-pair-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) };
}

/**
 * The range lies below the ports that systems hand out, so that nobody takes one before its Worker listens, or between
 * a kill and the restart. It lies above the ports that browsers refuse.
 */
const PORTS = { from: 11_000, to: 32_000 };

/** Returns ports that nobody listens on at this moment, all different. */
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
 * Makes a folder to run the receiver in, with the TOML file as the README says to change it: more names of secrets, and
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
  /** The folder of its TOML file. */
  root?: string;
  print?: (line: string) => void;
};

/** Starts one Worker as `npm start` does, and resolves once it is ready; its lines go to `print`. */
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
