import type { Sql } from "../../../shared/durable/sql.ts";
import { TENANT } from "../config.ts";
import type { ConfigureCall } from "../endpoint/state.ts";
import type { EarlierTypes, Filter, Types } from "../model/subscription.ts";

/**
 * The endpoints and their configuration: the one truth about them. Every change is a new revision, pushed to
 * the Endpoint's own object until it has confirmed it.
 */

/** What an Endpoint needs to deliver. `secrets` newest first; those with an end sign until then (unix ms). */
export type EndpointConfig = {
  url: string;
  enabled: boolean;
  disabledReason: string | null;
  types: Types;
  /** Before they were changed, while the log holds events of that time. */
  earlierTypes?: readonly EarlierTypes[];
  description: string;
  /** Sent with every attempt; never those that are signed or that belong to the connection. */
  headers: Readonly<Record<string, string>>;
  /** Strictly one event after the other, in the log's order. */
  ordered: boolean;
  rateLimit: { perSecond: number } | null;
  signing: readonly ("v1" | "v1a")[];
  secrets: readonly EndpointSecret[];
  createdAt: number;
};

export type EndpointSecret = { key: string; expiresAt: number | null };

export type EndpointState = "live" | "deleting";

/** `pushed` is the last revision the Endpoint confirmed; `from` the seq it starts after, null for its own floor. */
export type EndpointRow = {
  id: string;
  config: EndpointConfig;
  revision: number;
  pushed: number;
  from: number | null;
  state: EndpointState;
};

/** The endpoint that WEBHOOK_URL defines. */
export const DEFAULT_ENDPOINT = "ep_default";

type StoredRow = { id: string; config: string; revision: number; pushed: number; from: number | null; state: string };

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
      rows.map((row) => [row.id, { ...row, config: JSON.parse(row.config), state: row.state as EndpointState }]),
    );
  }

  get(id: string): EndpointRow | undefined {
    return this.#rows.get(id);
  }

  all(): EndpointRow[] {
    return [...this.#rows.values()];
  }

  /** Those that are handed events. Kept until a row changes: it is asked for at each publish. */
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

  /** The Endpoint has confirmed `revision`. */
  confirmed(id: string, revision: number): void {
    const row = this.#rows.get(id);
    if (row !== undefined && row.pushed < revision) this.#write({ ...row, pushed: revision });
  }

  /** Marks an endpoint for deletion; it is handed nothing from here on. */
  markDeleting(row: EndpointRow): EndpointRow {
    const deleting: EndpointRow = { ...row, revision: row.revision + 1, state: "deleting" };
    this.#write(deleting);
    return deleting;
  }

  /** The Endpoint has destroyed itself. */
  remove(id: string): void {
    this.#sql.run("DELETE FROM ep WHERE id = ?", id);
    this.#rows.delete(id);
    this.#enabled = null;
  }

  /** An endpoint that is not about to be deleted; else null. */
  live(id: string): EndpointRow | null {
    const row = this.#rows.get(id);
    return row?.state === "live" ? row : null;
  }

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

/** Which events are an endpoint's. */
export function filterOf({ id, config: { types, earlierTypes = [] } }: EndpointRow): Filter {
  return { endpointId: id, types, earlier: earlierTypes };
}

/** What an Endpoint is told when it is configured. */
export function configureCall({ id, config, revision, from }: EndpointRow): ConfigureCall {
  return { tenant: TENANT, id, config, revision, from };
}

/** What `ep_default` must look like, WEBHOOK_URL and WEBHOOK_SECRET being what they are now; null for nothing. */
export function defaultConfig(
  url: string | null,
  secrets: readonly string[],
  { known, now }: { known: EndpointConfig | undefined; now: number },
): EndpointConfig | null {
  if (url === null && known === undefined) return null;
  // A person or a 410 may have disabled it: only another URL, or one after none, enables it again.
  const unchanged = known !== undefined && known.url === url && known.disabledReason !== UNSET;
  return {
    types: null,
    headers: {},
    ordered: false,
    rateLimit: null,
    signing: ["v1"],
    createdAt: now,
    ...known,
    description: "defined by WEBHOOK_URL",
    url: url ?? known?.url ?? "",
    enabled: url !== null && (unchanged ? known.enabled : true),
    disabledReason: url === null ? UNSET : unchanged ? known.disabledReason : null,
    secrets: secrets.map((key) => ({ key, expiresAt: null })),
  };
}

const UNSET = "WEBHOOK_URL is not set";
