import type { InboxState } from "./state/state.ts";
import type { InboxStore } from "./storage/tails.ts";

/** Closes the open tail, which must not be empty: from here on its rows never change. */
export function seal(store: InboxStore, draft: InboxState, epoch: string): void {
  const segment = store.seal(draft.open, epoch, draft.next - 1);
  draft.sealed = [...draft.sealed, segment];
  draft.open = { firstSeq: draft.next, count: 0, bytes: 0, from: null };
}
