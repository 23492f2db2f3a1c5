import { periodMs } from "../../../shared/durable/period-tables.ts";
import { type Space, spaceIn } from "../../../shared/durable/space.ts";
import { logEvent } from "../../../shared/log-event.ts";
import type { Config } from "../config.ts";
import type { EndpointRow } from "../model/endpoint.ts";
import type { Announcements, Lagging } from "./announcements.ts";
import type { FanOut } from "./fan-out.ts";
import type { Positions } from "./positions.ts";
import type { OutboxStore } from "./storage.ts";

/**
 * Drops tables of the log whole, the oldest first: what is past the retention, and while room is short, what every
 * enabled endpoint has. Nothing that an enabled endpoint lacks goes for room: an endpoint that holds up too much is
 * disabled first, and that is announced.
 */

/** Above this share of the storage, the shortage is announced. */
const WARNING_SHARE = 0.7;
/** Above this share, the endpoints that are furthest behind are disabled. */
const BACKLOG_SHARE = 0.8;
/** Newer tables that follow one whose loss is worth an endpoint: what is hardly logged holds up no room. */
const NEWER_TABLES = 2;
/** Endpoints that a warning names. */
const MAX_NAMED = 20;
/** While room is short, it is looked for no more often than this when publishers ask, and at least this often. */
const PAUSE_MS = 10_000;
const AGAIN_MS = 60_000;
/** An endpoint that will have caught up by then is waited for. */
const PATIENCE_MS = 5 * 60_000;

type RetentionMeans = {
  fanOut: FanOut;
  positions: Positions;
  announcements: Announcements;
  config: Pick<Config, "retentionMs" | "storageLimit">;
};

export class Retention {
  readonly #store: OutboxStore;
  readonly #means: RetentionMeans;
  #running: Promise<void> | null = null;
  /** True while endpoints that hold up room are catching up. */
  #waiting = false;
  /** When room was looked for in vain; null when there is some. */
  #failedAt: number | null = null;

  constructor(store: OutboxStore, means: RetentionMeans) {
    this.#store = store;
    this.#means = means;
  }

  /** When room must be looked for again; null while there is enough. */
  nextAt(now: number): number | null {
    return this.#short ? now + (this.#waiting ? PAUSE_MS : AGAIN_MS) : null;
  }

  /**
   * Drops what may go. One run at a time: a second call waits for the first. Never throws: a DROP that is refused is
   * tried again by the next alarm.
   */
  run(now: number): Promise<void> {
    this.#running ??= this.#run(now)
      .catch((error: unknown) => logEvent("outbox.drop_failed", { error: String(error) }))
      .finally(() => {
        this.#running = null;
        this.#failedAt = this.#space === "full" ? now : null;
      });
    return this.#running;
  }

  /** Looks for room on behalf of a publisher, unless that was tried a moment ago. */
  async makeRoom(now: number): Promise<void> {
    if (this.#failedAt === null || Math.abs(now - this.#failedAt) >= PAUSE_MS) await this.run(now);
  }

  get #share(): number {
    return this.#store.sql.bytes / this.#means.config.storageLimit;
  }

  get #space(): Space {
    return spaceIn(this.#store.sql.bytes, this.#means.config.storageLimit);
  }

  get #short(): boolean {
    return this.#space !== "ample";
  }

  async #run(now: number): Promise<void> {
    const { retentionMs } = this.#means.config;
    for (const table of this.#store.log.expired(now - retentionMs)) {
      await this.#means.fanOut.tell(this.#store.log.lastOf(table.first));
      this.#drop();
    }
    this.#store.idempotency.dropBefore(Math.floor((now - retentionMs) / periodMs(retentionMs)));
    if (this.#short) await this.#freeRoom(now);
  }

  async #freeRoom(now: number): Promise<void> {
    const { log, registry } = this.#store;
    // With nothing published, no other table would ever follow one that is full or old.
    log.rollOver(now, this.#means.config);
    const lost = new Set<string>();
    this.#waiting = false;
    for (let last = this.#oldestEnd(); this.#short && last !== null; last = this.#oldestEnd()) {
      const known = await this.#means.fanOut.askFloors(last);
      const lacking = this.#lacking(last);
      if (lacking.length > 0) this.#warn(lacking, now);
      const expendable = known && this.#share > BACKLOG_SHARE && log.tables.length > NEWER_TABLES;
      if (lacking.length > 0 && !expendable) break;
      // Disabling the others would give no room before these have moved on.
      this.#waiting = lacking.some((row) => this.#isCatchingUp(row, last));
      if (this.#waiting) break;
      // In the turn of the DROP: an endpoint that was enabled meanwhile is among them.
      for (const row of lacking) {
        const lostFrom = this.#means.positions.floor(row) + 1;
        this.#means.announcements.fellBehind(row, { lostFrom, lostTo: last });
        lost.add(row.id);
      }
      this.#drop();
    }
    this.#warn([], now);
    // Each learns now which events it lost, and records them as expired. The alarm repeats what fails.
    for (const row of registry.unpushed()) {
      if (lost.has(row.id)) void this.#means.fanOut.configure(row).catch(() => {});
    }
  }

  /** Returns whether an endpoint will soon have the events up to `seq`; true also before its pace is known. */
  #isCatchingUp(row: EndpointRow, seq: number): boolean {
    return (this.#means.positions.timeTo(row, seq) ?? 0) <= PATIENCE_MS;
  }

  /** The last seq of the oldest table; null when that is the newest too. */
  #oldestEnd(): number | null {
    const [oldest, next] = this.#store.log.tables;
    return oldest === undefined || next === undefined ? null : next.first - 1;
  }

  /** Returns the enabled endpoints that lack events up to `seq`, those furthest behind first. */
  #lacking(seq: number): EndpointRow[] {
    const { positions } = this.#means;
    return this.#store.registry
      .enabled()
      .filter((row) => positions.floor(row) < seq)
      .sort((a, b) => positions.floor(a) - positions.floor(b));
  }

  #warn(lacking: readonly EndpointRow[], now: number): void {
    if (this.#share <= WARNING_SHARE) return;
    const { positions, announcements, config } = this.#means;
    const lagOf = (row: EndpointRow): Lagging => ({
      endpointId: row.id,
      lag: this.#store.log.head - positions.floor(row),
    });
    const usedPercent = Math.round(this.#share * 100);
    const facts = {
      usedPercent,
      limitMb: config.storageLimit / 1_000_000,
      behind: lacking.slice(0, MAX_NAMED).map(lagOf),
    };
    announcements.storageLow(facts, now);
  }

  /** Drops the oldest table. */
  #drop(): void {
    const { log } = this.#store;
    const [table] = log.tables;
    if (table === undefined) return;
    log.drop(table);
    logEvent("events.dropped", { from: table.first, to: log.oldest - 1 });
  }
}
