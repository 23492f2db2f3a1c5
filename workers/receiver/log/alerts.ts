import { presentTest, type TestedAlert } from "../../../shared/alerts/test.ts";
import { configOf } from "../config.ts";
import type { LogAlerts } from "../inbox/alert-watch.ts";
import { DEFAULT_LOG } from "../verify/source.ts";
import { type Env, inboxOf, logsOf, readLog } from "./logs.ts";

/** The alerts of all logs, for the API and the viewer. The URL is never shown: who has a chat's can write there. */

/** Returns the rules, the conditions that hold in each log, and the last POST since the logs' objects started. */
export async function alertsOf(env: Env) {
  const config = configOf(env);
  const { url, format, rules } = config.alerts;
  const found = await Promise.all(
    logsOf(config).map(async (log) => ({
      log,
      ...(await readLog<LogAlerts>(env, log, ({ inbox }) => inbox.alerts())),
    })),
  );
  const conditions = found.flatMap(({ log, conditions: open }) => open.map((condition) => ({ log, ...condition })));
  const [last] = found.flatMap((each) => each.last ?? []).sort((a, b) => b.at - a.at);
  const lastSent = last === undefined ? null : { ...last, at: new Date(last.at).toISOString() };
  return { enabled: url !== null, format, rules, conditions, lastSent };
}

/** Sends a test at once, and returns what the target answered. @throws Problem `alerts_off`, `too_many_tests` */
export async function testAlert(env: Env) {
  return presentTest((await inboxOf(env, DEFAULT_LOG).testAlert()) as TestedAlert);
}
