import type { InboxState } from "./state/state.ts";
import type { InboxStore } from "./storage/schema.ts";

/** Closes the open tail, which must not be empty, and begins the next: its rows never change again (I4, sealed is final). */
export function seal({ tails, ledger }: InboxStore, draft: InboxState, epoch: string): void {
  const { firstSeq, count, bytes } = draft.open;
  const sources = tails.bySource(firstSeq);
  const segment = {
    ...{ firstSeq, lastSeq: draft.next - 1, epoch, n: count, bytes },
    from: Math.min(...sources.map(({ from }) => from ?? draft.lastAt)),
    to: Math.max(...sources.map(({ to }) => to ?? draft.lastAt)),
    ...{ putAt: null, misses: 0 },
  };
  const counts = Object.fromEntries(sources.map(({ source, n }) => [source, n]));
  ledger.addSegment(segment, counts, null);
  tails.begin(draft.next);
  draft.sealed = [...draft.sealed, segment];
  draft.open = { firstSeq: draft.next, count: 0, bytes: 0, from: null };
}
