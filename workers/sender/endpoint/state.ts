import type { Alarm } from "../../../shared/durable/alarm.ts";
import { spaceIn } from "../../../shared/durable/space.ts";
import type { Config } from "../config.ts";
import type { ConfigureCall, Identity } from "../protocol.ts";
import { Health } from "./health.ts";
import { DeliveryQueue } from "./queue.ts";
import type { EndpointStore } from "./storage.ts";

/** An Endpoint's configuration, queue and health in memory. After a start they are read from storage again. */
export class EndpointState {
  readonly #store: EndpointStore;
  readonly #storageLimit: number;
  readonly #alarm: Alarm;
  readonly health: Health;
  #identity: Identity | null = null;
  #queue = new DeliveryQueue(0);
  #writtenFloor = 0;

  constructor(store: EndpointStore, { storageLimit }: Pick<Config, "storageLimit">, alarm: Alarm) {
    this.#store = store;
    this.#storageLimit = storageLimit;
    this.#alarm = alarm;
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

  /** True while the endpoint sends: it is enabled, and no pause waits for the registry to note it. */
  get active(): boolean {
    return this.health.pause === null && (this.#identity?.config.enabled ?? false);
  }

  /** True while storage is short: nothing more is taken, and the position waits in the log. */
  get crowded(): boolean {
    return spaceIn(this.#store.sql.bytes, this.#storageLimit) !== "ample";
  }

  /**
   * Takes a configuration, and makes the schema of an endpoint that was not known. An older revision than ours is not
   * taken. An endpoint that sends from here on looks for what it lacks, so the alarm is armed in the same commit.
   */
  configure({ from, ...identity }: ConfigureCall, now: number): "done" | "older" {
    const before = this.#identity;
    if (before !== null && identity.revision < before.revision) return "older";
    const { enabled, url, types } = identity.config;
    const enabling = enabled && !before?.config.enabled;
    const resumed = this.health.pause !== null && enabled;
    this.#write(identity, { from, now, forgiven: enabling || url !== before?.config.url });
    if (before === null) this.#load();
    this.#identity = identity;
    // The queue was filled by the earlier types: the log is asked again by the new ones.
    const retyped = before !== null && JSON.stringify(types) !== JSON.stringify(before.config.types);
    if (!enabled || retyped) this.#queue.reset();
    if (enabled && (enabling || resumed || retyped)) {
      this.#queue.behind = true;
      this.#alarm.arm(now);
    }
    return "done";
  }

  #write(identity: Identity, { from, now, forgiven }: { from: number | null; now: number; forgiven: boolean }): void {
    try {
      this.#store.transact(() => {
        if (!this.#store.exists) this.#store.create(from ?? 0, now);
        this.#store.meta.set("identity", identity);
        this.health.configured(forgiven);
      });
    } catch (error) {
      if (this.#store.exists) this.health.load(this.#store.meta.all());
      throw error;
    }
  }

  /** Writes the floor when it moved at least `step`: after a restart the rows above it are looked at again. */
  saveFloor(step: number): void {
    const { floor } = this.#queue;
    if (floor - this.#writtenFloor < step) return;
    this.#store.meta.set("floor", floor);
    this.#writtenFloor = floor;
  }

  /** Forgets everything: the endpoint is deleted. */
  destroy(): Promise<void> {
    this.#identity = null;
    this.#queue = new DeliveryQueue(0);
    return this.#store.destroy();
  }

  #load(): void {
    const meta = this.#store.meta.all();
    this.#identity = (meta.identity ?? null) as Identity | null;
    this.health.load(meta);
    this.#writtenFloor = Number(meta.floor ?? 0);
    this.#queue = new DeliveryQueue(this.#writtenFloor);
  }
}
