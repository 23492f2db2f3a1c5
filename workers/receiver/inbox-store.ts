import type { Arrival } from "./arrival.ts";
import type { OpenTail, Segment, Tables } from "./inbox-plan.ts";
import type { EventRow } from "./record.ts";

/**
 * The Inbox's tables and what is written to them; nothing here decides. Each statement is read to its end in
 * the call that starts it: DROP TABLE fails while any cursor of the object is open.
 *
 * | table | purpose | example row | rows written | goes |
 * |---|---|---|---|---|
 * | meta (key, value) | which log this is, and the life its segments are named after | `identity`, `{"schema":1,"log":"default/main","epoch":"9f3c01ab"}` | 1, once | never |
 * | seen_‹begun› (key, seq, at) | the keys logged already, one table a period | `id default msg_2Kx`, 12, 1790000000000 | 1 an event | whole, a retention after its last key |
 * | tail_‹firstSeq› (seq, at, source, type, bytes, id, verification, headers, body) | the newest events in order; the last table is open, the rows of the others never change | 12, 1790000000000, `default`, `value.changed`, 83, `msg_2Kx`, `verified`, `[["host","…"]]`, bytes | 1 an event | whole, oldest first, once KV has shown its segment |
 * | seg (firstSeq, lastSeq, epoch, n, bytes, counts, from, to, putAt, misses) | one row a sealed tail: what it holds, and its way into KV | 1, 500, `9f3c01ab`, 500, 204800, `{"default":500}`, …, null, 0 | 2 a segment | a retention after its newest event |
 *
 * The open tail's name is the log's floor: an empty log still knows its next seq.
 */

const SCHEMA = 1;

/** `log` is the object's name, `<tenant>/<log>`; a new life of the same log has another `epoch`. */
export type Identity = { schema: number; log: string; epoch: string };

const FORGET_LIMIT = 50;

export const SEGMENT_COLUMNS = `firstSeq, lastSeq, epoch, n, bytes, "from", "to", putAt, misses`;

export class InboxStore {
  readonly #sql: SqlStorage;
  /** Since this object woke: what the platform bills, alarms aside. */
  rowsWritten = 0;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** The stored identity, or null before `create`. */
  identity(): Identity | null {
    if (this.#numbered("meta").length === 0) return null;
    const [row] = this.#run<{ value: string }>("SELECT value FROM meta WHERE key = 'identity'");
    return row === undefined ? null : JSON.parse(row.value);
  }

  create(log: string, epoch: string): Identity {
    const identity = { schema: SCHEMA, log, epoch };
    this.#run("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID");
    this.#run(
      `CREATE TABLE seg (firstSeq INTEGER PRIMARY KEY, lastSeq INTEGER NOT NULL, epoch TEXT NOT NULL,
         n INTEGER NOT NULL, bytes INTEGER NOT NULL, counts TEXT, "from" INTEGER NOT NULL, "to" INTEGER NOT NULL,
         putAt INTEGER, misses INTEGER NOT NULL)`,
    );
    this.#createTail(1);
    this.#run("INSERT INTO meta VALUES ('identity', ?)", JSON.stringify(identity));
    return identity;
  }

  /** What the tables say: reads one tail's rows without their bodies, and the segments that wait. */
  load(): Tables {
    const tails = this.#numbered("tail");
    const firstSeq = tails.at(-1);
    if (firstSeq === undefined) throw new Error("the Inbox has no open tail");
    const [open] = this.#run<{ next: number; count: number; bytes: number; from: number | null; to: number | null }>(
      `SELECT coalesce(max(seq) + 1, ?) AS next, count(*) AS count, min(at) AS "from", max(at) AS "to",
         coalesce(sum(bytes + length(headers)), 0) AS bytes FROM tail_${firstSeq}`,
      firstSeq,
    );
    if (open === undefined) throw new Error("an aggregate always has a row");
    const [newest] = this.#run<{ to: number }>(`SELECT "to" FROM seg ORDER BY firstSeq DESC LIMIT 1`);
    return {
      next: open.next,
      lastAt: open.to ?? newest?.to ?? 0,
      seen: this.#numbered("seen"),
      sealed: this.#run<Segment>(
        `SELECT ${SEGMENT_COLUMNS} FROM seg WHERE firstSeq >= ? ORDER BY firstSeq`,
        tails[0] ?? firstSeq,
      ),
      open: { firstSeq, count: open.count, bytes: open.bytes, from: open.from },
    };
  }

  createSeen(begun: number): void {
    this.#run(
      `CREATE TABLE seen_${begun} (key TEXT PRIMARY KEY, seq INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID`,
    );
  }

  /** The seq that `key` was logged as after `since`, or null. */
  seenAs(begun: number, key: string, since: number): number | null {
    const [row] = this.#run<{ seq: number }>(`SELECT seq FROM seen_${begun} WHERE key = ? AND at > ?`, key, since);
    return row?.seq ?? null;
  }

  /** False, and nothing written, when the table has the key since `since`; an older entry is overwritten. */
  remember(begun: number, key: string, entry: { seq: number; at: number; since: number }): boolean {
    const written = this.rowsWritten;
    this.#run(
      `INSERT INTO seen_${begun} VALUES (?, ?, ?)
         ON CONFLICT (key) DO UPDATE SET seq = excluded.seq, at = excluded.at WHERE at <= ?`,
      key,
      entry.seq,
      entry.at,
      entry.since,
    );
    return this.rowsWritten > written;
  }

  append(tail: number, seq: number, at: number, arrival: Arrival): void {
    const { source, type, body, id, verification, headers } = arrival;
    this.#run(
      `INSERT INTO tail_${tail} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      seq,
      at,
      source,
      type,
      body.byteLength,
      id,
      verification,
      headers,
      body,
    );
  }

  /** Closes the open tail at `lastSeq` and begins the next one. */
  seal(open: OpenTail, epoch: string, lastSeq: number): Segment {
    const { firstSeq, count, bytes } = open;
    const perSource = this.#run<{ source: string; n: number; from: number; to: number }>(
      `SELECT source, count(*) AS n, min(at) AS "from", max(at) AS "to" FROM tail_${firstSeq} GROUP BY source`,
    );
    const from = Math.min(...perSource.map((row) => row.from));
    const to = Math.max(...perSource.map((row) => row.to));
    const counts = JSON.stringify(Object.fromEntries(perSource.map((row) => [row.source, row.n])));
    this.#run(
      "INSERT INTO seg VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, 0)",
      ...[firstSeq, lastSeq, epoch, count, bytes, counts, from, to],
    );
    this.#createTail(lastSeq + 1);
    return { firstSeq, lastSeq, epoch, n: count, bytes, from, to, putAt: null, misses: 0 };
  }

  /** The rows of a sealed tail, in order. */
  rows(tail: number): EventRow[] {
    return this.#run<EventRow>(`SELECT * FROM tail_${tail} ORDER BY seq`);
  }

  notePut({ firstSeq, putAt, misses }: Segment): void {
    this.#run("UPDATE seg SET putAt = ?, misses = ? WHERE firstSeq = ?", putAt, misses, firstSeq);
  }

  dropTail(firstSeq: number): void {
    this.#run(`DROP TABLE tail_${firstSeq}`);
  }

  dropSeen(begun: number): void {
    this.#run(`DROP TABLE seen_${begun}`);
  }

  /** Forgets the oldest segments, those that have no tail and whose newest event came before `expired`. */
  forgetSegments(expired: number, oldestTail: number): void {
    // Only the oldest few are looked at: more do not expire between two flushes, and each look is billed.
    this.#run(
      `DELETE FROM seg WHERE "to" < ? AND firstSeq IN
         (SELECT firstSeq FROM seg WHERE firstSeq < ? ORDER BY firstSeq LIMIT ${FORGET_LIMIT})`,
      expired,
      oldestTail,
    );
  }

  #createTail(firstSeq: number): void {
    // The body stands last, so that lists never read its pages.
    this.#run(
      `CREATE TABLE tail_${firstSeq} (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, source TEXT NOT NULL, type TEXT,
         bytes INTEGER NOT NULL, id TEXT, verification TEXT NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL)`,
    );
  }

  /** What follows the underscore in the names of tables of one kind, ascending; 0 where nothing does. */
  #numbered(kind: "meta" | "seen" | "tail"): number[] {
    const names = this.#run<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'");
    return names
      .map(({ name }) => name.split("_"))
      .filter(([prefix]) => prefix === kind)
      .map(([, number]) => Number(number ?? 0))
      .sort((a, b) => a - b);
  }

  #run<Row extends Record<string, SqlStorageValue>>(query: string, ...values: SqlStorageBinding[]): Row[] {
    const cursor = this.#sql.exec<Row>(query, ...values);
    const rows = cursor.toArray();
    this.rowsWritten += cursor.rowsWritten;
    return rows;
  }
}

type SqlStorageBinding = SqlStorageValue | Uint8Array;
