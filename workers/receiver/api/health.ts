import { withDeadline } from "../../../shared/deadline.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { configOf } from "../config.ts";
import type { Health } from "../inbox/status.ts";
import { createApp, type Env, logsOf, readLog } from "../log/logs.ts";
import { checkForwardSecret } from "../verify/forward-secret.ts";
import { checkSources } from "../verify/source-fault.ts";

/** Route of `/health`: whether the configuration is right and every log can be written and read. Open to anyone. */

/** Anyone may ask, so a log is asked no more often than this by one isolate. */
const ASK_EVERY_MS = 10_000;
const ASK_DEADLINE_MS = 5_000;

/** Answers for a whole Worker: `reasons` are coarse, because a stranger reads them. */
type Answer = { status: "ok" } | { status: "degraded"; reasons: string[] };

const answers = new WeakMap<Env, { at: number; answer: Answer }>();

/** A degraded log is 503: a monitor reads the status alone. `/webhook` may take events all the same. */
export const healthRoutes = createApp().get("/", async (c) => {
  const config = configOf(c.env);
  await checkSources(config.sources);
  checkForwardSecret(config.forwardSecret);
  const answer = await lately(c.env, Date.now());
  return c.json(answer, answer.status === "ok" ? 200 : 503);
});

/** Returns the last answer while it is fresh. Only finished answers are kept: a request that is cut off ends its calls. */
async function lately(env: Env, now: number): Promise<Answer> {
  const last = answers.get(env);
  if (last !== undefined && Math.abs(now - last.at) < ASK_EVERY_MS) return last.answer;
  const answer = await askAll(env);
  answers.set(env, { at: now, answer });
  return answer;
}

async function askAll(env: Env): Promise<Answer> {
  const found = await Promise.all(logsOf(configOf(env)).map((log) => reasonsOf(env, log)));
  const reasons = [...new Set(found.flat())];
  return reasons.length === 0 ? { status: "ok" } : { status: "degraded", reasons };
}

async function reasonsOf(env: Env, log: string): Promise<string[]> {
  try {
    const asked = readLog(env, log, ({ inbox }) => inbox.health() as Promise<Health>);
    const { space, unread } = await withDeadline(asked, ASK_DEADLINE_MS);
    return [...(space === "full" ? ["storage_full"] : []), ...(unread > 0 ? ["segment_unavailable"] : [])];
  } catch (error) {
    logEvent("health.unanswered", { log, error: String(error) });
    return ["log_unavailable"];
  }
}
