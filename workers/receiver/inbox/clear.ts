import { seal } from "./seal.ts";
import type { InboxState } from "./state/state.ts";
import { applyTombstones, type Clearing, type ClearResult } from "./tombstones.ts";

/** What clearing does to the log. The decisions come first, then what is done in the Inbox's transaction. */

/** Clears one source, or the whole log, up to its newest event. Seen ids stay: a repetition stays one. */
export function clearEvents(clearing: Clearing, draft: InboxState, source: string | null): ClearResult {
  const { store, ledger, epoch } = clearing;
  const { firstSeq, count } = draft.open;
  const present = source === null ? count > 0 : ledger.holds(firstSeq, source);
  if (present) seal(store, draft, epoch);
  const result = applyTombstones(clearing, draft, [{ source, seq: draft.next - 1 }]);
  return { ...result, keysToDelete: draft.housekeeping.gone };
}
