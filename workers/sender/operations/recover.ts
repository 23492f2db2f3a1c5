import { isTypePattern } from "../../../shared/event-type.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { isoTime } from "../../../shared/time.ts";
import type { DeliveryChoice, RecoverCall } from "../protocol.ts";
import { knownEndpoint } from "./endpoints.ts";
import { type Env, endpointOf } from "./env.ts";

/** Operations on many deliveries of one endpoint. Each throws the Problem that says why it was not done. */

/** A choice of deliveries as it was asked for. */
type AskedChoice = { since?: unknown; until?: unknown; types?: unknown };

const MAX_CHOSEN_TYPES = 100;
const STATES_BY_NAME = { dead: ["dead"], due: ["due"], both: ["due", "dead"] } as const;

/**
 * Sends deliveries again, at the endpoint's own rate: those that died, those that wait for a retry (`state` due), or
 * both. Returns how many, 10,000 of each at most.
 *
 * @throws Problem `invalid_endpoint`, `not_found`
 */
export async function recoverEndpoint(
  env: Env,
  id: string,
  { state = "dead", ...asked }: AskedChoice & { state?: unknown },
): Promise<number> {
  await knownEndpoint(env, id);
  return endpointOf(env, id).recover({ ...deliveryChoice(asked), states: statesFrom(state) });
}

/**
 * Ends deliveries that wait for a retry; those under way go on. Returns how many, 10,000 at most.
 *
 * @throws Problem `invalid_endpoint`, `not_found`
 */
export async function skipWaiting(env: Env, id: string, asked: AskedChoice): Promise<number> {
  await knownEndpoint(env, id);
  return endpointOf(env, id).skip(deliveryChoice(asked));
}

function statesFrom(state: unknown): NonNullable<RecoverCall["states"]> {
  if (state === "dead" || state === "due" || state === "both") return STATES_BY_NAME[state];
  throw new Problem("invalid_endpoint", "state is dead, due, or both.");
}

function deliveryChoice({ since, until, types }: AskedChoice): DeliveryChoice {
  const period = {
    since: since === undefined ? 0 : timeOf("since", since),
    until: until === undefined ? null : timeOf("until", until),
  };
  if (period.until !== null && period.until <= period.since) {
    throw new Problem("invalid_endpoint", "until must be later than since.");
  }
  return { ...period, types: types === undefined ? null : typesFrom(types) };
}

export function typesFrom(types: unknown): string[] {
  const isList = Array.isArray(types) && types.length > 0 && types.length <= MAX_CHOSEN_TYPES;
  if (isList && types.every((type) => typeof type === "string" && isTypePattern(type))) return types as string[];
  throw new Problem(
    "invalid_endpoint",
    `types are 1 to ${MAX_CHOSEN_TYPES} names or patterns as order.* and order.*.paid.`,
  );
}

export function timeOf(name: string, text: unknown): number {
  const time = typeof text === "string" ? isoTime(text) : null;
  if (time !== null) return time;
  throw new Problem("invalid_endpoint", `${name} must be an ISO 8601 time with its zone, as 2026-01-31T08:00:00Z.`);
}
