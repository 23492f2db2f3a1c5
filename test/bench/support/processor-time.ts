import { readdirSync, readFileSync } from "node:fs";
import { descendantsOf } from "../../pair/processes.ts";

/** Processor time of processes, without other load on the machine. Null on any system but Linux, which alone tells it. */

/** Linux counts in `/proc/<pid>/stat` in hundredths of a second, on every machine. */
const TICK_MS = 10;

/** Returns the milliseconds that a process and every process below it have used, as finely as 10 ms. */
export async function cpuMsOf(pid: number): Promise<number | null> {
  try {
    const pids = [pid, ...(await descendantsOf(pid)).map((below) => below.pid)];
    return pids.reduce((sum, each) => sum + ticksOf(each) * TICK_MS, 0);
  } catch {
    return null;
  }
}

/** Returns the milliseconds that the children of a process have used, exactly, as far as their threads still run. */
export function childrenCpuMs(pid: number): number | null {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
    const threads = children.flatMap((child) =>
      readdirSync(`/proc/${child}/task`).map((id) => `/proc/${child}/task/${id}`),
    );
    return threads.reduce((sum, thread) => sum + nanosecondsOf(thread) / 1e6, 0);
  } catch {
    return null;
  }
}

/** User and system time of all threads, those that ended included: fields 14 and 15, counted behind the name. */
function ticksOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

/** The first number of `schedstat` is the time spent on a processor. */
function nanosecondsOf(thread: string): number {
  return Number(readFileSync(`${thread}/schedstat`, "utf8").split(" ")[0]);
}
