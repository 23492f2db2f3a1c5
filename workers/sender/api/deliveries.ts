import { limitOf, takes } from "../../../shared/http/parameters.ts";
import { createApp } from "../operations/env.ts";
import { typesOf } from "../operations/events.ts";
import { mergeCursorOf, mergeDeliveries, statusOf } from "../operations/find-deliveries.ts";
import { presentDelivery, stateOf } from "../operations/json.ts";
import { timeParameter } from "../operations/search.ts";

/** The route of deliveries over all endpoints. */

const MAX_FOUND = 200;
const FILTERS = ["endpoint", "state", "status", "type", "since", "until"];

export const deliveries = createApp().get("/deliveries", takes("before", "limit", ...FILTERS), async (c) => {
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
});
