import { Meta } from "../../../shared/durable/meta.ts";
import { Sql, transact } from "../../../shared/durable/sql.ts";
import { TENANT } from "../config.ts";
import type { EndpointRow } from "../model/endpoint.ts";
import type { LoggedEvent } from "../model/event.ts";
import { eventSeq, type IdKey } from "../model/event-id.ts";
import type { ConfigureCall, LogView } from "../protocol.ts";
import { EventLog } from "./event-log.ts";
import { IdempotencyKeys } from "./idempotency.ts";
import { Registry } from "./registry.ts";
import { ScheduledEvents } from "./scheduled.ts";

/** Seqs left out after those that an earlier log is known to have given: more than it can have given unheard of. */
const SKIPPED = 1_000_000;

/**
 * The Outbox's tables as a whole. Columns, examples, rows written and when each goes: the section "Storage" of
 * workers/sender/README.md.
 *
 * - `ev_<first>`: the log, one row an event. `target` null: every endpoint; `+ep`: that one alone; `-ep`: every other.
 * - `keys_<period>`: the ids and Idempotency-Keys that callers have used
 * - `later`: the events that wait for their `deliverAt`
 * - `ep`: the registry of endpoints
 * - `meta`: the log's identity, the saved positions, the key for ids, the cron's last minute
 */
export class OutboxStore {
  readonly #storage: DurableObjectStorage;
  #logId: string;
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
    this.#logId = this.meta.get<string>("log") ?? "";
  }

  /** The log's identity: I5 (one log). Empty until `begin`. */
  get logId(): string {
    return this.#logId;
  }

  /** The log as the Endpoints are told of it. */
  get view(): LogView {
    return { id: this.#logId, oldest: this.log.oldest, head: this.log.head };
  }

  /**
   * Begins a log of an identity of its own, far beyond `given`: the greatest seq that an earlier log is known to have
   * given, under the same name. A seq that was given twice would pass for delivered. 0 to go on after the head.
   */
  begin(given: number): void {
    const id = crypto.randomUUID();
    this.transact(() => {
      this.meta.set("log", id);
      if (given > 0 && given >= this.log.head) this.log.beginAfter(given + SKIPPED);
      // Each Endpoint is to hear of the identity.
      for (const row of this.registry.all()) if (row.state === "live") this.registry.put(row.id, row.config, null);
    });
    this.#logId = id;
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

  /** Returns what an Endpoint is told when it is configured. */
  configureCall({ id, config, revision, from }: EndpointRow): ConfigureCall {
    return { tenant: TENANT, id, config, revision, from, log: this.view };
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
