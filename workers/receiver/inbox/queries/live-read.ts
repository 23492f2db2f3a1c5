import type { EventFilter } from "../../event/filter.ts";
import { BATCH_EVENTS, type Batch, type Extent } from "../live/protocol.ts";
import { page } from "./pages.ts";
import type { View } from "./rows.ts";

/** Read for one round of one filter: the object accepts nothing meanwhile. */
const SCAN_BYTES = 1024 * 1024;

export function extentOf({ state }: Pick<View, "state">): Extent {
  const oldest = state.sealed[0]?.firstSeq ?? state.open.firstSeq;
  return { head: state.next - 1, floor: oldest - 1 };
}

/**
 * The events after `after` that a filter wants, at most a batch of them, and `next`, the last one looked at: an
 * ordinary page, which from the extent's floor on is all in the tails.
 */
export function readBatch(view: View, after: number, filter: EventFilter): Pick<Batch, "events" | "next"> {
  const query = { order: "after", seq: after, limit: BATCH_EVENTS, scanBytes: SCAN_BYTES, filter } as const;
  const { rows: events, through } = page(view, query);
  const next = events.length === BATCH_EVENTS ? events.at(-1)?.seq : undefined;
  return { events, next: next ?? through };
}
