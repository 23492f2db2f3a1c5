import type { Segment } from "../../archive/segments.ts";
import type { Tombstone } from "../../event/tombstone.ts";
import type { Verified } from "../../rejected/history.ts";
import type { SavedRepetitions } from "../repetitions.ts";
import type { NotedUnread } from "./unread-rules.ts";

/** The Inbox's memory and its notes, as types. Times in unix milliseconds. */

/** Name and life of a log: `log` is the object's name, `<tenant>/<log>`; a log that was made anew has another `epoch`. */
export type LogIdentity = { schema: number; log: string; epoch: string };

/** The tail that takes new events. `bytes` counts bodies, headers and URLs; `from` is null while the tail is empty. */
export type OpenTail = { firstSeq: number; count: number; bytes: number; from: number | null };

/** The part of the tables that every accept needs. */
export type LogState = {
  /** The seq of the next event. */
  next: number;
  /** When the last event was received; receivedAt never goes back. */
  lastAt: number;
  /** The sealed segments whose tail is still here, oldest first. */
  sealed: readonly Segment[];
  open: OpenTail;
};

/**
 * The Inbox's memory. A transaction works on a draft of it, which takes its place once the tables have taken the
 * change: a rollback does not undo memory. `retryAt` is set after an error of KV, and nothing is tried before.
 */
export type InboxState = LogState & { retryAt: number | null; housekeeping: Housekeeping; verified: Verified };

/**
 * The Inbox's duties beside segments. `saved`: KV knows the tombstones. `gone` counts the keys to be deleted. `retryAt`
 * is set after an error, and no task is tried before. `notesDue` is set while rejected requests or repetitions wait
 * to be saved. `forgetAt`: a rejected request that can be taken in is to be forgotten then. `unread` are the parts of the
 * log that could not be read lately.
 */
export type Housekeeping = {
  tombstones: readonly Tombstone[];
  saved: boolean;
  rebuilt: Rebuilt | null;
  swept: Swept;
  gone: number;
  retryAt: number | null;
  notesDue: number | null;
  forgetAt: number | null;
  unread: readonly NotedUnread[];
};

/** Notes that are kept in memory first. */
export type MemoryNote = "rejections" | "repetitions";

/** The values of `meta`, by key. `rejections` is the text that Rejections saved. */
export type Notes = {
  tombstones: Cleared;
  rebuilt: Rebuilt;
  swept: Swept;
  forgotten: Forgotten;
  rejections: string;
  repetitions: SavedRepetitions;
  verified: Verified;
  unread: { list: readonly NotedUnread[] };
  watched: Watched;
};

/** The tombstones of the log; `saved`: KV knows them too. */
type Cleared = { list: readonly Tombstone[]; saved: boolean };

/**
 * A log that was made anew from KV, `segments` of which were found there. The events after `lostAfter` and below
 * `firstSeq`, if there were any, stood only in the lost storage. KV is listed again at the times of `relists`.
 */
export type Rebuilt = {
  at: number;
  segments: number;
  lostAfter: number;
  firstSeq: number;
  relists: readonly number[];
};

/** Times since which an alert waits for the silence of a source that has sent nothing yet, by source. */
type Watched = Readonly<Record<string, number>>;

/** The keys deleted on one day; `day` counts from 1970. */
export type Swept = { day: number; deleted: number };

/** Keys seen before then were forgotten early, to make space. */
type Forgotten = { before: number };

export type Timing = { flushMs: number; graceMs: number; retentionMs: number };

/** The log as viewers see it: its newest event, and the newest one that is in no tail any more. */
export type Extent = { head: number; floor: number };
