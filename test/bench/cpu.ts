import { readdirSync, readFileSync } from "node:fs";

/**
 * Returns the milliseconds of processor time that this process's children have used, without other load on the
 * machine. Null on any system but Linux, which alone tells it exactly enough.
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
