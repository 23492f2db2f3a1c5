import type { Segment } from "../../archive/segments.ts";
import type { Tombstone } from "../../event/tombstone.ts";
import type { Verified } from "../../rejected/history.ts";

/** The tail that takes new events. `bytes` counts bodies and headers; `from` is null while it is empty. */
export type OpenTail = { firstSeq: number; count: number; bytes: number; from: number | null };

/** What the tables hold, as far as every accept needs it. */
export type LogState = {
  /** The seq of the next event. */
  next: number;
  /** When the last event was received; receivedAt never goes back. */
  lastAt: number;
  /** The tables of seen keys, oldest first. */
  seen: readonly SeenTable[];
  /** The sealed segments whose tail is still here, oldest first. */
  sealed: readonly Segment[];
  open: OpenTail;
};

/**
 * What the Inbox owes KV beside segments. `saved`: KV knows the tombstones; `gone`: how many keys are to be
 * deleted; `retryAt`: after an error, none of it is tried before; `refusedAt`: while refused requests wait to be
 * saved, when others last were.
 */
export type Housekeeping = {
  tombstones: readonly Tombstone[];
  saved: boolean;
  rebuilt: Rebuilt | null;
  swept: Swept;
  gone: number;
  retryAt: number | null;
  rejectedAt: number | null;
};

/**
 * The Inbox's memory. A transaction works on a draft of it, which takes its place once the tables have taken
 * the change: a rollback does not undo memory. `armed`: the alarm that stands; `retryAt`: after an error,
 * nothing is tried before.
 */
export type InboxState = LogState & {
  armed: number | null;
  retryAt: number | null;
  housekeeping: Housekeeping;
  verified: Verified;
};

export type Timing = { flushMs: number; graceMs: number; retentionMs: number };

/**
 * That this life was made from KV. `segments` were found; the events after `lostAfter` and below `firstSeq`, if
 * there were any, were only in the lost storage. `relists`: when KV is listed again; times in unix milliseconds.
 */
export type Rebuilt = {
  at: number;
  segments: number;
  lostAfter: number;
  firstSeq: number;
  relists: readonly number[];
};

/** What was cleared; `saved`: KV knows it too. */
export type Cleared = { list: readonly Tombstone[]; saved: boolean };

/** The keys deleted on one day since the epoch. */
export type Swept = { day: number; deleted: number };

/** What was seen before then was forgotten early, to make space; in unix milliseconds. */
export type Forgotten = { before: number };

/** What Rejections saved. */
type Saved = string;

export type Notes = {
  tombstones: Cleared | null;
  rebuilt: Rebuilt | null;
  swept: Swept | null;
  forgotten: Forgotten | null;
  rejections: Saved | null;
  verified: Verified | null;
};

/** The log as viewers see it: its newest event, and the newest one that is in no tail any more. */
export type Extent = { head: number; floor: number };

/** A table of seen keys. `begun`: when it took its first one; `layout`: how a key stands in it. */
export type SeenTable = { begun: number; layout: "digest" | "text" };

/** `log` is the object's name, `<tenant>/<log>`; a new life of the same log has another `epoch`. */
export type LogIdentity = { schema: number; log: string; epoch: string };
