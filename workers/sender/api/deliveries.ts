import { limitOf, takes } from "../../../shared/http/parameters.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { createApp } from "../operations/env.ts";
import { typesOf } from "../operations/events.ts";
import { mergeCursorOf, mergeDeliveries, statusOf } from "../operations/find-deliveries.ts";
import { presentDelivery, stateOf } from "../operations/json.ts";
import { timeParameter } from "../operations/search.ts";
import { requestedDelivery } from "../operations/sent-request.ts";

/** The routes of deliveries over all endpoints, and of one with its request. */

const MAX_FOUND = 200;
const FILTERS = ["endpoint", "state", "status", "type", "since", "until"];

export const deliveries = createApp()
  .get("/deliveries", takes("before", "limit", ...FILTERS), async (c) => {
    const asked = (name: string) => c.req.query(name);
    const filter = {
      ...{ state: stateOf(asked("state")), status: statusOf(asked("status")), type: typesOf(asked("type")) },
      ...{ since: timeParameter("since", asked("since")), until: timeParameter("until", asked("until")) },
    };
    const [before, limit] = [mergeCursorOf(asked("before")), limitOf(asked("limit"), MAX_FOUND)];
    const found = await mergeDeliveries(c.env, { filter, endpoint: asked("endpoint") ?? null, before, limit });
    const shown = found.deliveries.map(({ endpointId, delivery }) => ({ endpointId, ...presentDelivery(delivery) }));
    const looked = { downToSeq: found.downTo, endpointsUnknown: found.unknown };
    return c.json({ deliveries: shown, next: found.next, looked });
  })
  .get("/endpoints/:id/deliveries/:seq", takes(), async (c) => {
    const { delivery, request } = await requestedDelivery(c.env, c.req.param("id"), c.req.param("seq"));
    return c.json({ ...presentDelivery(delivery), request });
  })
  .get("/endpoints/:id/deliveries/:seq/body", takes(), async (c) => {
    const { delivery, request } = await requestedDelivery(c.env, c.req.param("id"), c.req.param("seq"));
    if (request.body === null) throw new Problem("not_found", `The event ${delivery.id} is no longer in the log.`);
    // No browser may show it: its content is a stranger's.
    return c.body(request.body, 200, {
      "content-type": "application/octet-stream",
      "content-disposition": "attachment",
      "x-content-type-options": "nosniff",
    });
  });
