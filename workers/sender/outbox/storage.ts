import { Meta } from "../../../shared/durable/meta.ts";
import { Sql, transact } from "../../../shared/durable/sql.ts";
import type { LoggedEvent } from "../model/event.ts";
import { eventSeq, type IdKey } from "../model/event-id.ts";
import { EventLog } from "./event-log.ts";
import { IdempotencyKeys } from "./idempotency.ts";
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
 * `target` null: every endpoint. `+ep`: that endpoint alone. `-ep`: every other endpoint.
 */
export class OutboxStore {
  readonly #storage: DurableObjectStorage;
  readonly #followers: (() => void)[] = [];
  readonly sql: Sql;
  readonly meta: Meta;
  readonly log: EventLog;
  readonly idempotency: IdempotencyKeys;
  readonly scheduled: ScheduledEvents;
  readonly registry: Registry;
  /** The key that hides the seq in an id. */
  readonly idKey: IdKey;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.sql = new Sql(storage.sql);
    this.meta = new Meta(this.sql);
    this.scheduled = new ScheduledEvents(this.sql);
    this.meta.create();
    this.scheduled.create();
    this.log = new EventLog(this.sql);
    this.idempotency = new IdempotencyKeys(this.sql);
    this.registry = new Registry(this.sql);
    this.idKey = loadIdKey(this.meta);
  }

  /** Runs one transaction; what memory holds of the tables is read again when it was rolled back. */
  transact<Value>(work: () => Value): Value {
    return transact(this.#storage, work, () => {
      for (const part of [this.log, this.idempotency, this.registry]) part.reload();
    });
  }

  /** Has `follower` called at each change that others must hear of. */
  follow(follower: () => void): void {
    this.#followers.push(follower);
  }

  /**
   * Tells the followers that the log has grown or the registry has changed. To be called once the change is written,
   * in the same turn: an alarm that a follower arms is then part of the commit.
   */
  changed(): void {
    for (const follower of this.#followers) follower();
  }

  /** Returns a logged event by its id; null when this log never had it, no longer has it, or has it scheduled. */
  event(id: string): LoggedEvent | null {
    const seq = eventSeq(this.idKey, id) ?? this.idempotency.get("id", id)?.seq ?? null;
    const event = seq === null ? null : this.log.event(seq);
    return event?.id === id ? event : null;
  }
}

/** Returns the log's key for ids, which is made once: under another key its ids could not be found again. */
function loadIdKey(meta: Meta): IdKey {
  const known = meta.get<[number, number]>("idKey");
  if (known !== null) return known;
  const [first = 0, second = 0] = crypto.getRandomValues(new Int32Array(2));
  meta.set("idKey", [first, second]);
  return [first, second];
}
