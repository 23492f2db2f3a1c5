import { isTypePattern } from "../../../shared/event-type.ts";
import { Problem } from "../../../shared/http/problem.ts";
import type { Delivery } from "../model/delivery.ts";
import type { LoggedEvent } from "../model/event.ts";
import { knownEndpoint } from "./endpoints.ts";
import { type Env, endpointOf, outboxOf } from "./env.ts";
import { inWaves } from "./waves.ts";

/** Looks events up and sends them again, for the API and the dashboard. Each throws the Problem that says why not. */

export type EventDelivery = { endpointId: string; delivery: Delivery };

type EventDeliveries = { deliveries: EventDelivery[]; pending: string[]; next: string | null };

/** Endpoints whose deliveries one page of an event shows: each is asked. */
export const MAX_SHOWN = 200;
/** Endpoints that one request sends an event again to: a request may ask 1,000 objects. */
const MAX_REDELIVERED = 800;

/** @throws Problem `not_found` */
export async function knownEvent(env: Env, id: string): Promise<LoggedEvent> {
  const event = await outboxOf(env).event(id);
  if (event === null) throw new Problem("not_found", `There is no event ${id} in the log.`);
  return event;
}

/**
 * Returns the deliveries of an event, with the id of the endpoint of each: those of at most `limit` endpoints after the
 * id `after`. `next`: the id that the next page starts after. `pending`: the endpoints that have not settled it and have no row yet:
 * queued, on its way, or disabled.
 */
export async function deliveriesOf(
  env: Env,
  { seq }: LoggedEvent,
  { after, limit }: { after: string; limit: number },
): Promise<EventDeliveries> {
  const { log, ids, next } = await outboxOf(env).recipients(seq, { after, limit, waiting: false });
  const asked = await inWaves(ids, async (endpointId) => {
    const stub = endpointOf(env, endpointId);
    const delivery = await stub.delivery(log, seq);
    const isPending = delivery === null && (await stub.states(log, [seq]))[0] === "pending";
    return { endpointId, delivery, isPending };
  });
  return {
    deliveries: asked.flatMap(({ endpointId, delivery }) => (delivery === null ? [] : [{ endpointId, delivery }])),
    pending: asked.flatMap(({ endpointId, isPending }) => (isPending ? [endpointId] : [])),
    next,
  };
}

/** Endpoints to send an event again to: one, or all after an id. `failed`: only where it is not delivered. */
export type RedeliveryChoice = { only: string | null; after: string; failed: boolean };

/**
 * Sends an event again to one endpoint, or to all that have a delivery of it; returns the ids of those it will reach.
 * `next`: the id to go on after, when there are more endpoints than one request may reach.
 *
 * @throws Problem `not_found`, `not_delivered`
 */
export async function redeliver(
  env: Env,
  { seq, body }: LoggedEvent,
  { only, after, failed }: RedeliveryChoice,
): Promise<{ redelivering: string[]; next: string | null }> {
  const { log, ids, next } =
    only === null
      ? await outboxOf(env).recipients(seq, { after, limit: MAX_REDELIVERED, waiting: false })
      : { log: (await knownEndpoint(env, only)).log, ids: [only], next: null };
  const again = await inWaves(ids, async (id) => {
    return (await endpointOf(env, id).redeliver({ log, seq, body, failed })) === "scheduled" ? [id] : [];
  });
  const redelivering = again.flat();
  if (redelivering.length > 0 || next !== null || after !== "") return { redelivering, next };
  const what = failed ? "a delivery of this event that is not delivered" : "a delivery of this event";
  throw new Problem("not_delivered", `No endpoint asked has ${what}.`);
}

/** Reads which types a page shows. @throws Problem `invalid_parameter` */
export function typesOf(text: string | undefined): string | null {
  if (text === undefined || isTypePattern(text)) return text ?? null;
  const detail = `\`type\` is a type, or a pattern as order.* and order.*.paid, not ${JSON.stringify(text)}.`;
  throw new Problem("invalid_parameter", detail);
}
