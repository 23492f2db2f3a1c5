import { type ChildProcess, spawn } from "node:child_process";
import { devNull } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";
import { startFront } from "./front.ts";

/** Runs one Worker under `wrangler dev`, in a process group of its own, behind a front that has its port. */

export type WorkerProcess = {
  name: string;
  url: string;
  /** Port of wrangler behind the front; null as long as wrangler does not listen. */
  innerPort: () => number | null;
  /** Number of answers, and of parts of answers, that wrangler gave so far. */
  answers: () => number;
  /** The leader of the group that holds wrangler and every workerd it starts. */
  pid: number;
  /** Resolves once `/health` answers 200; rejects when it names a misconfiguration, or the process ends or takes too long. */
  ready: Promise<void>;
  /** Resolves to the exit code or signal as text, after everything in the group is gone. */
  exited: Promise<string>;
  /** Asks the Worker to end, and kills it after a while. */
  stop(): Promise<void>;
  /** Ends the whole group at once, as a crash would. */
  kill(): void;
};

type WorkerOptions = {
  name: "sender" | "receiver";
  root: string;
  port: number;
  stateDir: string;
  variables: Record<string, string>;
  print: (line: string) => void;
};

const READY_DEADLINE_MS = 60_000;
const READY_RETRY_MS = 100;
/** A busy machine answers its first request late; one that was given up is answered, and logged, all the same. */
const PROBE_DEADLINE_MS = 10_000;
/** The time that wrangler has to bring a crashed runtime back. */
const RECOVERY_DEADLINE_MS = 5000;
const STOP_DEADLINE_MS = 10_000;
/** wrangler's own line for each request; the Workers log more about it themselves. */
const NOISE = /^\[wrangler:info\]/;
/** The only line of wrangler's that says where it listens. A Worker's own lines are JSON. */
const LISTENS = /^\[wrangler:info\] Ready on http:\/\/127\.0\.0\.1:(\d+)$/;
/** Part of a Worker's answer while a part of a log cannot be read. */
const DEGRADED = '"status":"degraded"';
/** Part of a Worker's answer as long as its configuration has a mistake, and the start of the line that names that. */
const MISCONFIGURED = '"code":"configuration_error"';
const FAULT = '{"event":"configuration.error"';
/** The line may come after the answer. */
const FAULT_DEADLINE_MS = 2000;
const CRASH = /The Workers runtime crashed/;

/** Turns off wrangler's own traffic, its prompts, its files outside this project, and a second copy of each log line. */
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
 * Starts a Worker from its TOML file. Its variables go through the environment: every user of the machine can read a
 * command line. wrangler takes those variables that the file's [vars] and [secrets] name.
 */
export function startWorker(options: WorkerOptions): WorkerProcess {
  const { name, root, port, stateDir, variables } = options;
  const child = spawn(process.execPath, wranglerArguments(options), {
    cwd: root,
    // Two pairs may run at once, with Workers of the same names: each pair has its own registry.
    env: { ...process.env, ...variables, ...QUIET, WRANGLER_REGISTRY_PATH: join(stateDir, "registry") },
    stdio: ["pipe", "pipe", "pipe"],
    // A terminal sends Ctrl-C to its whole foreground group, but the Workers end in order. leash.ts sees to the rest.
    detached: true,
  });
  const url = `http://127.0.0.1:${port}`;
  const front = startFront(port, variables.API_TOKEN ?? "");
  const exited = exitOf(child, front.close);
  const fault = Promise.withResolvers<string>();
  const held = printLines(child, (line) => {
    const [, listens] = LISTENS.exec(line) ?? [];
    if (listens !== undefined) front.target = Number(listens);
    if (NOISE.test(line)) return;
    options.print(line);
    if (line.startsWith(FAULT)) fault.resolve(String(JSON.parse(line).detail));
    // wrangler restarts a crashed runtime. When that was its proxy, every request hangs from then on.
    if (CRASH.test(line)) untilReady(url, exited, RECOVERY_DEADLINE_MS).catch(() => killGroup(child));
  });
  return {
    ...{ name, url, innerPort: () => front.target, answers: () => front.signs, pid: child.pid ?? 0, exited },
    ready: front.listening
      .then(() => untilReady(url, exited, READY_DEADLINE_MS))
      .then(held.drop, async (error: unknown) => {
        held.show();
        if (!(error instanceof Misconfigured)) throw error;
        const late = delay(FAULT_DEADLINE_MS, "its log says where", { ref: false });
        throw new Error(`it is not configured correctly: ${await Promise.race([fault.promise, late])}`);
      }),
    stop: async () => {
      held.stop();
      child.kill("SIGTERM");
      const giveUp = setTimeout(() => killGroup(child), STOP_DEADLINE_MS);
      await exited;
      clearTimeout(giveUp);
    },
    kill: () => killGroup(child),
  };
}

function wranglerArguments({ name, root, stateDir }: WorkerOptions): string[] {
  return [
    // Required, not imported: an import makes Node read all of wrangler as if it were an ES module, for a third of a second.
    ...["--require", join(import.meta.dirname, "leash.ts")],
    ...[join(root, "node_modules/wrangler/bin/wrangler.js"), "dev"],
    ...["--config", `wrangler.${name}.toml`, "--ip", "127.0.0.1", "--port", "0"],
    // Each Worker has its own folder: caches have the same names in both, and an SQLite file has one owner.
    ...["--persist-to", join(stateDir, name)],
    // With an env file wrangler reads the environment instead of `.dev.vars`, whose values are in it already.
    ...["--env-file", devNull],
    ...["--inspector-port", "0", "--show-interactive-dev-session=false"],
  ];
}

/**
 * Prints the child's lines. Until the Worker is ready, and while it stops, only its own log, which is JSON, is printed
 * at once; wrangler's lines are held back, and shown when the start fails.
 */
function printLines(child: ChildProcess, print: (line: string) => void) {
  let held: string[] | null = [];
  let stopping = false;
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on("line", (raw) => {
      const line = stripVTControlCharacters(raw).trimEnd();
      if (line === "") return;
      if (held === null || line.startsWith("{") || NOISE.test(line)) print(line);
      else if (!stopping) held.push(line);
    });
  }
  return {
    show: () => {
      held?.forEach(print);
      if (!stopping) held = null;
    },
    drop: () => {
      if (!stopping) held = null;
    },
    stop: () => {
      stopping = true;
      held = [];
    },
  };
}

/** Resolves when wrangler has ended, its group has been killed and `close` was called. */
function exitOf(child: ChildProcess, close: () => void): Promise<string> {
  return new Promise((resolve) => {
    child.once("error", (error) => {
      close();
      resolve(error.message);
    });
    // "close" would come too late: a workerd left behind holds the pipes open.
    child.once("exit", () => {
      close();
      killGroup(child);
    });
    child.once("close", (code, signal) => resolve(signal ?? `code ${code}`));
  });
}

/** Kills the group, which may outlive its leader; on Windows, which has no groups, the leader alone. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(process.platform === "win32" ? child.pid : -child.pid, "SIGKILL");
  } catch {
    // Nothing of the group is left.
  }
}

/** The Worker says that its configuration has a mistake. */
class Misconfigured extends Error {}

/**
 * Waits until `/health` answers 200, or says that a log cannot be read as a whole: the Worker takes events all the same.
 *
 * @throws Error when the process ended, its configuration is wrong, or no answer came within `deadlineMs`.
 */
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
    if (answer?.ok || text.includes(DEGRADED)) return;
    // The Worker would answer so until the deadline: a corrected file needs a new start.
    if (text.includes(MISCONFIGURED)) throw new Misconfigured();
    await delay(READY_RETRY_MS);
  }
  throw new Error(`${url}/health did not answer 200 within ${deadlineMs / 1000} s`);
}
