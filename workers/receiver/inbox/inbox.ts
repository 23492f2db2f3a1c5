import { DurableObject } from "cloudflare:workers";
import type { TestedAlert } from "../../../shared/alerts/test.ts";
import type { Bytes } from "../../../shared/bytes.ts";
import { batched } from "../../../shared/durable/batch.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { logEvent } from "../../../shared/log-event.ts";
import type { EventCounts } from "../archive/segments.ts";
import { configOf, type Vars } from "../config.ts";
import type { Arrival } from "../event/arrival.ts";
import type { EventLocation, PageQuery, PageSlice, SeqRange, Slice, Unread } from "../event/page.ts";
import type { EventRow } from "../event/record.ts";
import type { Diagnosis } from "../rejected/diagnosis/diagnosis.ts";
import { historyOf, withHistory } from "../rejected/history.ts";
import type { OriginalRequest } from "../rejected/original.ts";
import type { Rejection } from "../rejected/rejection.ts";
import {
  type KeptRejection,
  type ListedRejection,
  NO_SOURCE,
  type RejectionCounts,
  type TakenAs,
} from "../rejected/rejections.ts";
import { type Accepted, acceptAll, countRepetitions } from "./accept.ts";
import { InboxAlerts, type LogAlerts } from "./alert-watch.ts";
import { ArrivalLog } from "./arrival-log.ts";
import { type ClearResult, clearEvents } from "./clear.ts";
import { mendClock } from "./clock.ts";
import { flush } from "./flush.ts";
import { doHousekeeping, saveNotesSoon } from "./housekeeping.ts";
import { LiveViewers } from "./live/viewers.ts";
import { InboxMemory } from "./memory.ts";
import { countEvents } from "./queries/counts.ts";
import { type HourlyCounts, hourlyCounts } from "./queries/hourly.ts";
import { findEvent, page, records } from "./queries/pages.ts";
import type { LogSnapshot } from "./queries/rows.ts";
import { expiredBefore } from "./state/rules.ts";
import { type Health, healthOf, type InboxStatus, statusOf } from "./status.ts";
import type { InboxTally } from "./tally.ts";
import { noteReads, type Reads } from "./unread.ts";

/** The head of one log, as a Durable Object. The files of this room decide and do; this class only joins them. */

/** Events and rejected requests of each source, and how many watch at this moment. Null: not known. */
export type LogCounts = {
  events: EventCounts | null;
  rejected: RejectionCounts | null;
  viewers: number | null;
};

/** The numbers of a log for a monitor. Sizes in bytes. */
export type LogMetrics = {
  tally: InboxTally;
  status: InboxStatus;
  counts: LogCounts;
  storageBytes: number;
  storageLimit: number;
};

/** `unseen` others were rejected besides; `original`: the request as it came, null when it is not kept. */
type RejectedCall = { unseen: number; fingerprint: string | null; original?: OriginalRequest | null };

type InboxEnv = Vars & { EVENTS: KVNamespace };

/**
 * Gives each event of a log its seq, once, and moves sealed runs of events into KV. Its invariants, I1 to I6, stand in
 * workers/receiver/README.md.
 */
export class Inbox extends DurableObject<InboxEnv> {
  readonly memory: InboxMemory;
  readonly arrivalLog = new ArrivalLog();
  readonly #live: LiveViewers;
  readonly #alerts: InboxAlerts;
  readonly #accept = batched((arrivals: Arrival[]) => {
    const accepted = acceptAll(this.memory, arrivals);
    this.memory.counts.accepted(accepted);
    const repeated = countRepetitions(this.memory.repetitions, accepted, Date.now());
    if (repeated.length > 0) saveNotesSoon(this.memory, "repetitions");
    this.#live.notify(repeated);
    this.#alerts.received(arrivals, Date.now());
    return this.arrivalLog.add(arrivals, accepted, Date.now());
  });

  constructor(ctx: DurableObjectState, env: InboxEnv) {
    super(ctx, env);
    this.memory = new InboxMemory(ctx, configOf(env), () => this.env.EVENTS);
    const noteUnread = (unread: Unread[]) => noteReads(this.memory, { unread, read: [] });
    this.#alerts = new InboxAlerts(this.memory, configOf(env));
    const rejectedLastDay = () => this.memory.rejections.lastDay(Date.now());
    this.#live = new LiveViewers(ctx, { snapshot: () => this.#snapshot(), noteUnread, rejectedLastDay });
  }

  /** Logs one verified request; answers once it is in the log for good. */
  accept(arrival: Arrival): Promise<Accepted> {
    return this.#accept(arrival);
  }

  page(query: PageQuery): PageSlice {
    return this.#answer((log) => page(log, query));
  }

  /** Returns a page of whole rows, for a reader of bodies. */
  records(query: PageQuery): Slice<EventRow> {
    return this.#answer((log) => records(log, query));
  }

  find(seq: number): EventLocation | null {
    return this.#answer((log) => findEvent(log, seq));
  }

  /** Returns the seqs that were logged with these keys within the retention, the newest first. */
  seqsOf(keys: Bytes[]): number[] {
    return this.#answer(({ now, timing }) => {
      const { seen } = this.memory.store;
      const since = expiredBefore(now, timing);
      const found = keys.flatMap((key) => seen.tables.flatMap((table) => seen.find(table, key, since) ?? []));
      return [...new Set(found)].sort((a, b) => b - a);
    });
  }

  /** Notes what a reader could not read, and could again; returns those unread parts that count as missing. */
  noteReads(reads: Reads): SeqRange[] {
    return this.#answer(() => noteReads(this.memory, reads));
  }

  /** Upgrades to a viewer's socket; the Worker has authenticated the request. */
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

  /** Counts the events of the last day by the hour they came in. */
  hourly(): HourlyCounts {
    return this.#answer(hourlyCounts);
  }

  /** Clears one source, or the whole log: at once for every reader, then in KV. */
  clear(source: string | null): ClearResult {
    return this.#answer(() => clearEvents(this.memory, source));
  }

  /**
   * Keeps a rejected request, of which its sender has been told. Returns its diagnosis, to which the log's history of
   * that `fingerprint` may add.
   */
  reject(rejected: Rejection, { unseen, fingerprint, original = null }: RejectedCall): Diagnosis | null {
    const { rejections, state, counts } = this.memory;
    counts.rejected(rejected.reason, 1 + unseen);
    this.#alerts.refused(1 + unseen, Date.now());
    const history = historyOf(state.verified, { source: rejected.source ?? NO_SOURCE, fingerprint });
    const rejection = { ...rejected, diagnosis: withHistory(rejected, history) };
    rejections.add(rejection, unseen, { id: `rej_${crypto.randomUUID().replaceAll("-", "")}`, original });
    saveNotesSoon(this.memory, "rejections");
    this.#live.notifyRejected();
    return rejection.diagnosis;
  }

  /** Returns the newest rejected requests, of one source or of all, and how many there were of each. */
  rejections(source: string | null): { kept: ListedRejection[]; counts: RejectionCounts } {
    const { rejections } = this.memory;
    rejections.forgetOriginals(Date.now());
    return { kept: rejections.list(source), counts: rejections.counts() };
  }

  /** Counts the rejected requests of the last day, to the hour, and of each source since the log began. */
  rejectionCount(): { lastDay: number; counts: RejectionCounts } {
    const { rejections } = this.memory;
    return { lastDay: rejections.lastDay(Date.now()), counts: rejections.counts() };
  }

  /** Returns a rejected request with its secrets, for the Worker alone: no answer may hold any of it. */
  rejected(id: string): KeptRejection | null {
    const { rejections } = this.memory;
    rejections.forgetOriginals(Date.now());
    return rejections.find(id);
  }

  /** Notes which event a rejected request became, and forgets the request. */
  noteTaken(id: string, taken: TakenAs): void {
    this.memory.rejections.take(id, taken);
    saveNotesSoon(this.memory, "rejections");
  }

  /** Counts each source's events and rejected requests, and the viewers. */
  counts(): LogCounts {
    const [events, rejected] = [this.#answer(countEvents), this.memory.rejections.counts()];
    return { events, rejected, viewers: this.#live.size };
  }

  /** Tells what waits, and whether KV takes it. */
  status(): InboxStatus {
    return this.#answer(({ now }) => statusOf(this.memory, now));
  }

  /** Returns the numbers that a monitor keeps. */
  metrics(): LogMetrics {
    const { counts, store, config } = this.memory;
    const sizes = { storageBytes: store.sql.bytes, storageLimit: config.storageLimit };
    return { tally: counts.read(), status: this.status(), counts: this.counts(), ...sizes };
  }

  /** Tells what a monitor must know. */
  health(): Health {
    return this.#answer(() => healthOf(this.memory));
  }

  /** Moves what is due into KV and does the housekeeping. Never throws: after six failed runs an alarm is gone for good. */
  override async alarm(): Promise<void> {
    const memory = this.memory;
    await memory.run(async () => {
      const moved = await flush(memory);
      const done = (await doHousekeeping(memory)) || moved;
      this.#alerts.look(Date.now());
      return done;
    });
    this.ctx.waitUntil(this.#alerts.run());
  }

  /** The conditions that hold in this log or whose end is not told yet, and the last POST of an alert. */
  alerts(): LogAlerts {
    return this.#answer(() => this.#alerts.view);
  }

  /** Sends a test to ALERT_URL. */
  testAlert(): Promise<TestedAlert> {
    return this.#answer(() => this.#alerts.test());
  }

  /**
   * Answers a reader.
   *
   * @throws Problem `log_unavailable` when the tables cannot be read or written; the object's own code has no other errors.
   */
  #answer<Answer>(work: (log: LogSnapshot) => Answer): Answer {
    try {
      return work(this.#snapshot());
    } catch (error) {
      if (error instanceof Problem) throw error;
      logEvent("log.unread", { error: String(error instanceof Error ? error.stack : error) });
      throw new Problem("log_unavailable", "The storage of this log could not be read; the Worker's log says why.");
    }
  }

  #snapshot(): LogSnapshot {
    mendClock(this.memory);
    const { store, state, config, repetitions } = this.memory;
    const { tombstones, unread } = state.housekeeping;
    const [now, repeated] = [Date.now(), repetitions.bySeq];
    return { sql: store.sql, state, timing: config, now, tombstones, repeated, unread };
  }
}
