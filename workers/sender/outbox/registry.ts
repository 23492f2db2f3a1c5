import type { Sql } from "../../../shared/durable/sql.ts";
import type { EndpointConfig, EndpointRow, RowState } from "../model/endpoint.ts";
import { mayHaveGot, type RoutedEvent, type Subscription, wants } from "../model/subscription.ts";
import type { RecipientQuery, Recipients } from "../protocol.ts";

/** A row of the table `ep`: `config` is JSON text. */
type StoredRow = { id: string; config: string; revision: number; pushed: number; from: number | null; state: string };

/**
 * The endpoints and their configurations; what an Endpoint holds is a copy. Every change is a new revision, pushed to
 * the Endpoint's object until it has confirmed it.
 */
export class Registry {
  readonly #sql: Sql;
  #rows = new Map<string, EndpointRow>();
  #enabled: readonly EndpointRow[] | null = null;

  constructor(sql: Sql) {
    this.#sql = sql;
    sql.run(
      `CREATE TABLE IF NOT EXISTS ep (id TEXT PRIMARY KEY, config TEXT NOT NULL, revision INTEGER NOT NULL,
         pushed INTEGER NOT NULL, "from" INTEGER, state TEXT NOT NULL) WITHOUT ROWID`,
    );
    this.reload();
  }

  /** Reads the rows again, as after a transaction that was rolled back. */
  reload(): void {
    const rows = this.#sql.run<StoredRow>(`SELECT id, config, revision, pushed, "from", state FROM ep ORDER BY id`);
    this.#enabled = null;
    this.#rows = new Map(
      rows.map((row) => [row.id, { ...row, config: JSON.parse(row.config), state: row.state as RowState }]),
    );
  }

  get(id: string): EndpointRow | undefined {
    return this.#rows.get(id);
  }

  all(): EndpointRow[] {
    return [...this.#rows.values()];
  }

  /** Returns the endpoints that get events. The list is kept until a row changes: each publish asks for it. */
  enabled(): readonly EndpointRow[] {
    this.#enabled ??= this.all().filter((row) => row.state === "live" && row.config.enabled);
    return this.#enabled;
  }

  /** Adds an endpoint, or gives one a new configuration and revision. */
  put(id: string, config: EndpointConfig, from: number | null): EndpointRow {
    const known = this.#rows.get(id);
    const row: EndpointRow = {
      id,
      config,
      revision: (known?.revision ?? 0) + 1,
      pushed: known?.pushed ?? 0,
      from: known?.from ?? from,
      state: "live",
    };
    this.#write(row);
    return row;
  }

  /** Notes that the Endpoint has confirmed `revision`. */
  confirmed(id: string, revision: number): void {
    const row = this.#rows.get(id);
    if (row !== undefined && row.pushed < revision) this.#write({ ...row, pushed: revision });
  }

  /** Marks an endpoint for deletion; nothing more is offered to it. */
  markDeleting(row: EndpointRow): EndpointRow {
    const deleting: EndpointRow = { ...row, revision: row.revision + 1, state: "deleting" };
    this.#write(deleting);
    return deleting;
  }

  /** Removes the row of an Endpoint that has destroyed itself. */
  remove(id: string): void {
    this.#sql.run("DELETE FROM ep WHERE id = ?", id);
    this.#rows.delete(id);
    this.#enabled = null;
  }

  /** Returns an endpoint that is not about to be deleted; else null. */
  live(id: string): EndpointRow | null {
    const row = this.#rows.get(id);
    return row?.state === "live" ? row : null;
  }

  /** Returns the endpoints that an event is for, or was for, in the order of their ids. */
  recipients(event: RoutedEvent, { after, limit, waiting }: RecipientQuery): Omit<Recipients, "log"> {
    const ids = this.all()
      .filter((row) => row.state === "live" && (row.from ?? 0) < event.seq)
      .filter((row) =>
        waiting ? row.config.enabled && wants(subscriptionOf(row), event) : mayHaveGot(subscriptionOf(row), event),
      )
      .map(({ id }) => id)
      .sort();
    const rest = ids.filter((id) => id > after);
    const page = rest.slice(0, limit);
    return { ids: page, next: rest.length > limit ? (page.at(-1) ?? null) : null, total: ids.length };
  }

  /** Returns the rows whose last change the Endpoint has not confirmed. */
  unpushed(): EndpointRow[] {
    return this.all().filter((row) => row.pushed < row.revision);
  }

  #write(row: EndpointRow): void {
    this.#sql.run(
      `INSERT OR REPLACE INTO ep (id, config, revision, pushed, "from", state) VALUES (?, ?, ?, ?, ?, ?)`,
      ...[row.id, JSON.stringify(row.config), row.revision, row.pushed, row.from, row.state],
    );
    this.#rows.set(row.id, row);
    this.#enabled = null;
  }
}

/** Returns the events that an endpoint's row chooses. */
export function subscriptionOf({ id, config: { types, filter = null, earlierTypes = [] } }: EndpointRow): Subscription {
  return { endpointId: id, types, filter, earlier: earlierTypes };
}
