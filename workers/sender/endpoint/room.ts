import { spaceIn } from "../../../shared/durable/space.ts";
import { logEvent } from "../../../shared/log-event.ts";
import type { EndpointStore } from "./storage.ts";

/**
 * Makes room in an Endpoint's storage, so that old failures never keep new events from being delivered. The bodies of
 * dead deliveries go first, then whole tables of deliveries that are settled. Nothing that may still be sent goes.
 */

/** Bodies that go at one time: each is a row written. */
const BATCH = 100;
const MAX_BATCHES = 20;

type RoomLimits = {
  storageLimit: number;
  /** The first seq that the log still has: a body from there on can be had again. */
  logOldest: number;
  /** Every event up to here is settled in a row, or due. */
  floor: number;
};

/** Makes room until there is enough, or as much as can be made at one time. */
export function makeRoom(store: EndpointStore, { storageLimit, logOldest, floor }: RoomLimits): void {
  const { deliveries } = store;
  const short = () => spaceIn(store.sql.bytes, storageLimit) !== "ample";
  let bodies = 0;
  for (const from of [logOldest, 0]) {
    for (let batch = 0; batch < MAX_BATCHES && short(); batch++) {
      const dropped = deliveries.dropDeadBodies(from, BATCH);
      if (dropped === 0) break;
      bodies += dropped;
    }
  }
  let tables = 0;
  if (bodies === 0) while (short() && deliveries.dropSettled(floor)) tables++;
  if (bodies + tables > 0) logEvent("endpoint.room_made", { bodies, tables });
}
