import { Meta } from "../../../shared/durable/meta.ts";
import { Sql, transact } from "../../../shared/durable/sql.ts";

import { EventLog } from "./event-log.ts";
import { IdempotencyKeys } from "./idempotency.ts";
import { LogReader } from "./log-reader.ts";
import { Registry } from "./registry.ts";
import { ScheduledEvents } from "./scheduled.ts";

/**
 * The Outbox's storage, by table.
 *
 * | table             | columns                               | example                              | rows written            | goes                       |
 * |-------------------|---------------------------------------|--------------------------------------|-------------------------|----------------------------|
 * | `ev_<first>`      | seq PK, at, id, type, body, target    | 42, 1769…, msg_01K…, value.changed   | 1 an event              | whole, after RETENTION_DAYS|
 * | `keys_<period>`   | kind+key PK, digest, seq, answer      | id, order-17, 9f86…, 42, null        | 1 a caller's id or key  | whole, after RETENTION_DAYS|
 * | `later`           | due+n PK, id, type, data              | 1769…, 1, msg_01K…, value.changed    | 1, and 1 when released  | when due                   |
 * | `ep`              | id PK, config, revision, pushed, from, state | ep_default, {…}, 3, 3, null, live | 1 a change and 1 a push | with the endpoint     |
 * | `meta`            | key PK, value                         | handed, {"h":42,"lag":{}}            | 1 a LEASE               | never                      |
 *
 * `target` null: every endpoint; `+ep`: that one alone; `-ep`: every other.
 */
export class OutboxStore {
  readonly #storage: DurableObjectStorage;
  readonly sql: Sql;
  readonly meta: Meta;
  readonly log: EventLog;
  readonly reader: LogReader;
  readonly idempotency: IdempotencyKeys;
  readonly scheduled: ScheduledEvents;
  readonly registry: Registry;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.sql = new Sql(storage.sql);
    this.meta = new Meta(this.sql);
    this.scheduled = new ScheduledEvents(this.sql);
    this.meta.create();
    this.scheduled.create();
    this.log = new EventLog(this.sql);
    this.reader = new LogReader(this.sql, this.log);
    this.idempotency = new IdempotencyKeys(this.sql);
    this.registry = new Registry(this.sql);
  }

  /** One transaction; what memory holds of the tables is read again when it was rolled back. */
  transact<Value>(work: () => Value): Value {
    return transact(this.#storage, work, () => {
      for (const part of [this.log, this.idempotency, this.registry]) part.reload();
    });
  }
}
