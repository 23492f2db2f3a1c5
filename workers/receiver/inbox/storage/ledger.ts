import type { Tombstone } from "../../event/tombstone.ts";
import type { Verified } from "../../rejected/history.ts";
import type { InboxSql } from "./sql.ts";

/** A segment by what clearing needs of it; `counts`: its events of each source, or null where that is not known. */
export type Counted = { firstSeq: number; lastSeq: number; epoch: string; n: number; counts: Counts | null };

export type Counts = Readonly<Record<string, number>>;

/** A segment as KV lists it. `expires`: until when KV surely keeps it; times in unix milliseconds. */
export type Listed = Counted & { bytes: number; from: number; to: number; expires: number };

/** What names a key in KV. */
export type SegmentKey = { firstSeq: number; epoch: string };

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

/** What was seen before then was forgotten early, to make room; in unix milliseconds. */
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

/**
 * What the Inbox knows beyond its tails: segments that were found or cleared, and notes. Nothing here
 * decides.
 */
export class Ledger {
  readonly #sql: InboxSql;

  constructor(sql: InboxSql) {
    this.#sql = sql;
  }

  note<Name extends keyof Notes>(name: Name): Notes[Name] {
    const [row] = this.#sql.run<{ value: string }>("SELECT value FROM meta WHERE key = ?", name);
    return row === undefined ? null : JSON.parse(row.value);
  }

  setNote<Name extends keyof Notes>(name: Name, value: NonNullable<Notes[Name]>): void {
    this.#sql.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", name, JSON.stringify(value));
  }

  /** All segments that are not forgotten, in order, those with a tail among them. */
  segments(): Counted[] {
    const rows = this.#sql.run<{ firstSeq: number; lastSeq: number; epoch: string; n: number; counts: string | null }>(
      "SELECT firstSeq, lastSeq, epoch, n, counts FROM seg ORDER BY firstSeq",
    );
    return rows.map(({ counts, ...row }) => ({ ...row, counts: counts === null ? null : JSON.parse(counts) }));
  }

  countSegments(): number {
    return this.#count("SELECT count(*) AS n FROM seg");
  }

  /** The segment that holds any seq from `firstSeq` to `lastSeq`, or null. Segments do not overlap. */
  segmentWithin(firstSeq: number, lastSeq: number): SegmentKey | null {
    const [row] = this.#sql.run<SegmentKey & { lastSeq: number }>(
      "SELECT firstSeq, lastSeq, epoch FROM seg WHERE firstSeq <= ? ORDER BY firstSeq DESC LIMIT 1",
      lastSeq,
    );
    return row === undefined || row.lastSeq < firstSeq ? null : row;
  }

  /** Adds a segment that KV lists and no tail holds. */
  adopt({ firstSeq, lastSeq, epoch, n, bytes, counts, from, to, expires }: Listed): void {
    const stored = counts === null ? null : JSON.stringify(counts);
    this.#sql.run(
      "INSERT INTO seg VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)",
      ...[firstSeq, lastSeq, epoch, n, bytes, stored, from, to, to, expires],
    );
  }

  /** Forgets a segment, whose key is now to be deleted. */
  discard({ firstSeq, epoch }: SegmentKey, at: number): void {
    this.#sql.run("DELETE FROM seg WHERE firstSeq = ? AND epoch = ?", firstSeq, epoch);
    this.addGone({ firstSeq, epoch }, at);
  }

  addGone({ firstSeq, epoch }: SegmentKey, at: number): void {
    this.#sql.run("INSERT OR IGNORE INTO gone VALUES (?, ?, ?)", firstSeq, epoch, at);
  }

  /** Up to `limit` of the keys that are to be deleted. */
  gone(limit: number): SegmentKey[] {
    return this.#sql.run<SegmentKey>("SELECT firstSeq, epoch FROM gone LIMIT ?", limit);
  }

  countGone(): number {
    return this.#count("SELECT count(*) AS n FROM gone");
  }

  dropGone({ firstSeq, epoch }: SegmentKey): void {
    this.#sql.run("DELETE FROM gone WHERE firstSeq = ? AND epoch = ?", firstSeq, epoch);
  }

  /** Forgets the keys of segments that were cleared before `expired`: KV has dropped them by itself. */
  dropGoneBefore(expired: number): void {
    this.#sql.run("DELETE FROM gone WHERE at < ?", expired);
  }

  /** Whether the tail holds any event of the source. */
  holds(tail: number, source: string): boolean {
    return this.#count(`SELECT count(*) AS n FROM tail_${tail} WHERE source = ?`, source) > 0;
  }

  #count(query: string, ...values: SqlStorageValue[]): number {
    return this.#sql.run<{ n: number }>(query, ...values)[0]?.n ?? 0;
  }
}
