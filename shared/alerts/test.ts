import { Problem } from "../http/problem.ts";
import { type AlertSent, isTaken } from "./alerts.ts";

/** A test of the way to the person on call, as the API and the pages of both Workers show it. */

/** The end of a test; `waitSeconds`: there were too many, and none was sent; null: no ALERT_URL is set. */
export type TestedAlert = AlertSent | { waitSeconds: number } | null;

/** Returns what the target answered; `taken`: a 2xx. @throws Problem `alerts_off`, `too_many_tests` */
export function presentTest(tested: TestedAlert) {
  if (tested === null) throw new Problem("alerts_off", "Set the variable ALERT_URL first.");
  if ("waitSeconds" in tested) {
    const headers = { "retry-after": String(tested.waitSeconds) };
    throw new Problem("too_many_tests", `Five tests a minute are sent. Wait ${tested.waitSeconds} s.`, { headers });
  }
  const { status, code, ms, response } = tested;
  return { taken: isTaken(tested), status, code, ms, response };
}
