import { Problem } from "../../../shared/http/problem.ts";
import { configOf } from "../config.ts";
import { type Env, outboxOf } from "./env.ts";

/** Operations on alerts. The URL is never shown: those of chats let anyone who has them write there. */

/** Returns the rules, the conditions that hold, and the last POST since the log's object started. */
export async function alertsOf(env: Env) {
  const { url, format, rules } = configOf(env).alerts;
  const { conditions, last } = await outboxOf(env).alerts();
  const lastSent = last === null ? null : { ...last, at: new Date(last.at).toISOString() };
  return { enabled: url !== null, format, rules, conditions, lastSent };
}

/** Sends a test at once; `taken`: the server answered 2xx. @throws Problem `alerts_off` */
export async function testAlert(env: Env) {
  const sent = await outboxOf(env).testAlert();
  if (sent === null) throw new Problem("alerts_off", "Set the variable ALERT_URL first.");
  const { status, code, ms, response } = sent;
  return { taken: status >= 200 && status < 300, status, code, ms, response };
}
