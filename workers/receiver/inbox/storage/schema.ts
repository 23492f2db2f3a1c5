import { Meta } from "../../../../shared/durable/meta.ts";
import type { Sql } from "../../../../shared/durable/sql.ts";
import type { LogIdentity, LogState } from "../state/state.ts";
import { Ledger } from "./ledger.ts";
import { SeenKeys } from "./seen-keys.ts";
import { Tails } from "./tails.ts";

/**
 * The Inbox's tables as a whole. Columns, examples, rows written and when each goes: the section "Storage" of
 * workers/receiver/README.md.
 *
 * - `meta`: which log this is, and what is noted about it
 * - `tail_<first seq>`: the newest events; the last tail is open, the rows of the others never change
 * - `seen_<begun>`: the keys of events that were logged already, one table a period
 * - `seg`: one row a segment: its events, and how far it is on its way into KV
 * - `gone`: the cleared segments whose keys are still to be deleted from KV
 */

/** The layout of these tables. Storage of the schemas before is migrated; no other is opened. */
const SCHEMA = 5;
/** Tails without the columns `method`, `path` and `query`. */
const SCHEMA_WITHOUT_LINES = 3;
/** Segments without the columns `masking` and `sieve`. */
const SCHEMA_WITHOUT_SIEVES = 4;
const OPENED: readonly unknown[] = [SCHEMA_WITHOUT_LINES, SCHEMA_WITHOUT_SIEVES, SCHEMA];

export class InboxStore {
  readonly sql: Sql;
  readonly tails: Tails;
  readonly seen: SeenKeys;
  readonly ledger: Ledger;
  readonly meta: Meta;

  constructor(sql: Sql) {
    this.sql = sql;
    this.meta = new Meta(sql);
    this.tails = new Tails(sql);
    this.seen = new SeenKeys(sql);
    this.ledger = new Ledger(sql, this.meta);
  }

  /** Returns the stored identity, or null when there are no tables. @throws Error when their schema is not opened */
  identity(): LogIdentity | null {
    if (this.tails.firstSeqs.length === 0) return null;
    const identity = this.meta.get<LogIdentity>("identity");
    if (identity !== null && OPENED.includes(identity.schema)) return identity;
    throw new Error(`the storage has the schema ${identity?.schema}; this version opens ${OPENED.join(", ")}`);
  }

  /** Migrates tables of a schema before, in a transaction; returns the identity of today's tables. */
  migrated(stored: LogIdentity): LogIdentity {
    if (stored.schema === SCHEMA) return stored;
    const identity = { ...stored, schema: SCHEMA };
    if (stored.schema === SCHEMA_WITHOUT_LINES) this.tails.addColumns();
    this.ledger.addColumns();
    this.meta.set("identity", identity);
    return identity;
  }

  /** Creates the tables of a log whose first event will be `firstSeq`. */
  create(log: string, epoch: string, firstSeq: number): LogIdentity {
    const identity = { schema: SCHEMA, log, epoch };
    this.meta.create();
    this.ledger.create();
    this.tails.begin(firstSeq);
    this.meta.set("identity", identity);
    return identity;
  }

  /** Reads the state of the log: one tail's rows without their bodies, and the segments that wait. */
  load(): LogState {
    const [oldest, open] = [this.tails.firstSeqs[0], this.tails.firstSeqs.at(-1)];
    if (oldest === undefined || open === undefined) throw new Error("the Inbox has no open tail");
    const { next, lastAt, ...rest } = this.tails.measure(open);
    return {
      next,
      lastAt: lastAt ?? this.ledger.lastSealedAt() ?? 0,
      sealed: this.ledger.segmentsFrom(oldest),
      open: { firstSeq: open, ...rest },
    };
  }

  /** Reads again which tables there are, after a transaction that was rolled back. */
  reload(): void {
    this.tails.reload();
    this.seen.reload();
  }
}
