import { MINUTE_MS } from "../../../shared/time.ts";
import type { SpanFigures } from "./activity.ts";

/** The state of an endpoint as its last attempts show it. Pure: the caller has the clock. */

/**
 * `failing`: every attempt since a time has failed. `resting`: the server asked not to be called before a time.
 * `unknown`: the endpoint's object did not answer.
 */
export type HealthState = "failing" | "resting" | "disabled" | "unknown" | "delivering";

/** The states in the order in which a reader wants them. */
export const HEALTH_STATES: readonly HealthState[] = ["failing", "resting", "unknown", "disabled", "delivering"];

/** `slowed`: several attempts in a row have failed. Times in unix ms. */
export type Health = { heldUntil: number | null; failingSince: number | null; slowed: boolean; hour: SpanFigures };

/** A failure among successes is no state yet; a minute of nothing but failures is one. */
const GRACE_MS = MINUTE_MS;

/** Returns the state of an endpoint at `now` (unix ms); `health` is null when its object did not answer. */
export function healthStateOf(enabled: boolean, health: Health | null, now: number): HealthState {
  if (!enabled) return "disabled";
  if (health === null) return "unknown";
  const { heldUntil, failingSince, slowed, hour } = health;
  if (heldUntil !== null && heldUntil > now) return "resting";
  if (failingSince === null) return "delivering";
  return slowed || hour.delivered === 0 || failingSince <= now - GRACE_MS ? "failing" : "delivering";
}

/** Endpoints by state. */
export type HealthCounts = Record<HealthState, number>;

export function countStates(states: Iterable<HealthState>): HealthCounts {
  const counts = { failing: 0, resting: 0, unknown: 0, disabled: 0, delivering: 0 };
  for (const state of states) counts[state]++;
  return counts;
}
