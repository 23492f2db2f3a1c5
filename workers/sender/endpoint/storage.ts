import { Meta } from "../../../shared/durable/meta.ts";
import { Sql, transact } from "../../../shared/durable/sql.ts";
import { Deliveries } from "./deliveries.ts";

/**
 * An Endpoint's tables as a whole. Columns, examples, rows written and when each goes: the section "Storage" of
 * workers/sender/README.md.
 *
 * - `del_<first>`: the deliveries, one row each. `state`: delivered, due (a retry waits), dead (no retry is left) or
 *   expired (retention took the event first). `due` (unix ms): when the row needs work, null when it needs none: a due
 *   delivery is sent, a dead one reported.
 * - `meta`: the configuration, the floor, the health
 */

const SCHEMA_VERSION = 1;

export class EndpointStore {
  readonly #ctx: DurableObjectState;
  readonly sql: Sql;
  readonly meta: Meta;
  readonly deliveries: Deliveries;

  constructor(ctx: DurableObjectState) {
    this.#ctx = ctx;
    this.sql = new Sql(ctx.storage.sql);
    this.meta = new Meta(this.sql);
    this.deliveries = new Deliveries(this.sql, this.meta);
  }

  /** True when there is a schema: only a configuration makes one. */
  get exists(): boolean {
    return this.deliveries.tables.length > 0;
  }

  /** Runs one transaction; the list of tables is read again when it was rolled back. */
  transact<Value>(work: () => Value): Value {
    return transact(this.#ctx.storage, work, () => this.deliveries.reload());
  }

  /** Makes the schema of a new endpoint that starts after `from`. */
  create(from: number, now: number): void {
    this.meta.create();
    this.meta.set("schema", SCHEMA_VERSION);
    this.meta.set("floor", from);
    this.deliveries.addTable(from + 1, now);
  }

  /** Starts the object again from storage, where memory may differ from it. */
  restart(reason: string): void {
    this.#ctx.abort(reason);
  }

  /** Deletes everything; attempts under way end with the object. */
  async destroy(): Promise<void> {
    await this.#ctx.storage.deleteAlarm();
    await this.#ctx.storage.deleteAll();
    // Not before the answer is out: an object that aborts itself fails the call that told it to.
    setTimeout(() => this.#ctx.abort("the endpoint was deleted"), 0);
  }
}
