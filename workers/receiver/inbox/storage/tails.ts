import type { Sql } from "../../../../shared/durable/sql.ts";
import type { Segment } from "../../archive/segments.ts";
import type { Arrival } from "../../event/arrival.ts";
import type { EventRow } from "../../event/record.ts";
import type { LogIdentity, LogState, OpenTail } from "../state/state.ts";
import { CREATE_GONE, CREATE_META, CREATE_SEG, createTail, MIGRATIONS, SCHEMA, SEGMENT_COLUMNS } from "./schema.ts";
import { SeenKeys } from "./seen-keys.ts";

const FORGET_LIMIT = 50;

/** What is done to the Inbox's tables; nothing here decides. */
export class InboxStore {
  readonly #sql: Sql;
  readonly seen: SeenKeys;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.seen = new SeenKeys(sql);
  }

  /** What the object's storage holds, in bytes. */
  get bytes(): number {
    return this.#sql.bytes;
  }

  /** The stored identity, or null before `create`. */
  identity(): LogIdentity | null {
    if (this.#numbered("meta").length === 0) return null;
    const [row] = this.#sql.run<{ value: string }>("SELECT value FROM meta WHERE key = 'identity'");
    return row === undefined ? null : JSON.parse(row.value);
  }

  /** Makes the tables of a log whose first event will be `firstSeq`. */
  create(log: string, epoch: string, firstSeq: number): LogIdentity {
    const identity = { schema: SCHEMA, log, epoch };
    for (const statement of [CREATE_META, CREATE_SEG, CREATE_GONE, createTail(firstSeq)]) this.#sql.run(statement);
    this.#sql.run("INSERT INTO meta VALUES ('identity', ?)", JSON.stringify(identity));
    return identity;
  }

  /** Brings tables that an earlier version made to this one's schema. */
  migrate(identity: LogIdentity): LogIdentity {
    for (let schema = identity.schema; schema < SCHEMA; schema++) {
      for (const statement of MIGRATIONS[schema] ?? []) this.#sql.run(statement);
    }
    const migrated = { ...identity, schema: SCHEMA };
    this.#sql.run("UPDATE meta SET value = ? WHERE key = 'identity'", JSON.stringify(migrated));
    return migrated;
  }

  /** What the tables say: reads one tail's rows without their bodies, and the segments that wait. */
  load(): LogState {
    const tails = this.#numbered("tail");
    const firstSeq = tails.at(-1);
    if (firstSeq === undefined) throw new Error("the Inbox has no open tail");
    const [open] = this.#sql.run<{
      next: number;
      count: number;
      bytes: number;
      from: number | null;
      to: number | null;
    }>(
      `SELECT coalesce(max(seq) + 1, ?) AS next, count(*) AS count, min(at) AS "from", max(at) AS "to",
         coalesce(sum(bytes + length(headers)), 0) AS bytes FROM tail_${firstSeq}`,
      firstSeq,
    );
    if (open === undefined) throw new Error("an aggregate always has a row");
    const [newest] = this.#sql.run<{ to: number }>(`SELECT "to" FROM seg ORDER BY firstSeq DESC LIMIT 1`);
    return {
      next: open.next,
      lastAt: open.to ?? newest?.to ?? 0,
      seen: this.seen.list(),
      sealed: this.#sql.run<Segment>(
        `SELECT ${SEGMENT_COLUMNS} FROM seg WHERE firstSeq >= ? ORDER BY firstSeq`,
        tails[0] ?? firstSeq,
      ),
      open: { firstSeq, count: open.count, bytes: open.bytes, from: open.from },
    };
  }

  append(tail: number, seq: number, at: number, arrival: Arrival): void {
    const { source, type, body, id, verification, headers } = arrival;
    this.#sql.run(
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
    const perSource = this.#sql.run<{ source: string; n: number; from: number; to: number }>(
      `SELECT source, count(*) AS n, min(at) AS "from", max(at) AS "to" FROM tail_${firstSeq} GROUP BY source`,
    );
    const from = Math.min(...perSource.map((row) => row.from));
    const to = Math.max(...perSource.map((row) => row.to));
    const counts = JSON.stringify(Object.fromEntries(perSource.map((row) => [row.source, row.n])));
    this.#sql.run(
      "INSERT INTO seg VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, 0, NULL)",
      ...[firstSeq, lastSeq, epoch, count, bytes, counts, from, to],
    );
    this.#sql.run(createTail(lastSeq + 1));
    return { firstSeq, lastSeq, epoch, n: count, bytes, from, to, putAt: null, misses: 0 };
  }

  /** The rows of a sealed tail, in order. */
  rows(tail: number): EventRow[] {
    return this.#sql.run<EventRow>(`SELECT * FROM tail_${tail} ORDER BY seq`);
  }

  /** `expires`: until when KV surely keeps what was just put, in unix milliseconds; null leaves it as it is. */
  notePut({ firstSeq, bytes, putAt, misses }: Segment, expires: number | null): void {
    this.#sql.run(
      "UPDATE seg SET bytes = ?, putAt = ?, misses = ?, expires = coalesce(?, expires) WHERE firstSeq = ?",
      ...[bytes, putAt, misses, expires, firstSeq],
    );
  }

  dropTail(firstSeq: number): void {
    this.#sql.run(`DROP TABLE tail_${firstSeq}`);
  }

  /**
   * Forgets the oldest segments, those that have no tail and whose newest event came before `expired`, or that
   * KV does not keep beyond `now`.
   */
  forgetSegments(expired: number, now: number, oldestTail: number): void {
    // Only the oldest few are looked at: more do not expire between two flushes, and each look is billed.
    this.#sql.run(
      `DELETE FROM seg WHERE ("to" < ? OR expires <= ?) AND firstSeq IN
         (SELECT firstSeq FROM seg WHERE firstSeq < ? ORDER BY firstSeq LIMIT ${FORGET_LIMIT})`,
      expired,
      now,
      oldestTail,
    );
  }

  /** What follows the underscore in the names of tables of one kind, ascending; 0 where nothing does. */
  #numbered(kind: "meta" | "tail"): number[] {
    const names = this.#sql.run<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'");
    return names
      .map(({ name }) => name.split("_"))
      .filter(([prefix]) => prefix === kind)
      .map(([, number]) => Number(number ?? 0))
      .sort((a, b) => a - b);
  }
}
