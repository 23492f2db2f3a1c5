import { readdirSync, readFileSync } from "node:fs";

/**
 * Milliseconds of processor time that the processes which this one started have used: what else the machine does is
 * no part of it. Null where the system does not say it so exactly, as only Linux does.
 */
export function childrenCpuMs(): number | null {
  try {
    const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").split(" ").filter(Boolean);
    const threads = children.flatMap((pid) => readdirSync(`/proc/${pid}/task`).map((id) => `/proc/${pid}/task/${id}`));
    return threads.reduce((sum, thread) => sum + nanosecondsOf(thread) / 1e6, 0);
  } catch {
    return null;
  }
}

/** The first number of `schedstat` is the time spent on a processor. */
function nanosecondsOf(thread: string): number {
  return Number(readFileSync(`${thread}/schedstat`, "utf8").split(" ")[0]);
}
