import { type ChildProcess, spawn } from "node:child_process";
import { devNull } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { stripVTControlCharacters } from "node:util";

/** One Worker under `wrangler dev`, in a process group of its own. */
export type WorkerProcess = {
  name: string;
  url: string;
  /** The leader of the group that holds wrangler and every workerd it starts. */
  pid: number;
  /** Resolves once `/health` answers 200; rejects when it names a misconfiguration, or the process ends or takes too long. */
  ready: Promise<void>;
  /** Resolves to how it ended, after everything in its group is gone. */
  exited: Promise<string>;
  /** Asks it to end, and makes it end after a while. */
  stop(): Promise<void>;
  /** Ends the whole group at once, as a crash would. */
  kill(): void;
};

export type WorkerOptions = {
  name: "sender" | "receiver";
  root: string;
  port: number;
  stateDir: string;
  variables: Record<string, string>;
  print: (line: string) => void;
};

const READY_DEADLINE_MS = 60_000;
const READY_RETRY_MS = 100;
const PROBE_DEADLINE_MS = 2000;
/** As long as wrangler gets to bring a crashed runtime back. */
const RECOVERY_DEADLINE_MS = 5000;
const STOP_DEADLINE_MS = 10_000;
/** What wrangler says of each request; the Workers say more of it themselves. */
const NOISE = /^\[wrangler:info\]/;
/** In the problem that a Worker answers with as long as its configuration has a mistake. */
const MISCONFIGURED = '"code":"configuration_error"';
const CRASH = /The Workers runtime crashed/;

/** wrangler's own traffic, prompts and files outside this project, and a second copy of every log line, off. */
const QUIET = {
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  WRANGLER_HIDE_BANNER: "true",
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_WRITE_LOGS: "false",
  X_LOCAL_EXPLORER: "false",
  X_LOCAL_OBSERVABILITY: "false",
};

/**
 * Starts a Worker from its TOML file. Its variables go through the environment, never the command line, which
 * every user of the machine can read; wrangler takes those that the file's [vars] and [secrets] name.
 */
export function startWorker(options: WorkerOptions): WorkerProcess {
  const { name, root, port, stateDir, variables } = options;
  const child = spawn(process.execPath, wranglerArguments(options), {
    cwd: root,
    // Two `npm start` have Workers of the same name: each pair has its own registry of what runs.
    env: { ...process.env, ...variables, ...QUIET, WRANGLER_REGISTRY_PATH: join(stateDir, "registry") },
    stdio: ["pipe", "pipe", "pipe"],
    // A terminal sends Ctrl-C to its whole foreground group, but this is ended in order; leash.ts sees to the rest.
    detached: true,
  });
  const url = `http://127.0.0.1:${port}`;
  const exited = exitOf(child);
  const held = printLines(child, (line) => {
    options.print(line);
    // It starts a crashed runtime again, but when that was its proxy, every request hangs from then on.
    if (CRASH.test(line)) untilReady(url, exited, RECOVERY_DEADLINE_MS).catch(() => killGroup(child));
  });
  return {
    ...{ name, url, pid: child.pid ?? 0, exited },
    ready: untilReady(url, exited, READY_DEADLINE_MS).then(held.drop, (error: unknown) => {
      held.show();
      throw error;
    }),
    stop: async () => {
      child.kill("SIGTERM");
      const giveUp = setTimeout(() => killGroup(child), STOP_DEADLINE_MS);
      await exited;
      clearTimeout(giveUp);
    },
    kill: () => killGroup(child),
  };
}

function wranglerArguments({ name, root, port, stateDir }: WorkerOptions): string[] {
  return [
    ...["--import", pathToFileURL(join(import.meta.dirname, "leash.ts")).href],
    ...[join(root, "node_modules/wrangler/bin/wrangler.js"), "dev"],
    ...["--config", `wrangler.${name}.toml`, "--ip", "127.0.0.1", "--port", String(port)],
    // One folder each: caches and the like have the same names in both, and SQLite files have one owner.
    ...["--persist-to", join(stateDir, name)],
    // Given an env file, wrangler reads the environment and no `.dev.vars`, whose values are in it already.
    ...["--env-file", devNull],
    ...["--inspector-port", "0", "--show-interactive-dev-session=false"],
  ];
}

/**
 * Prints the child's lines. Until it is ready only the Worker's own log, which is JSON, is shown at once;
 * wrangler's preamble is held back, and shown when the start fails.
 */
function printLines(child: ChildProcess, print: (line: string) => void): { show: () => void; drop: () => void } {
  let held: string[] | null = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on("line", (raw) => {
      const line = stripVTControlCharacters(raw).trimEnd();
      if (line === "" || NOISE.test(line)) return;
      if (held !== null && !line.startsWith("{")) held.push(line);
      else print(line);
    });
  }
  return {
    show: () => {
      held?.forEach(print);
      held = null;
    },
    drop: () => {
      held = null;
    },
  };
}

/** Resolves when wrangler has ended and what it may have left behind has been killed. */
function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    // Not at "close": a workerd left behind holds the pipes open.
    child.once("exit", () => killGroup(child));
    child.once("close", (code, signal) => resolve(signal ?? `code ${code}`));
  });
}

/** Signals the group, which outlives its leader; where there are no groups, the leader alone. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(process.platform === "win32" ? child.pid : -child.pid, "SIGKILL");
  } catch {
    // Nothing of the group is left.
  }
}

/** @throws Error when the process ended, its configuration is wrong, or `/health` did not answer within `deadlineMs`. */
async function untilReady(url: string, exited: Promise<string>, deadlineMs: number): Promise<void> {
  let ended: string | null = null;
  void exited.then((how) => {
    ended = how;
  });
  const deadline = Date.now() + deadlineMs;
  while (Date.now() < deadline) {
    if (ended !== null) throw new Error(`wrangler ended with ${ended} before ${url} answered`);
    const answer = await fetch(`${url}/health`, { signal: AbortSignal.timeout(PROBE_DEADLINE_MS) }).catch(() => null);
    const text = (await answer?.text().catch(() => "")) ?? "";
    if (answer?.ok) return;
    // It would say so until the deadline; a fixed file means another start.
    if (text.includes(MISCONFIGURED)) throw new Error("it is not configured correctly; its log says where");
    await delay(READY_RETRY_MS);
  }
  throw new Error(`${url}/health did not answer 200 within ${deadlineMs / 1000} s`);
}
