import { Problem } from "../../../shared/http/problem.ts";
import type { ReplayBounds, ReplayView } from "../protocol.ts";
import { knownEndpoint } from "./endpoints.ts";
import { type Env, endpointOf, outboxOf } from "./env.ts";
import { timeOf, typesFrom } from "./recover.ts";

/** Replays: a part of the log that is sent to one endpoint again. Each throws the Problem that says why not. */

/** The members of a replay as they were asked for. */
export const REPLAY_MEMBERS = ["after", "since", "before", "until", "types", "only"];

type AskedReplay = { [Member in (typeof REPLAY_MEMBERS)[number]]?: unknown };

/** @throws Problem `invalid_endpoint`, `not_found`, `endpoint_disabled`, `replay_running` */
export async function replayTo(env: Env, id: string, asked: AskedReplay): Promise<ReplayView> {
  const [bounds, only] = [boundsFrom(asked), onlyFrom(asked.only ?? "missing")];
  const types = asked.types === undefined ? null : typesFrom(asked.types);
  const { row } = await knownEndpoint(env, id);
  if (!row.config.enabled) throw new Problem("endpoint_disabled", `Enable ${id} first: ${row.config.disabledReason}.`);
  const range = await outboxOf(env).replayRange(bounds);
  const view = await endpointOf(env, id).replay({ ...range, bounds, types, only });
  if (view !== null) return view;
  throw new Problem("replay_running", `${id} has another replay under way. Wait until it ends, or cancel it.`);
}

/** Ends the replay that runs, and returns it; one that has ended stays as it is. @throws Problem `not_found` */
export async function cancelReplay(env: Env, id: string): Promise<ReplayView> {
  await knownEndpoint(env, id);
  const view = await endpointOf(env, id).cancelReplay();
  if (view === null) throw new Problem("not_found", `${id} has had no replay.`);
  return view;
}

function boundsFrom({ after, since, before, until }: AskedReplay): ReplayBounds {
  const bounds = {
    after: after === undefined ? null : seqFrom("after", after),
    since: since === undefined ? null : timeOf("since", since),
    before: before === undefined ? null : seqFrom("before", before),
    until: until === undefined ? null : timeOf("until", until),
  };
  if ((bounds.after === null) === (bounds.since === null)) {
    throw new Problem("invalid_endpoint", "after or since is required, one of the two: `after` 0 is the whole log.");
  }
  if (bounds.before !== null && bounds.until !== null) {
    throw new Problem("invalid_endpoint", "before and until exclude each other: give one of the two.");
  }
  if (bounds.since !== null && bounds.until !== null && bounds.until <= bounds.since) {
    throw new Problem("invalid_endpoint", "until must be later than since.");
  }
  if (bounds.after !== null && bounds.before !== null && bounds.before <= bounds.after) {
    throw new Problem("invalid_endpoint", "before must be greater than after.");
  }
  return bounds;
}

function seqFrom(name: string, value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new Problem("invalid_endpoint", `${name} must be the seq of an event, a whole number.`);
}

function onlyFrom(only: unknown): "missing" | "all" {
  if (only === "missing" || only === "all") return only;
  throw new Problem("invalid_endpoint", "only is missing or all.");
}
