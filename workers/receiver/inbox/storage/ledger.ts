import type { Meta } from "../../../../shared/durable/meta.ts";
import type { Sql } from "../../../../shared/durable/sql.ts";
import type { CountedSegment, EventCounts, Segment, SegmentKey, TextNotes } from "../../archive/segments.ts";
import type { Housekeeping, Notes } from "../state/state.ts";

/** The log beyond its tails: its segments, the keys to be deleted from KV, and notes. Nothing here decides. */

const CREATE_SEG = `CREATE TABLE seg (
  firstSeq INTEGER PRIMARY KEY, lastSeq INTEGER NOT NULL, epoch TEXT NOT NULL, n INTEGER NOT NULL,
  bytes INTEGER NOT NULL, counts TEXT, "from" INTEGER NOT NULL, "to" INTEGER NOT NULL,
  putAt INTEGER, misses INTEGER NOT NULL, expires INTEGER, masking INTEGER, sieve BLOB)`;

/** The columns of `seg` since schema 5. The sieve is the largest, and the last: the others are read without it. */
const SINCE_SCHEMA_5 = ["masking INTEGER", "sieve BLOB"];

const CREATE_GONE = `CREATE TABLE gone (
  firstSeq INTEGER NOT NULL, epoch TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (firstSeq, epoch)) WITHOUT ROWID`;

/** The columns of `seg` that make a Segment. */
export const SEGMENT_COLUMNS = `firstSeq, lastSeq, epoch, n, bytes, "from", "to", putAt, misses`;

/** Segments that one flush may forget: more do not expire between two flushes, and each row that is read is billed. */
const FORGET_LIMIT = 50;

/** Notes about a segment that KV took; `expires` is until when KV surely keeps it. */
export type PutNotes = TextNotes & { expires: number };

export class Ledger {
  readonly #sql: Sql;
  readonly #meta: Meta;

  constructor(sql: Sql, meta: Meta) {
    this.#sql = sql;
    this.#meta = meta;
  }

  create(): void {
    for (const statement of [CREATE_SEG, CREATE_GONE]) this.#sql.run(statement);
  }

  /** Adds the columns that `seg` lacks before schema 5. Writes no row: in the rows that are there, they are null. */
  addColumns(): void {
    for (const column of SINCE_SCHEMA_5) this.#sql.run(`ALTER TABLE seg ADD COLUMN ${column}`);
  }

  note<Name extends keyof Notes>(name: Name): Notes[Name] | null {
    return this.#meta.get<Notes[Name]>(name);
  }

  setNote<Name extends keyof Notes>(name: Name, value: Notes[Name]): void {
    this.#meta.set(name, value);
  }

  /** Reads the housekeeping as it was noted; a new life tries each task at once. */
  housekeeping(): Housekeeping {
    const { list, saved } = this.note("tombstones") ?? { list: [], saved: true };
    const swept = this.note("swept") ?? { day: 0, deleted: 0 };
    const [rebuilt, gone] = [this.note("rebuilt"), this.countGone()];
    const unread = this.note("unread")?.list ?? [];
    return { tombstones: list, saved, rebuilt, swept, gone, retryAt: null, notesDue: null, forgetAt: null, unread };
  }

  /** Adds a segment; `expires` is until when KV surely keeps it, null before it was put. */
  addSegment(segment: Segment, counts: EventCounts | null, expires: number | null): void {
    const { firstSeq, lastSeq, epoch, n, bytes, from, to, putAt, misses } = segment;
    this.#sql.run(
      `INSERT INTO seg (firstSeq, lastSeq, epoch, n, bytes, counts, "from", "to", putAt, misses, expires)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[firstSeq, lastSeq, epoch, n, bytes, counts === null ? null : JSON.stringify(counts)],
      ...[from, to, putAt, misses, expires],
    );
  }

  /** Notes how a segment's put went; without `put`, what is noted about its text stays as it is. */
  notePut({ firstSeq, bytes, putAt, misses }: Segment, put: PutNotes | null = null): void {
    const { expires = null, masking = null, sieve = null } = put ?? {};
    this.#sql.run(
      `UPDATE seg SET bytes = ?, putAt = ?, misses = ?, expires = coalesce(?, expires),
         masking = coalesce(?, masking), sieve = coalesce(?, sieve) WHERE firstSeq = ?`,
      ...[bytes, putAt, misses, expires, masking, sieve, firstSeq],
    );
  }

  /** Returns the segments from `firstSeq` on, in order. */
  segmentsFrom(firstSeq: number): Segment[] {
    const query = `SELECT ${SEGMENT_COLUMNS} FROM seg WHERE firstSeq >= ? ORDER BY firstSeq`;
    return this.#sql.run<Segment>(query, firstSeq);
  }

  /** Returns all segments with their events by source, in order. */
  countedSegments(): CountedSegment[] {
    const rows = this.#sql.run<{ firstSeq: number; lastSeq: number; epoch: string; n: number; counts: string | null }>(
      "SELECT firstSeq, lastSeq, epoch, n, counts FROM seg ORDER BY firstSeq",
    );
    return rows.map(({ counts, ...row }) => ({ ...row, counts: counts === null ? null : JSON.parse(counts) }));
  }

  countSegments(): number {
    return this.#count("SELECT count(*) AS n FROM seg");
  }

  /** Returns when the newest event of the newest segment was received, or null without segments. */
  lastSealedAt(): number | null {
    const [newest] = this.#sql.run<{ to: number }>(`SELECT "to" FROM seg ORDER BY firstSeq DESC LIMIT 1`);
    return newest?.to ?? null;
  }

  /** Returns when the newest event of the newest segment was received that has events of a source; null for none. */
  lastAt(source: string): number | null {
    const [row] = this.#sql.run<{ to: number }>(
      `SELECT "to" FROM seg WHERE counts ->> ('$."' || ? || '"') > 0 ORDER BY firstSeq DESC LIMIT 1`,
      source,
    );
    return row?.to ?? null;
  }

  /** Returns the segment that holds any seq from `firstSeq` to `lastSeq`, or null. Segments do not overlap. */
  segmentWithin(firstSeq: number, lastSeq: number): (SegmentKey & { lastSeq: number }) | null {
    const [row] = this.#sql.run<SegmentKey & { lastSeq: number }>(
      "SELECT firstSeq, lastSeq, epoch FROM seg WHERE firstSeq <= ? ORDER BY firstSeq DESC LIMIT 1",
      lastSeq,
    );
    return row === undefined || row.lastSeq < firstSeq ? null : row;
  }

  /** Returns the oldest of the segments before `oldestTail` whose `expires`, or else newest event, came before `expired`. */
  expiredSegments(expired: number, retentionMs: number, oldestTail: number): (SegmentKey & { lastSeq: number })[] {
    return this.#sql.run<SegmentKey & { lastSeq: number }>(
      `SELECT firstSeq, lastSeq, epoch FROM
         (SELECT * FROM seg WHERE firstSeq < ? ORDER BY firstSeq LIMIT ${FORGET_LIMIT})
         WHERE coalesce(expires, "to" + ?) <= ? ORDER BY firstSeq`,
      ...[oldestTail, retentionMs, expired],
    );
  }

  forgetSegment({ firstSeq, epoch }: SegmentKey): void {
    this.#sql.run("DELETE FROM seg WHERE firstSeq = ? AND epoch = ?", firstSeq, epoch);
  }

  /** Notes that KV surely keeps no segment beyond `latest`. */
  limitExpiry(latest: number): void {
    this.#sql.run("UPDATE seg SET expires = ? WHERE expires > ?", latest, latest);
  }

  /** Returns when the oldest event of the oldest segment was received, or null without segments. */
  oldestFrom(): number | null {
    const [oldest] = this.#sql.run<{ from: number }>(`SELECT "from" FROM seg ORDER BY firstSeq LIMIT 1`);
    return oldest?.from ?? null;
  }

  /** Forgets a segment, whose key is to be deleted from now on. */
  discard({ firstSeq, epoch }: SegmentKey, at: number): void {
    this.forgetSegment({ firstSeq, epoch });
    this.addGone({ firstSeq, epoch }, at);
  }

  addGone({ firstSeq, epoch }: SegmentKey, at: number): void {
    this.#sql.run("INSERT OR IGNORE INTO gone VALUES (?, ?, ?)", firstSeq, epoch, at);
  }

  /** Returns up to `limit` of the keys that are to be deleted. */
  gone(limit: number): SegmentKey[] {
    return this.#sql.run<SegmentKey>("SELECT firstSeq, epoch FROM gone LIMIT ?", limit);
  }

  countGone(): number {
    return this.#count("SELECT count(*) AS n FROM gone");
  }

  dropGone({ firstSeq, epoch }: SegmentKey): void {
    this.#sql.run("DELETE FROM gone WHERE firstSeq = ? AND epoch = ?", firstSeq, epoch);
  }

  #count(query: string): number {
    return this.#sql.run<{ n: number }>(query)[0]?.n ?? 0;
  }
}
