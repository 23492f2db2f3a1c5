import { Problem } from "../../../shared/problem.ts";
import type { Env } from "../env.ts";
import type { EventPage } from "../outbox.ts";
import { outboxOf } from "./outbox.ts";

export type LogQuery = { after: number | null; before: number | null; type: string | null; limit: number };

/**
 * One page of the log. With `waitMs` and a position to read on from, the answer is held back until there is
 * something after it, or the time is over. The log's object may be moved or replaced while a call waits there,
 * which says nothing about the log: the rest of the time is then waited once more.
 *
 * @throws Problem `segment_unavailable`
 */
export async function readLog(env: Env, query: LogQuery, waitMs: number): Promise<EventPage> {
  const { after, limit, type } = query;
  if (after === null || waitMs === 0) return outboxOf(env).events(query);
  const deadline = Date.now() + waitMs;
  const wait = async () => outboxOf(env).nextEvents({ after, limit, type }, Math.max(0, deadline - Date.now()));
  return wait()
    .catch(wait)
    .catch((error: unknown) => {
      const problem = new Problem("segment_unavailable", "The log did not answer; ask again.", {
        headers: { "retry-after": "1" },
      });
      problem.cause = error;
      throw problem;
    });
}
