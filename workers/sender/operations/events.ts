import { Problem } from "../../../shared/http/problem.ts";
import type { Delivery } from "../model/delivery.ts";
import type { LoggedEvent } from "../model/event.ts";
import { unknownEndpoint } from "./endpoints.ts";
import { type Env, endpointOf, outboxOf } from "./env.ts";

/** Looks events up and sends them again, for the API and the dashboard. Each throws the Problem that says why not. */

type EventDelivery = { endpointId: string; delivery: Delivery };

/** Endpoints that one request asks about an event: each is a subrequest. */
const MAX_ASKED = 200;

/** @throws Problem `not_found` */
export async function knownEvent(env: Env, id: string): Promise<LoggedEvent> {
  const event = await outboxOf(env).event(id);
  if (event === null) throw new Problem("not_found", `There is no event ${id} in the log.`);
  return event;
}

/** Returns the deliveries of an event, with the id of the endpoint of each. */
export async function deliveriesOf(env: Env, { seq }: LoggedEvent): Promise<EventDelivery[]> {
  const rows = await outboxOf(env).endpoints();
  const deliveries = await Promise.all(
    rows.slice(0, MAX_ASKED).map(async ({ row, log }) => {
      const delivery = await endpointOf(env, row.id).delivery(log, seq);
      return delivery === null ? [] : [{ endpointId: row.id, delivery }];
    }),
  );
  return deliveries.flat();
}

/**
 * Sends an event again to one endpoint, or to all that have a delivery of it; returns the ids of those it will reach.
 *
 * @throws Problem `not_found`, `not_delivered`
 */
export async function redeliver(env: Env, event: LoggedEvent, only: string | null): Promise<string[]> {
  const rows = (await outboxOf(env).endpoints()).filter(({ row }) => only === null || row.id === only);
  if (only !== null && rows.length === 0) throw unknownEndpoint(only);
  const again = await Promise.all(
    rows.slice(0, MAX_ASKED).map(async ({ row, log }) => ({
      endpointId: row.id,
      result: await endpointOf(env, row.id).redeliver({ log, seq: event.seq, body: event.body }),
    })),
  );
  const scheduled = again.filter(({ result }) => result === "scheduled").map(({ endpointId }) => endpointId);
  if (scheduled.length === 0) throw new Problem("not_delivered", "No endpoint asked has a delivery of this event.");
  return scheduled;
}
