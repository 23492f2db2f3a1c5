import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { root, variables } from "../pair/workers.ts";

/** The script of `npm start`, in a process of its own, with its output. */
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
