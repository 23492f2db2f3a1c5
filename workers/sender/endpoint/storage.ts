import { Meta } from "../../../shared/durable/meta.ts";
import { Sql } from "../../../shared/durable/sql.ts";
import { Deliveries } from "./deliveries.ts";
import { DeliveryTables } from "./delivery-tables.ts";

/**
 * An Endpoint's storage, by table.
 *
 * | table         | columns                                             | example                        | rows written                     | goes                        |
 * |---------------|-----------------------------------------------------|--------------------------------|----------------------------------|-----------------------------|
 * | `del_<first>` | seq PK, id, type, state, due, mark, skip, until, attempts, body | 42, msg_01K…, …, delivered, null | 1 a delivery; 2 a failed attempt | whole, after RETENTION_DAYS |
 * | `meta`        | key PK, value                                       | floor, 500                     | 1 in 500 deliveries              | with the endpoint           |
 *
 * `state`: delivered, due (a retry waits), dead (no retry is left), expired (retention took it first).
 * `due` (unix ms) is when something must be done for the row, null when nothing: send it, or, when it is
 * dead, report it; `mark` is `redelivery` when a person asked for it; `skip` is how many of the attempts were
 * made before that; `until` is the last seq of an expired range, which is one row; `attempts` a JSON array;
 * `body` is kept only while it may be sent again. The index on `due` is partial: it costs rows for failures only.
 */

const SCHEMA_VERSION = 1;

export class EndpointStore {
  readonly #storage: DurableObjectStorage;
  readonly sql: Sql;
  readonly meta: Meta;
  readonly tables: DeliveryTables;
  readonly deliveries: Deliveries;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.sql = new Sql(storage.sql);
    this.meta = new Meta(this.sql);
    this.tables = new DeliveryTables(this.sql, this.meta);
    this.deliveries = new Deliveries(this.sql, this.tables);
  }

  /** Whether it has a schema: only a configuration makes one. */
  get exists(): boolean {
    return this.tables.all.length > 0;
  }

  /** One transaction; memory is the caller's to set right when it throws. */
  transact<Value>(work: () => Value): Value {
    return this.#storage.transactionSync(work);
  }

  /** Makes the schema of a new endpoint that starts after `from`. */
  create(from: number, now: number): void {
    this.meta.create();
    this.meta.set("schema", SCHEMA_VERSION);
    this.meta.set("floor", from);
    this.tables.add(from + 1, now);
  }
}
