import type { Meta } from "../../../shared/durable/meta.ts";
import { isFinished, type PeriodTable, PeriodTables } from "../../../shared/durable/period-tables.ts";
import type { Sql } from "../../../shared/durable/sql.ts";

/** Of a delivered row, for the estimate of a table's size after a start. */
const MEAN_ROW_BYTES = 200;

const DEFINITION = `(seq INTEGER PRIMARY KEY, id TEXT NOT NULL, type TEXT NOT NULL, state TEXT NOT NULL,
  due INTEGER, mark TEXT, skip INTEGER NOT NULL, until INTEGER, attempts TEXT NOT NULL, body TEXT)`;

/** The tables that an Endpoint's deliveries lie in, one for each period; they come one by one and go whole. */
export class DeliveryTables {
  readonly #sql: Sql;
  readonly #meta: Meta;
  readonly #tables: PeriodTables;
  /** Of the newest table: when it was made, and about how much is in it. */
  #newestBegan = 0;
  #newestBytes = 0;
  /** No row has a greater seq: what lies above needs no look-up. */
  #maxSeq = 0;

  constructor(sql: Sql, meta: Meta) {
    this.#sql = sql;
    this.#meta = meta;
    this.#tables = new PeriodTables(sql, "del", DEFINITION);
    this.#read();
  }

  /** Reads what memory holds again; nothing is created, an unknown endpoint stays empty. */
  reload(): void {
    this.#tables.reload();
    this.#read();
  }

  #read(): void {
    const { newest } = this.#tables;
    if (newest === undefined) return;
    this.#maxSeq = Math.max(
      ...this.all.map(
        ({ name }) => this.#sql.run<{ seq: number | null }>(`SELECT max(seq) AS seq FROM ${name}`)[0]?.seq ?? 0,
      ),
    );
    this.#newestBegan = this.#meta.get<number>("began") ?? 0;
    this.#newestBytes = Math.max(0, this.#maxSeq + 1 - newest.first) * MEAN_ROW_BYTES;
  }

  /** Oldest first. */
  get all(): readonly PeriodTable[] {
    return this.#tables.all;
  }

  get maxSeq(): number {
    return this.#maxSeq;
  }

  /** The name of the table that a delivery belongs to; undefined before there is any. */
  nameFor(seq: number): string | undefined {
    return this.#tables.holding(seq)?.name;
  }

  /** A row was inserted. */
  grew(seq: number, bytes: number): void {
    this.#maxSeq = Math.max(this.#maxSeq, seq);
    this.#newestBytes += bytes;
  }

  /** A new table for what comes from `first` on; the one before it ends at `now` (unix ms). */
  add(first: number, now: number): void {
    const { newest } = this.#tables;
    if (newest !== undefined) {
      const live = Object.entries(this.#ends()).filter(([old]) => this.all.some((table) => table.name === old));
      this.#meta.set("ends", { ...Object.fromEntries(live), [newest.name]: now });
    }
    const { name } = this.#tables.add(first);
    this.#sql.run(`CREATE INDEX due_${first} ON ${name} (due) WHERE due IS NOT NULL`);
    this.#meta.set("began", now);
    this.#newestBegan = now;
    this.#newestBytes = 0;
  }

  /** A new table when the newest is a period old or full. `above` is a seq that no row will exceed before. */
  rollOver(now: number, retentionMs: number, above: number): void {
    const { newest } = this.#tables;
    if (newest === undefined || above + 1 <= newest.first) return;
    const table = { began: this.#newestBegan, bytes: this.#newestBytes };
    if (isFinished(table, { now, retentionMs })) this.add(above + 1, now);
  }

  /** Drops what is past the retention; a table in which something still waits to be sent again stays. */
  dropExpired(now: number, retentionMs: number): void {
    const ends = this.#ends();
    for (const table of this.all.slice(0, -1)) {
      const ended = ends[table.name];
      if (ended === undefined || ended > now - retentionMs) continue;
      const waiting =
        this.#sql.run<{ n: number }>(`SELECT count(*) AS n FROM ${table.name} WHERE due IS NOT NULL`)[0]?.n ?? 0;
      if (waiting === 0) this.#tables.drop(table);
    }
  }

  /** When each table but the newest was ended, by name. */
  #ends(): Record<string, number> {
    return this.#meta.get<Record<string, number>>("ends") ?? {};
  }
}
