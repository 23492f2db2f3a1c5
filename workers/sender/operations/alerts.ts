import { presentTest, type TestedAlert } from "../../../shared/alerts/test.ts";
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

/** Sends a test at once, and returns what the target answered. @throws Problem `alerts_off`, `too_many_tests` */
export async function testAlert(env: Env) {
  return presentTest((await outboxOf(env).testAlert()) as TestedAlert);
}
