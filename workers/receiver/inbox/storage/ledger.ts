import type { Sql } from "../../../../shared/durable/sql.ts";
import type { CountedSegment, ListedSegment, SegmentKey } from "../../archive/segments.ts";
import type { Housekeeping, Notes } from "../state/state.ts";

/**
 * What the Inbox knows beyond its tails: segments that were found or cleared, and notes. Nothing here
 * decides.
 */
export class Ledger {
  readonly #sql: Sql;

  constructor(sql: Sql) {
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
  segments(): CountedSegment[] {
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
  adopt({ firstSeq, lastSeq, epoch, n, bytes, counts, from, to, expires }: ListedSegment): void {
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

/** The housekeeping as it was stored; a new life tries each task at once. */
export function loadHousekeeping(ledger: Ledger): Housekeeping {
  const { list, saved } = ledger.note("tombstones") ?? { list: [], saved: true };
  const swept = ledger.note("swept") ?? { day: 0, deleted: 0 };
  return {
    tombstones: list,
    saved,
    rebuilt: ledger.note("rebuilt"),
    swept,
    gone: ledger.countGone(),
    retryAt: null,
    rejectedAt: null,
  };
}
