import { setTimeout as delay } from "node:timers/promises";
import type { WorkerProcess } from "./worker-process.ts";

/** Notices a Worker that hangs: its processes run, and no request is answered any more. */

type Watched = Pick<WorkerProcess, "url" | "answers" | "exited">;

/**
 * Together at most nine seconds from the last answer to the second probe that nothing came after. `starvedShare`: the
 * share of a round by which our own timers came late, from which on the machine keeps the Worker from answering, or us
 * from hearing it. `starvedWeight`: such a round counts so much, as one that hangs must end there too, after 90 seconds.
 */
const PROBES = { everyMs: 1000, deadlineMs: 3500, silent: 2, beatMs: 100, starvedShare: 0.1, starvedWeight: 0.1 };

/** Resolves when the Worker hangs. Never does once it has ended. */
export async function untilHung(worker: Watched, probes = PROBES): Promise<void> {
  let ended = false;
  void worker.exited.then(() => {
    ended = true;
  });
  // One probe is not enough: a single answer may be lost.
  for (let unanswered = 0; unanswered < probes.silent; ) {
    const lateShare = startBeats(probes.beatMs);
    const before = worker.answers();
    await delay(probes.everyMs);
    // A Worker that answers others is busy at most.
    if (!ended && worker.answers() === before) await probe(worker.url, probes.deadlineMs);
    const starved = lateShare() > probes.starvedShare;
    if (ended) return new Promise(() => {});
    if (worker.answers() !== before) unanswered = 0;
    else unanswered += starved ? probes.starvedWeight : 1;
  }
}

/** Begins to measure, and returns a function that ends it and returns the share of the time by which timers came late. */
function startBeats(beatMs: number): () => number {
  const began = performance.now();
  let due = began + beatMs;
  let lateMs = 0;
  const beat = () => {
    const now = performance.now();
    lateMs += Math.max(0, now - due);
    due = now + beatMs;
  };
  const timer = setInterval(beat, beatMs);
  return () => {
    clearInterval(timer);
    // A beat that is due has not come yet when all timers come late together, as after a stop by Ctrl-Z.
    beat();
    return lateMs / (performance.now() - began);
  };
}

/** Asks for an answer, of whatever kind; the front counts it. */
async function probe(url: string, deadlineMs: number): Promise<void> {
  const answer = await fetch(`${url}/health`, { signal: AbortSignal.timeout(deadlineMs) }).catch(() => null);
  await answer?.body?.cancel();
}
