import { periodMs } from "../../../shared/durable/period-tables.ts";
import { logEvent } from "../../../shared/log-event.ts";
import type { Config } from "../config.ts";
import type { OutboxStore } from "./storage.ts";

/** Above this share of the storage the oldest table goes, whatever its age. */
const FULL_SHARE = 0.6;

/**
 * Drops what is past the retention: whole tables, the oldest first. Never throws: a DROP that is refused is
 * tried again by the next alarm.
 *
 * @param tell brings each endpoint's position past a seq that is about to go
 */
export async function dropPast(
  store: OutboxStore,
  { retentionMs, storageLimit }: Pick<Config, "retentionMs" | "storageLimit">,
  { now, tell }: { now: number; tell: (seq: number) => Promise<void> },
): Promise<void> {
  try {
    const needRoom = store.sql.bytes > storageLimit * FULL_SHARE;
    for (const table of store.log.expired(now - retentionMs, needRoom)) {
      await tell(store.log.lastOf(table.first));
      store.log.drop(table);
      logEvent("events.dropped", { from: table.first, to: store.log.oldest - 1 });
    }
    store.idempotency.dropBefore(Math.floor((now - retentionMs) / periodMs(retentionMs)));
  } catch (error) {
    logEvent("outbox.drop_failed", { error: String(error) });
  }
}
