import type { Bytes } from "../../../shared/bytes.ts";
import type { Space } from "../../../shared/durable/space.ts";
import type { Arrival } from "../event/arrival.ts";
import { withVerified } from "../rejected/history.ts";
import { mendClock } from "./clock.ts";
import type { InboxMemory } from "./memory.ts";
import type { Repetitions } from "./repetitions.ts";
import { seal } from "./seal.ts";
import { makeSpace } from "./space.ts";
import { isFull } from "./state/rules.ts";
import { needsSeenTable } from "./state/space-rules.ts";
import type { InboxState } from "./state/state.ts";
import type { InboxStore } from "./storage/schema.ts";
import type { SeenEntry, SeenKeys } from "./storage/seen-keys.ts";

/** Logs arrivals, each event once. */

/** The place of an arrival in the log: its own, or that of the earlier event it repeats. */
type Logged = { seq: number; duplicate: boolean };

/**
 * `stored: false`: nothing of this arrival was kept, and its sender may try again; when `full`, not at once.
 * `reported`: the Inbox logs the line about this arrival.
 */
export type Accepted = ({ stored: true; reported?: true } & Logged) | { stored: false; full: boolean; error: string };

const FULL: Accepted = { stored: false, full: true, error: "the storage has reached STORAGE_LIMIT_MB" };

/**
 * Logs all arrivals of one turn in one commit. When that fails, or there is no space for all of them, each gets a commit
 * of its own: a bad one costs no other its place, and a single one fits into what a full storage of 40 MB or more keeps
 * free.
 */
export function acceptAll(memory: InboxMemory, arrivals: Arrival[]): Accepted[] {
  const isOne = arrivals.length === 1;
  try {
    mendClock(memory);
    const together = isOne ? 0 : arrivals.reduce((sum, arrival) => sum + sizeOf(arrival), 0);
    const left = memory.spaceLeft(together);
    const space = left === "ample" ? left : makeSpace(memory, together);
    if (space !== "full") return acceptTogether(memory, arrivals, space);
    if (isOne) return [FULL];
  } catch (error) {
    if (isOne) return [{ stored: false, full: false, error: String(error) }];
  }
  return arrivals.flatMap((arrival) => acceptAll(memory, [arrival]));
}

/** Counts the arrivals that repeated an event; returns the seqs of those events. */
export function countRepetitions(repetitions: Repetitions, accepted: readonly Accepted[], now: number): number[] {
  const repeated = accepted.flatMap((each) => (each.stored && each.duplicate ? [each.seq] : []));
  for (const seq of repeated) repetitions.add(seq, now);
  return repeated;
}

function acceptTogether(memory: InboxMemory, arrivals: Arrival[], space: Space): Accepted[] {
  const { store, config, identity } = memory;
  const now = Date.now();
  const accepted = memory.commit((draft) => {
    const logged = arrivals.map((arrival) => {
      const at = Math.max(now, draft.lastAt);
      if (needsSeenTable(store.seen.tables, at, config, space)) store.seen.begin(at);
      if (isFull(draft.open, sizeOf(arrival))) seal(store, draft, identity.epoch);
      return log(store, draft, arrival, { at, since: at - config.retentionMs });
    });
    // One row at first, and then at most one an hour for a source.
    const { after, save } = withVerified(draft.verified, arrivals, now);
    if (save) store.ledger.setNote("verified", after);
    draft.verified = after;
    return logged.map((each): Accepted => ({ stored: true, ...each }));
  });
  memory.arm(now);
  return accepted;
}

/** Logs the arrival as the next event, unless its key was seen after `since`. */
function log(store: InboxStore, draft: InboxState, arrival: Arrival, { at, since }: Omit<SeenEntry, "seq">): Logged {
  const { dedupKey } = arrival;
  const earlier = dedupKey === null ? null : rememberOnce(store.seen, dedupKey, { seq: draft.next, at, since });
  if (earlier !== null) return { seq: earlier, duplicate: true };
  const seq = draft.next;
  const { firstSeq, count, bytes, from } = draft.open;
  store.tails.append(firstSeq, seq, at, arrival);
  draft.open = { firstSeq, count: count + 1, bytes: bytes + sizeOf(arrival), from: from ?? at };
  draft.next = seq + 1;
  draft.lastAt = at;
  return { seq, duplicate: false };
}

/** Returns the seq that a key has already, or null once the key is remembered with the entry. */
function rememberOnce(seen: SeenKeys, key: Bytes, entry: SeenEntry): number | null {
  const [newest, ...older] = seen.tables.toReversed();
  if (newest === undefined) throw new Error("there is no table of seen keys");
  for (const table of older) {
    const seq = seen.find(table, key, entry.since);
    if (seq !== null) return seq;
  }
  // The insert itself tells whether the newest table has the key: a look-up before it would cost every event a statement.
  return seen.remember(newest, key, entry) ? null : seen.find(newest, key, entry.since);
}

/** Returns the bytes that an arrival takes of a tail and of the storage. */
function sizeOf({ body, headers, path, query }: Arrival): number {
  return body.byteLength + headers.length + (path?.length ?? 0) + (query?.length ?? 0);
}
