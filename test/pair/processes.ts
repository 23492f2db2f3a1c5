import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { promisify } from "node:util";

/** Looks at the processes of this machine. */

type Process = { pid: number; parent: number; command: string };

const run = promisify(execFile);

/** Returns every process below `pid`, in any group. */
export async function descendantsOf(pid: number): Promise<Process[]> {
  const rows = await processes();
  const found: Process[] = rows.filter(({ parent }) => parent === pid);
  for (const above of found) found.push(...rows.filter(({ parent }) => parent === above.pid));
  return found;
}

/** Returns those of `pids` that still run; a zombie, dead but not yet collected by its parent, does not. */
export async function stillRunning(pids: readonly number[]): Promise<number[]> {
  const alive = new Set((await processes()).map(({ pid }) => pid));
  return pids.filter((pid) => alive.has(pid));
}

/** Reads /proc where there is one: small Linux images have no `ps`. */
async function processes(): Promise<Process[]> {
  if (existsSync("/proc/self/stat")) return readdirSync("/proc").flatMap(fromProc);
  const { stdout } = await run("ps", ["-A", "-o", "pid=,stat=,ppid=,args="]);
  return stdout.split("\n").flatMap((row) => {
    const [, pid, state, parent, command] = /^\s*(\d+)\s+(\S+)\s+(\d+)\s+(.*)$/.exec(row) ?? [];
    return state === undefined || state.startsWith("Z")
      ? []
      : [{ pid: Number(pid), parent: Number(parent), command: command ?? "" }];
  });
}

function fromProc(pid: string): Process[] {
  if (!/^\d+$/.test(pid)) return [];
  try {
    // The line is `pid (name) state parent …`, and the name may hold anything.
    const [state, parent] = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
    return state === "Z" ? [] : [{ pid: Number(pid), parent: Number(parent), command }];
  } catch {
    return []; // The process is gone by now.
  }
}

/** Returns the memory that a process and every process below it hold, in bytes; null where there is no /proc. */
export async function residentBytes(pid: number): Promise<number | null> {
  if (!existsSync("/proc/self/status")) return null;
  const pids = [pid, ...(await descendantsOf(pid)).map((below) => below.pid)];
  return pids.reduce((sum, each) => sum + residentOf(each), 0);
}

function residentOf(pid: number): number {
  try {
    const [, kib = "0"] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return Number(kib) * 1024;
  } catch {
    return 0; // The process is gone by now.
  }
}
