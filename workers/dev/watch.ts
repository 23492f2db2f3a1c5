import { setTimeout as delay } from "node:timers/promises";
import type { WorkerProcess } from "./worker-process.ts";

/** Notices a Worker that hangs: its processes run, and no request is answered any more. */

type Watched = Pick<WorkerProcess, "url" | "answers" | "exited">;

/** Together at most nine seconds from the last answer to the second probe that nothing came after. */
const PROBES = { everyMs: 1000, deadlineMs: 3500, silent: 2 };

/** Resolves when the Worker hangs. Never does once it has ended. */
export async function untilHung(worker: Watched, { everyMs, deadlineMs, silent } = PROBES): Promise<void> {
  let ended = false;
  void worker.exited.then(() => {
    ended = true;
  });
  // One probe is not enough: after a stop by Ctrl-Z all deadlines have passed at once.
  for (let unanswered = 0; unanswered < silent; ) {
    const before = worker.answers();
    await delay(everyMs);
    if (ended) return new Promise(() => {});
    // A Worker that answers others is busy at most.
    if (worker.answers() === before) await probe(worker.url, deadlineMs);
    unanswered = worker.answers() === before ? unanswered + 1 : 0;
  }
}

/** Asks for an answer, of whatever kind; the front counts it. */
async function probe(url: string, deadlineMs: number): Promise<void> {
  const answer = await fetch(`${url}/health`, { signal: AbortSignal.timeout(deadlineMs) }).catch(() => null);
  await answer?.body?.cancel();
}
