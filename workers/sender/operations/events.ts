import { Problem } from "../../../shared/http/problem.ts";
import type { LoggedEvent } from "../model/event.ts";
import { unknownEndpoint } from "./endpoints.ts";
import { type Env, endpointOf, outboxOf } from "./env.ts";

/** Endpoints that one redelivery asks: each is a subrequest. */
const MAX_ASKED = 200;

/** @throws Problem `not_found` */
export async function knownEvent(env: Env, id: string): Promise<LoggedEvent> {
  const event = await outboxOf(env).event(id);
  if (event === null) throw new Problem("not_found", `There is no event ${id} in the log.`);
  return event;
}

/**
 * Sends an event again to those of its endpoints that `only` names, or to all; which ones it will reach.
 *
 * @throws Problem `not_found`, `not_delivered`
 */
export async function redeliver(env: Env, event: LoggedEvent, only: string | null): Promise<string[]> {
  const rows = (await outboxOf(env).endpoints()).filter(({ row }) => only === null || row.id === only);
  if (only !== null && rows.length === 0) throw unknownEndpoint(only);
  const again = await Promise.all(
    rows.slice(0, MAX_ASKED).map(async ({ row }) => ({
      endpointId: row.id,
      result: await endpointOf(env, row.id).redeliver({ seq: event.seq, body: event.body }),
    })),
  );
  const scheduled = again.filter(({ result }) => result === "scheduled").map(({ endpointId }) => endpointId);
  if (scheduled.length === 0) throw new Problem("not_delivered", "No endpoint asked has a delivery of this event.");
  return scheduled;
}
