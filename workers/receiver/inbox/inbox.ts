import { DurableObject } from "cloudflare:workers";
import { batched } from "../../../shared/durable/batch.ts";
import type { Space } from "../../../shared/durable/space.ts";
import type { EventCounts } from "../archive/segments.ts";
import { type Config, configOf, type Vars } from "../config.ts";
import type { Arrival } from "../event/arrival.ts";
import type { EventLocation, PageQuery, PageSlice, Slice } from "../event/page.ts";
import type { EventRow } from "../event/record.ts";
import type { Diagnosis } from "../rejected/diagnosis/diagnosis.ts";
import { historyOf, withHistory } from "../rejected/history.ts";
import type { Rejection, RejectionCounts } from "../rejected/rejections.ts";
import { acceptOne, type Logged, noteVerified, sizeOf } from "./accept.ts";
import { type ClearResult, clearEvents } from "./clear.ts";
import { saveRejections } from "./housekeeping.ts";
import { LiveViewers } from "./live/viewers.ts";
import { InboxMemory } from "./memory.ts";
import { countEvents } from "./queries/counts.ts";
import { type HourlyCounts, hourlyCounts } from "./queries/hourly.ts";
import { findEvent, page, records } from "./queries/pages.ts";
import { REJECTIONS_MS } from "./state/rules.ts";
import { type InboxStatus, statusOf } from "./status.ts";

/** `stored: false`: nothing of this arrival was kept, and it may be sent again; when `full`, not at once. */
export type Accepted = ({ stored: true } & Logged) | { stored: false; full: boolean; error: string };

const FULL: Accepted = { stored: false, full: true, error: "the storage has reached STORAGE_LIMIT_MB" };

/** `events` and `rejected` of each source; `viewers`: who watches at this moment. Null: not known. */
export type LogCounts = {
  events: EventCounts | null;
  rejected: RejectionCounts | null;
  viewers: number | null;
};

type InboxEnv = Vars & { EVENTS: KVNamespace };

/**
 * The head of one log: gives each event its seq, once, and moves sealed runs of events into KV.
 *
 * Invariants: an event is in a tail, or in a segment that was read back after the grace; nobody reads a
 * segment before that; sealed rows never change; the tails are an unbroken end of the log; while anything
 * waits in a tail an alarm is armed, in the commit that made it wait. Nothing is accepted or shown before it is
 * known what the log holds: the tables say it, or, when they are gone, KV.
 */
export class Inbox extends DurableObject<InboxEnv> {
  readonly #config: Config;
  readonly #memory: InboxMemory;
  readonly #live: LiveViewers;
  #awake: ReturnType<typeof setTimeout> | null = null;
  readonly #accept = batched((arrivals: Arrival[]) => {
    const accepted = this.#acceptAll(arrivals);
    this.#live.notify();
    return accepted;
  });

  constructor(ctx: DurableObjectState, env: InboxEnv) {
    super(ctx, env);
    this.#config = configOf(env);
    this.#memory = new InboxMemory(ctx, { kv: () => this.env.EVENTS, timing: this.#config, space: this.#config });
    this.#live = new LiveViewers(ctx, () => this.#view());
  }

  /** One verified request; answered once it is in the log for good. */
  accept(arrival: Arrival): Promise<Accepted> {
    return this.#accept(arrival);
  }

  page(query: PageQuery): PageSlice {
    return page(this.#view(), query);
  }

  /** A page of whole rows, for who reads bodies. */
  records(query: PageQuery): Slice<EventRow> {
    return records(this.#view(), query);
  }

  find(seq: number): EventLocation | null {
    return findEvent(this.#view(), seq);
  }

  /** The upgrade to a viewer's socket, which the Worker has authenticated. */
  override fetch(request: Request): Response {
    return this.#live.open(request);
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    this.#live.message(socket, message);
  }

  override webSocketClose(socket: WebSocket): void {
    this.#live.closed(socket);
  }

  override webSocketError(socket: WebSocket): void {
    this.#live.closed(socket);
  }

  /** How many events came in each hour of the last day. */
  hourly(): HourlyCounts {
    return hourlyCounts(this.ctx.storage.sql, this.#memory.state, Date.now());
  }

  /** Clears one source, or the whole log: at once for every reader, then from KV. */
  clear(source: string | null): ClearResult {
    const { store, ledger, identity } = this.#memory;
    const clearing = { store, ledger, epoch: identity.epoch, now: Date.now() };
    return this.#memory.commit((draft) => {
      const result = clearEvents(clearing, draft, source);
      this.#memory.arm(draft, clearing.now);
      return result;
    });
  }

  /**
   * A refused request, of which its sender has been told; `unseen` others were refused besides. Answers its
   * diagnosis, to which the log's history of that `fingerprint` may add.
   */
  reject(
    rejected: Rejection,
    { unseen, fingerprint }: { unseen: number; fingerprint: string | null },
  ): Diagnosis | null {
    const { rejections, ledger, state } = this.#memory;
    const history = historyOf(state.verified, { source: rejected.source, fingerprint });
    const rejection = { ...rejected, diagnosis: withHistory(rejected, history) };
    rejections.add(rejection, unseen);
    const now = Date.now();
    if (rejections.savedAt + REJECTIONS_MS > now) this.#saveRejectionsLater(now);
    else this.#memory.commit((draft) => saveRejections({ ledger, rejections, draft, now }));
    return rejection.diagnosis;
  }

  /** The newest refused requests, of one source or of all, and how many there were of each. */
  rejections(source: string | null): { kept: Rejection[]; counts: RejectionCounts } {
    const { rejections } = this.#memory;
    return { kept: rejections.list(source), counts: rejections.counts() };
  }

  /** What the log shows of each source, what was refused of it, and who watches. */
  counts(): LogCounts {
    const [events, rejected] = [countEvents(this.#view()), this.#memory.rejections.counts()];
    return { events, rejected, viewers: this.#live.size };
  }

  /** What waits, and whether KV takes it. */
  status(): InboxStatus {
    return statusOf(this.#memory, { ...this.#config, now: Date.now() });
  }

  /** The head of the log, and the rows written since this object woke, its alarms among them. */
  stats(): { head: number; rowsWritten: number } {
    return { head: this.#memory.state.next - 1, rowsWritten: this.#memory.rowsWritten };
  }

  /** How many watch the log at this moment. */
  viewers(): number {
    return this.#live.size;
  }

  override async alarm(): Promise<void> {
    await this.#memory.work();
    if (this.#awake !== null && !this.#memory.holdsRejections) clearTimeout(this.#awake);
  }

  #saveRejectionsLater(now: number): void {
    const memory = this.#memory;
    const { housekeeping } = memory.state;
    if (housekeeping.rejectedAt !== null) return;
    memory.state = { ...memory.state, housekeeping: { ...housekeeping, rejectedAt: memory.rejections.savedAt } };
    memory.arm(memory.state, now);
    // An idle object would be dropped from memory before its alarm comes; a timer keeps it.
    this.#awake = setTimeout(() => {}, REJECTIONS_MS);
  }

  /**
   * All arrivals of one turn in one commit; if that fails, or there is no space for all, each in its own: a bad one
   * refuses no other, and one alone fits into what a full storage of 40 MB or more keeps free.
   */
  #acceptAll(arrivals: Arrival[]): Accepted[] {
    try {
      const together = arrivals.length === 1 ? 0 : arrivals.reduce((sum, arrival) => sum + sizeOf(arrival), 0);
      const space = this.#memory.makeSpace(together);
      if (space !== "full") return this.#acceptTogether(arrivals, space);
      if (arrivals.length === 1) return [FULL];
    } catch (error) {
      if (arrivals.length === 1) return [{ stored: false, full: false, error: String(error) }];
    }
    return arrivals.flatMap((arrival) => this.#acceptAll([arrival]));
  }

  #acceptTogether(arrivals: Arrival[], space: Space): Accepted[] {
    const memory = this.#memory;
    const context = { now: Date.now(), epoch: memory.identity.epoch, timing: this.#config, space };
    return memory.commit((draft) => {
      const places = arrivals.map((arrival) => acceptOne(memory.store, draft, arrival, context));
      noteVerified(memory.ledger, draft, arrivals, context.now);
      memory.arm(draft, context.now);
      return places.map((place) => ({ stored: true, ...place }));
    });
  }

  #view() {
    const { sql } = this.ctx.storage;
    const { state } = this.#memory;
    const { tombstones } = state.housekeeping;
    return { sql, state, timing: this.#config, now: Date.now(), tombstones };
  }
}
