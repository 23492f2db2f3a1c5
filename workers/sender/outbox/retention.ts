import { periodMs } from "../../../shared/durable/period-tables.ts";
import { spaceIn } from "../../../shared/durable/space.ts";
import { logEvent } from "../../../shared/log-event.ts";
import type { Config } from "../config.ts";
import type { OutboxStore } from "./storage.ts";

/**
 * Drops whole tables that are past the retention, the oldest first; while storage is short, the oldest goes whatever
 * its age. Never throws: a DROP that is refused is tried again by the next alarm.
 *
 * @param tell moves each endpoint's position past a seq that is about to go
 */
export async function dropExpiredEvents(
  store: OutboxStore,
  { retentionMs, storageLimit }: Pick<Config, "retentionMs" | "storageLimit">,
  { now, tell }: { now: number; tell: (seq: number) => Promise<void> },
): Promise<void> {
  try {
    const short = spaceIn(store.sql.bytes, storageLimit) !== "ample";
    for (const table of store.log.expired(now - retentionMs, short)) {
      await tell(store.log.lastOf(table.first));
      store.log.drop(table);
      logEvent("events.dropped", { from: table.first, to: store.log.oldest - 1 });
    }
    store.idempotency.dropBefore(Math.floor((now - retentionMs) / periodMs(retentionMs)));
  } catch (error) {
    logEvent("outbox.drop_failed", { error: String(error) });
  }
}
