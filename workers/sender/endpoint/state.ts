import type { Config } from "../config.ts";
import type { ConfigureCall, Identity } from "../protocol.ts";
import { Health } from "./health.ts";
import { DeliveryQueue } from "./queue.ts";
import type { EndpointStore } from "./storage.ts";

/** Above this share of the storage nothing more is taken: the position waits in the log. */
const FULL_SHARE = 0.6;

/** How an Endpoint stands: its configuration, its position, its health. After a start storage says it all again. */
export class EndpointState {
  readonly #store: EndpointStore;
  readonly #storageLimit: number;
  readonly health: Health;
  #identity: Identity | null = null;
  #queue = new DeliveryQueue(0);
  #writtenFloor = 0;

  constructor(store: EndpointStore, { storageLimit }: Pick<Config, "storageLimit">) {
    this.#store = store;
    this.#storageLimit = storageLimit;
    this.health = new Health(store);
    if (store.exists) this.#load();
  }

  /** Null for an endpoint that nobody configured, or that was deleted. */
  get identity(): Identity | null {
    return this.#identity;
  }

  get queue(): DeliveryQueue {
    return this.#queue;
  }

  /** Whether it sends: enabled, and not waiting for the registry to take note of why it stopped. */
  get active(): boolean {
    return this.health.pause === null && (this.#identity?.config.enabled ?? false);
  }

  get crowded(): boolean {
    return this.#store.sql.bytes > this.#storageLimit * FULL_SHARE;
  }

  /**
   * Takes a configuration, and makes the schema of an endpoint it has not met. An older revision than ours is
   * not taken; `resume`: from here on it sends, and has to look for what it lacks.
   */
  configure({ from, ...identity }: ConfigureCall, now: number): "done" | "older" | "resume" {
    const before = this.#identity;
    if (before !== null && identity.revision < before.revision) return "older";
    const { enabled, url, types } = identity.config;
    const enabling = enabled && !before?.config.enabled;
    const resumed = this.health.pause !== null && enabled;
    this.#write(identity, { from, now, forgiven: enabling || url !== before?.config.url });
    if (before === null) this.#load();
    this.#identity = identity;
    // What is queued was chosen by the types of before: the log is asked again, with those of now.
    const retyped = before !== null && JSON.stringify(types) !== JSON.stringify(before.config.types);
    if (!enabled || retyped) this.#queue.reset();
    if (!enabled || !(enabling || resumed || retyped)) return "done";
    this.#queue.behind = true;
    return "resume";
  }

  #write(identity: Identity, { from, now, forgiven }: { from: number | null; now: number; forgiven: boolean }): void {
    try {
      this.#store.transact(() => {
        if (!this.#store.exists) this.#store.create(from ?? 0, now);
        this.#store.meta.set("identity", identity);
        this.health.configured(forgiven);
      });
    } catch (error) {
      this.#store.tables.reload();
      if (this.#store.exists) this.health.load(this.#store.meta.all());
      throw error;
    }
  }

  /** Writes the floor when it moved at least `step`: a restart looks at the rows above it again. */
  saveFloor(step: number): void {
    const { floor } = this.#queue;
    if (floor - this.#writtenFloor < step) return;
    this.#store.meta.set("floor", floor);
    this.#writtenFloor = floor;
  }

  /** The endpoint is deleted. */
  forget(): void {
    this.#identity = null;
    this.#queue = new DeliveryQueue(0);
  }

  #load(): void {
    const meta = this.#store.meta.all();
    this.#identity = (meta.identity ?? null) as Identity | null;
    this.health.load(meta);
    this.#writtenFloor = Number(meta.floor ?? 0);
    this.#queue = new DeliveryQueue(this.#writtenFloor);
  }
}
