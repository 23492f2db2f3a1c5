import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { root, variables } from "./workers.ts";

const run = promisify(execFile);

/** What `npm start` runs, in a process of its own, with its output. */
export class NpmStart {
  readonly lines: string[] = [];
  /** Resolves to the exit code, null after a signal that nothing caught. */
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  #waiting: (() => void)[] = [];

  constructor(env: Record<string, string>) {
    this.#child = spawn(process.execPath, ["workers/dev.ts"], {
      cwd: root,
      env: { ...process.env, ...variables, ...env },
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
   * The first `count` lines that match, once they are there.
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

  /** Every process below this one, whatever group it is in. */
  async descendants(): Promise<number[]> {
    const rows = await processes();
    const found = [this.pid];
    for (const pid of found) found.push(...rows.filter((row) => row.parent === pid).map((row) => row.pid));
    return found.slice(1);
  }

  #take(line: string): void {
    this.lines.push(line);
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** Those of `pids` that still run; a zombie, dead but not yet collected by its parent, does not. */
export async function stillRunning(pids: readonly number[]): Promise<number[]> {
  const alive = new Set((await processes()).map(({ pid }) => pid));
  return pids.filter((pid) => alive.has(pid));
}

/** Zombies left out. From /proc where there is one: small Linux images have no `ps`. */
async function processes(): Promise<{ pid: number; parent: number }[]> {
  const rows = existsSync("/proc/self/stat") ? procRows() : (await run("ps", ["-A", "-o", "pid=,stat=,ppid="])).stdout;
  return rows
    .trim()
    .split("\n")
    .map((row) => row.trim().split(/\s+/))
    .filter(([, state]) => state?.startsWith("Z") === false)
    .map(([pid, , parent]) => ({ pid: Number(pid), parent: Number(parent) }));
}

/** `pid state parent` a line; the command's name between them may hold anything, so it is cut out at its last `)`. */
function procRows(): string {
  const rows = readdirSync("/proc").map((pid) => {
    try {
      return /^\d+$/.test(pid) ? `${pid} ${readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "")}` : "";
    } catch {
      return ""; // gone meanwhile
    }
  });
  return rows.filter((row) => row !== "").join("\n");
}
