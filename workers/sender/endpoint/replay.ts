import type { Alarm } from "../../../shared/durable/alarm.ts";
import { logEvent } from "../../../shared/log-event.ts";
import type { Delivery } from "../model/delivery.ts";
import type { LoggedEvent } from "../model/event.ts";
import type { OutboxCalls, ReplayCall, ReplayView } from "../protocol.ts";
import { type Judged, judgeRows } from "./choice.ts";
import type { EndpointState } from "./state.ts";
import type { EndpointStore } from "./storage.ts";

/**
 * Sends a part of the log to an Endpoint again, in steps: the log names the events that the endpoint wants, those that
 * are to be sent are queued a few at a time, and one row of `meta` says up to where all of them are recorded. A crash
 * goes on from that row, and the alarm stays armed while a replay runs.
 */

type ReplayTools = { outbox: () => DurableObjectStub<OutboxCalls>; alarm: Alarm; leaseMs: number };

/** The row of `meta`. `sent` and `lost` are about the events up to `at`. */
type StoredReplay = Omit<ReplayView, "found" | "foundAll">;

/** Events that one question to the log brings, and the events waiting below which the next is asked. */
const ASKED_EVENTS = 50;
const REFILL_BELOW = 50;
/** The row is written once so many more events are recorded: a restart looks at no more than these again. */
const SAVE_STEP = 100;
const FIRST_PAUSE_MS = 1000;

export class Replay {
  readonly #store: EndpointStore;
  readonly #state: EndpointState;
  readonly #tools: ReplayTools;
  #stored: StoredReplay | null;
  /** True once another object may have sent some of what this one looks at. */
  #resumed = true;
  /** The last seq that was looked at, and the events up to there that are not queued yet. */
  #looked: number;
  #chosen: number[] = [];
  /** Events that are queued or under way, and those above the stored position that are recorded, or lost. */
  readonly #open = new Set<number>();
  #ended: { seq: number; lost: boolean }[] = [];
  /** Counts the times that memory was set back to the stored position: an answer from before is not used. */
  #life = 0;
  #running = false;
  #pauseMs = FIRST_PAUSE_MS;

  constructor(store: EndpointStore, state: EndpointState, tools: ReplayTools) {
    this.#store = store;
    this.#state = state;
    this.#tools = tools;
    this.#stored = store.exists ? (store.meta.get<StoredReplay | null>("replay") ?? null) : null;
    this.#looked = this.#stored?.at ?? 0;
  }

  get underWay(): boolean {
    return this.#stored?.state === "running";
  }

  /** The replay that runs, or the last one; null before the first. */
  get view(): ReplayView | null {
    if (this.#stored === null) return null;
    const lost = this.#ended.filter((each) => each.lost).length;
    const sent = this.#stored.sent + this.#ended.length - lost;
    return {
      ...{ ...this.#stored, sent, lost: this.#stored.lost + lost, at: this.underWay ? this.#floor : this.#stored.at },
      found: sent + this.#open.size + this.#chosen.length,
      foundAll: this.#looked >= this.#stored.upTo,
    };
  }

  /**
   * Begins a replay and looks at the first part of the log, so that the answer tells what will be sent. The same call
   * while it runs changes nothing; null when another one runs.
   */
  async begin(call: ReplayCall, now: number): Promise<ReplayView | null> {
    if (this.#stored?.state === "running" && !isSame(this.#stored, call)) return null;
    if (!this.underWay) {
      this.#store.transact(() => {
        this.#save({ ...call, state: "running", at: call.after, sent: 0, lost: 0, startedAt: now, endedAt: null });
        this.#tools.alarm.arm(now + this.#tools.leaseMs);
      });
      this.rewind();
      this.#resumed = false;
      if (!this.#finishIfDone(now)) await this.#guarded(() => this.#look());
    }
    return this.view;
  }

  /** Ends a replay; what is under way goes on, and counts as sent. Null when there was none. */
  cancel(now: number): ReplayView | null {
    if (this.underWay) {
      const { queue } = this.#state;
      queue.dropReplays();
      for (const seq of this.#open) if (queue.open.has(seq)) this.#ended.push({ seq, lost: false });
      this.#finish("cancelled", now);
    }
    return this.view;
  }

  /** Goes back to the stored position: the queue was reset, or its log is another. */
  rewind(): void {
    this.#life++;
    this.#resumed = true;
    this.#chosen = [];
    this.#ended = [];
    this.#open.clear();
    this.#looked = this.#stored?.at ?? 0;
  }

  /** Notes that a delivery's attempt is recorded. */
  recorded(seq: number, now: number): void {
    if (!this.#open.delete(seq)) return;
    this.#ended.push({ seq, lost: false });
    if (!this.#finishIfDone(now) && this.#ended.length % SAVE_STEP === 0) this.#saveProgress();
  }

  /**
   * Queues what is to be sent while few events wait, and calls `queued` after each step. Never throws: a step that fails
   * is repeated by the alarm.
   */
  async run(queued: () => void): Promise<void> {
    await this.#guarded(async () => {
      while (this.#wanted) {
        if (this.#chosen.length === 0) await this.#look();
        else await this.#queue();
        queued();
      }
    });
  }

  /** Does one thing at a time, and only while the replay goes on. */
  async #guarded(work: () => Promise<void>): Promise<void> {
    if (this.#running || !this.#wanted) return;
    this.#running = true;
    try {
      await work();
      this.#pauseMs = FIRST_PAUSE_MS;
    } catch (error) {
      const endpoint = this.#state.identity?.id ?? "";
      logEvent("endpoint.replay_failed", { endpoint, error: String(error), retryMs: this.#pauseMs });
      this.#tools.alarm.arm(Date.now() + this.#pauseMs);
      this.#pauseMs = Math.min(this.#pauseMs * 2, this.#tools.leaseMs);
    } finally {
      this.#running = false;
    }
  }

  get #wanted(): boolean {
    const { active, crowded, queue } = this.#state;
    if (this.#stored?.state !== "running" || !active || crowded || queue.replaysWaiting >= REFILL_BELOW) return false;
    return this.#chosen.length > 0 || this.#looked < this.#stored.upTo;
  }

  /** Every event up to here is recorded, lost, or not to be sent. */
  get #floor(): number {
    return Math.min(this.#looked + 1, this.#chosen[0] ?? Number.POSITIVE_INFINITY, ...this.#open) - 1;
  }

  /** Asks the log for the next part, and chooses from it by the rows that there are. */
  async #look(): Promise<void> {
    const [stored, life] = [this.#stored, this.#life];
    const id = this.#state.identity?.id;
    if (stored === null || id === undefined) return;
    const range = { log: stored.log, after: this.#looked, upTo: stored.upTo, types: stored.types };
    const answer = await this.#tools.outbox().replaySeqs(id, range);
    if (life !== this.#life || this.#stored?.state !== "running") return;
    if (answer === null) return this.#finish("cancelled", Date.now());
    if (answer.gone !== null) this.#stored = { ...this.#stored, gone: answer.gone };
    const { sql, deliveries } = this.#store;
    const rows = judgeRows(sql, deliveries.tables, { after: this.#looked, upTo: answer.upTo });
    for (const seq of answer.seqs) {
      const judgement = this.#judge(seq, rows.get(seq) ?? null);
      if (judgement === "send") this.#chosen.push(seq);
      else if (judgement === "sent") this.#ended.push({ seq, lost: false });
    }
    this.#looked = answer.upTo;
    this.#finishIfDone(Date.now());
  }

  /**
   * Returns whether an event is to be sent, was sent by this replay before a restart, or is left alone: it is on its
   * way, waits for a retry, or will be taken from the log as a new one.
   */
  #judge(seq: number, row: Judged | null): "send" | "sent" | "leave" {
    const { queue } = this.#state;
    if (this.#stored === null || queue.open.has(seq)) return "leave";
    if (row === null) return seq > queue.position ? "leave" : "send";
    if (this.#resumed && row.at !== null && row.at >= this.#stored.startedAt) return "sent";
    if (row.state === "delivered") return this.#stored.only === "all" ? "send" : "leave";
    return row.state === "dead" ? "send" : "leave";
  }

  /** Queues the next chosen events. */
  async #queue(): Promise<void> {
    const [stored, life] = [this.#stored, this.#life];
    const asked = this.#chosen.slice(0, ASKED_EVENTS);
    if (stored === null) return;
    const events = await this.#tools.outbox().loggedEvents(stored.log, asked);
    if (life !== this.#life || !this.underWay) return;
    if (events.length === 0) return this.#finish("cancelled", Date.now());
    this.#chosen = this.#chosen.slice(events.length);
    for (const [index, event] of events.entries()) {
      if (event === null) this.#ended.push({ seq: asked[index] ?? 0, lost: true });
      else this.#add(event);
    }
    this.#finishIfDone(Date.now());
  }

  #add(event: LoggedEvent): void {
    const { seq, id, type, body } = event;
    const found = this.#store.deliveries.get(seq);
    const row = found?.id === id ? found : null;
    const judgement = this.#judge(seq, row && judged(row));
    if (judgement === "sent") this.#ended.push({ seq, lost: false });
    if (judgement !== "send") return;
    this.#open.add(seq);
    const attempts = row?.attempts ?? [];
    const again = { mark: "redelivery" as const, attempts, skip: attempts.length, isNew: row === null };
    this.#state.queue.add({ seq, id, type, body, ...again, replayed: true });
  }

  #finishIfDone(now: number): boolean {
    const done = this.#open.size === 0 && this.#chosen.length === 0 && this.#looked >= (this.#stored?.upTo ?? 0);
    if (!done || !this.underWay) return false;
    this.#finish("done", now);
    return true;
  }

  #finish(state: "done" | "cancelled", now: number): void {
    this.#saveProgress({ state, endedAt: now });
    this.#open.clear();
    this.#chosen = [];
    const { sent = 0, lost = 0 } = this.#stored ?? {};
    logEvent("endpoint.replay_ended", { endpoint: this.#state.identity?.id ?? "", state, sent, lost });
  }

  /** Writes how far the replay is; what lies above that position stays in memory. */
  #saveProgress(end: Partial<StoredReplay> = {}): void {
    if (this.#stored === null) return;
    const at = this.#floor;
    const isEnd = end.state !== undefined;
    const counted = this.#ended.filter(({ seq }) => isEnd || seq <= at);
    const lost = counted.filter((each) => each.lost).length;
    const sent = this.#stored.sent + counted.length - lost;
    this.#save({ ...this.#stored, at, sent, lost: this.#stored.lost + lost, ...end });
    this.#ended = this.#ended.filter((each) => !counted.includes(each));
  }

  #save(stored: StoredReplay): void {
    this.#store.meta.set("replay", stored);
    this.#stored = stored;
  }
}

function judged({ state, attempts }: Delivery): Judged {
  return { state, at: attempts.at(-1)?.at ?? null };
}

/** Returns whether a call asks for the replay that runs: an end that is left open has moved with the log since. */
function isSame(stored: StoredReplay, { log, bounds, types, only }: ReplayCall): boolean {
  const asked = (call: Omit<ReplayCall, "after" | "upTo" | "gone">) =>
    JSON.stringify([call.log, call.bounds, call.types, call.only]);
  return asked(stored) === asked({ log, bounds, types, only });
}
