import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach } from "vitest";
import { descendantsOf, stillRunning } from "../pair/processes.ts";
import { until } from "../pair/until.ts";
import { freePorts, root, temporaryFolder, variables } from "../pair/workers.ts";

/** The script of `npm start`, in a process of its own, with its output, whose lines of the Workers are JSON unless `LOG` says otherwise. */
export class NpmStart {
  readonly lines: string[] = [];
  readonly env: Record<string, string>;
  /** Resolves to the exit code, null after a signal that nothing caught. */
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  #waiting: (() => void)[] = [];

  constructor(env: Record<string, string>) {
    this.env = env;
    this.#child = spawn(process.execPath, ["workers/dev/start.ts"], {
      cwd: root,
      env: { ...process.env, ...variables, LOG: "json", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.exited = new Promise((resolve) => this.#child.once("exit", resolve));
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on("line", (line) => this.#take(line));
    }
    void this.exited.then(() => this.#wake());
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /**
   * Resolves to the first `count` lines that match, once they are there.
   *
   * @throws Error with all output when the process ends before.
   */
  async printed(pattern: RegExp, count = 1): Promise<string[]> {
    for (;;) {
      const found = this.lines.filter((line) => pattern.test(line));
      if (found.length >= count) return found;
      if (this.#child.exitCode !== null) throw new Error(`ended without ${pattern}:\n${this.lines.join("\n")}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #take(line: string): void {
    this.lines.push(line);
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

export type OwnPair = { starting: NpmStart; processes: number[] };

/** Returns a function that starts a pair with ports and a state of its own, and resolves once it has started a process. */
export function useOwnPairs(): (vars?: Record<string, string>) => Promise<OwnPair> {
  const folder = temporaryFolder();
  const started: NpmStart[] = [];
  afterEach(async () => {
    for (const one of started.splice(0)) {
      one.signal("SIGKILL");
      await one.exited;
    }
  });
  afterAll(() => folder.remove());
  return async (vars = {}) => {
    const ports = await pairOfPorts();
    const own = { PERIODIC_SECONDS: "2", STATE_DIR: join(folder.path, ports.SENDER_PORT) };
    const starting = new NpmStart({ ...ports, ...own, ...vars });
    started.push(starting);
    const processes = await until("a first process", async () => {
      const found = await descendantsOf(starting.pid);
      return found.length > 0 ? found.map(({ pid }) => pid) : null;
    });
    return { starting, processes };
  };
}

export async function pairOfPorts(): Promise<{ SENDER_PORT: string; RECEIVER_PORT: string }> {
  const [sender, receiver] = await freePorts(2);
  return { SENDER_PORT: String(sender), RECEIVER_PORT: String(receiver) };
}

/** Waits until every process is gone. */
export async function gone(processes: number[]): Promise<void> {
  await until("every process is gone", async () => ((await stillRunning(processes)).length === 0 ? true : null), 5000);
}
