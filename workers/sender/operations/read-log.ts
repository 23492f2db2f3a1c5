import { Problem } from "../../../shared/http/problem.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { EventPage, WaitQuery } from "../protocol.ts";
import { type Env, outboxOf } from "./env.ts";

/** Reading the log by pages, for the API. */

type LogQuery = { after: number | null; before: number | null; type: string | null; limit: number };

/** A wait for more. `signal` ends it: the client has left. */
export type Wait = { waitMs: number; signal: AbortSignal };

/**
 * Returns one page of the log. With `waitMs` and a position to read on from, the answer is held back until there is
 * something after it, or the time is over. The log's object may be moved or replaced while a call waits there; the rest
 * of the time is then waited once more.
 *
 * @throws Problem `segment_unavailable`
 */
export async function readLog(env: Env, query: LogQuery, { waitMs, signal }: Wait): Promise<EventPage> {
  const { after, limit, type } = query;
  if (after === null || waitMs === 0) return outboxOf(env).events(query);
  const deadline = Date.now() + waitMs;
  const wait = () => {
    const left = signal.aborted ? 0 : Math.max(0, deadline - Date.now());
    return nextEvents(outboxOf(env), { after, limit, type }, { waitMs: left, signal });
  };
  return wait()
    .catch(wait)
    .catch((error: unknown) => {
      const problem = new Problem("segment_unavailable", "The log did not answer; try again.", {
        headers: { "retry-after": "1" },
      });
      problem.cause = error;
      throw problem;
    });
}

/** Waits in the Outbox. A signal does not cross the call, so the wait has an id by which it can be ended. */
async function nextEvents(
  outbox: DurableObjectStub<Outbox>,
  query: WaitQuery,
  { waitMs, signal }: Wait,
): Promise<EventPage> {
  const id = crypto.randomUUID();
  // A failure of the object reaches the waiting call as well.
  const leave = () => void outbox.leave(id).catch(() => {});
  signal.addEventListener("abort", leave);
  try {
    return await outbox.nextEvents(query, waitMs, id);
  } finally {
    signal.removeEventListener("abort", leave);
  }
}
