import type { OutboxStore } from "./outbox-store.ts";

/**
 * The endpoints and their configuration: the one truth about them. Every change is a new revision, pushed to
 * the Endpoint's own object until it has confirmed it.
 */

/** What an Endpoint needs to deliver. `secrets` newest first; those with an end sign until then. */
export type EndpointConfig = {
  url: string;
  enabled: boolean;
  disabledReason: string | null;
  types: readonly string[] | null;
  description: string;
  secrets: readonly { key: string; expiresAt: number | null }[];
};

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
  readonly #store: OutboxStore;
  #rows = new Map<string, EndpointRow>();

  constructor(store: OutboxStore) {
    this.#store = store;
    this.reload();
  }

  /** Reads the rows again, as after a transaction that was rolled back. */
  reload(): void {
    const rows = this.#store.run<StoredRow>(`SELECT id, config, revision, pushed, "from", state FROM ep ORDER BY id`);
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

  enabled(): EndpointRow[] {
    return this.all().filter((row) => row.state === "live" && row.config.enabled);
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

  unpushed(): EndpointRow[] {
    return this.all().filter((row) => row.pushed < row.revision);
  }

  #write(row: EndpointRow): void {
    this.#store.run(
      `INSERT OR REPLACE INTO ep (id, config, revision, pushed, "from", state) VALUES (?, ?, ?, ?, ?, ?)`,
      ...[row.id, JSON.stringify(row.config), row.revision, row.pushed, row.from, row.state],
    );
    this.#rows.set(row.id, row);
  }
}

/** What `ep_default` must look like, WEBHOOK_URL and WEBHOOK_SECRET being what they are now. */
export function defaultConfig(
  url: string | null,
  secrets: readonly string[],
  known: EndpointConfig | undefined,
): EndpointConfig | null {
  if (url === null && known === undefined) return null;
  return {
    url: url ?? known?.url ?? "",
    enabled: url !== null,
    disabledReason: url === null ? "WEBHOOK_URL is not set" : null,
    types: known?.types ?? null,
    description: "defined by WEBHOOK_URL",
    secrets: secrets.map((key) => ({ key, expiresAt: null })),
  };
}
