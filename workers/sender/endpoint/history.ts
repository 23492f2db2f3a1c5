import type { Alarm } from "../../../shared/durable/alarm.ts";
import { batched } from "../../../shared/durable/batch.ts";
import { logEvent } from "../../../shared/log-event.ts";
import type { Config } from "../config.ts";
import { addTo, emptyTally, latencyPlace } from "../model/activity.ts";
import { type Delivery, type DeliveryState, type FirstOutcome, summaryOf } from "../model/delivery.ts";
import type {
  AttemptsMade,
  DeliveryChoice,
  DeliveryFilter,
  DeliveryPart,
  DeliveryQuery,
  Ending,
  RecoverCall,
  Redelivery,
} from "../protocol.ts";
import { type Activity, countActivity } from "./activity.ts";
import { type ChosenRow, choose } from "./choice.ts";
import type { EndedAttempt } from "./couriers.ts";
import { findDeliveries, statesOf } from "./find.ts";
import { FirstOutcomes } from "./first-outcomes.ts";
import { askedWait, nextDelivery, outcomeOf } from "./outcome.ts";
import type { Recovery } from "./recovery.ts";
import type { Replay } from "./replay.ts";
import { spreadOf, wakeTime } from "./retry.ts";
import type { EndpointState } from "./state.ts";
import type { EndpointStore } from "./storage.ts";

/** `notBefore`: unix ms before which the server asked not to be called again for this delivery. */
type HeardAttempt = EndedAttempt & { notBefore: number | null };

type Settings = Pick<Config, "retentionMs" | "storageLimit">;
type HistoryParts = { settings: Settings; alarm: Alarm; recovery: Recovery; replay: Replay };

/**
 * Finished attempts are written together. A delivered one waits 2 ms at most, or it would hold back the next ones. A
 * failed one has time: an endpoint that fails all day must not cost the others a commit for each attempt.
 */
const COMMIT_DELAY_MS = { delivered: 2, failed: 100 };
/** The floor is written when it moved this far: a restart looks at no more rows than this again. */
const FLOOR_STEP = 500;
/** Attempts of one commit from which on one line of the log stands for those that delivered. */
const MANY = 2;
/** Bodies that the log is asked for at one time; it answers as many as fit. */
const BODIES_ASKED = 100;

type BodiesOf = (seqs: number[]) => Promise<(string | null)[]>;

/** The record of an Endpoint's attempts: writes each one, answers questions about them, makes deliveries due again. */
export class DeliveryHistory {
  readonly #store: EndpointStore;
  readonly #state: EndpointState;
  readonly #settings: Settings;
  readonly #alarm: Alarm;
  readonly #recovery: Recovery;
  readonly #replay: Replay;
  readonly #first = new FirstOutcomes();
  #activity: Activity | null = null;
  readonly made: AttemptsMade = { ...emptyTally(), since: Date.now(), totalMs: 0, dead: 0 };
  readonly #record: (finished: HeardAttempt) => Promise<null>;

  constructor(store: EndpointStore, state: EndpointState, { settings, alarm, recovery, replay }: HistoryParts) {
    this.#store = store;
    this.#state = state;
    this.#settings = settings;
    this.#alarm = alarm;
    this.#recovery = recovery;
    this.#replay = replay;
    this.#record = batched(
      (finished: HeardAttempt[]) => this.#commit(finished),
      ({ ending }) => (outcomeOf(ending) === "delivered" ? COMMIT_DELAY_MS.delivered : COMMIT_DELAY_MS.failed),
    );
  }

  get(seq: number): Delivery | null {
    return this.#store.exists ? this.#store.deliveries.get(seq) : null;
  }

  list(query: DeliveryQuery): Delivery[] {
    return this.#store.exists ? this.#store.deliveries.list(query) : [];
  }

  /** Returns deliveries below `before`, the newest first, of those that `filter` chooses. */
  find(filter: DeliveryFilter, before: number | null, limit: number): DeliveryPart {
    return findDeliveries(this.#store.sql, this.#store.deliveries.tables, { ...filter, before, limit });
  }

  /** Returns the states of these events' deliveries, by seq. */
  states(seqs: readonly number[]): Map<number, DeliveryState> {
    return statesOf(this.#store.sql, this.#store.deliveries.tables, seqs);
  }

  /** Writes a finished attempt; resolves when its row is committed. A wait that the server asks for begins at once. */
  record(finished: EndedAttempt): Promise<null> {
    return this.#record({ ...finished, notBefore: this.#hear(finished.ending, Date.now()) });
  }

  /** Returns when the server may be called again for the delivery it answered; null when it did not say. */
  #hear(ending: Ending, now: number): number | null {
    const asked = askedWait(ending, now);
    if (asked === null) return null;
    const spread = spreadOf(asked.waitMs, Math.random());
    return asked.holds ? this.#state.hold(asked.waitMs, { now, spread }) : now + asked.waitMs + spread;
  }

  /**
   * Returns the outcome of the first attempt at an event, once its row is durable; `pending` after 10 s. `sameLog`:
   * false for an event of a log that this Endpoint has not met yet.
   */
  async firstOutcome(seq: number, sameLog: boolean): Promise<FirstOutcome> {
    const known = sameLog ? this.get(seq) : null;
    return known === null ? this.#first.wait(seq) : summaryOf(known);
  }

  /** The attempts of the last 24 hours. The rows are read once, then each attempt is counted. */
  activityAt(now: number): Activity {
    this.#activity ??= countActivity(this.#store.sql, this.#store.deliveries.tables, now);
    return this.#activity;
  }

  /** Makes one delivery due again on a new schedule; `missing` when there is none, or no body is left. */
  redeliver({ seq, body, failed }: Omit<Redelivery, "log">, now: number): "scheduled" | "missing" {
    const row = this.get(seq);
    const kept = row?.body ?? body;
    if (row === null || kept === null || row.state === "expired") return "missing";
    if (failed && row.state === "delivered") return "missing";
    this.#makeDue([{ ...row, body: kept }], now);
    return "scheduled";
  }

  /**
   * Makes deliveries due now; returns how many, 10,000 of each state at most in one go. `bodiesOf` asks the log for
   * bodies that went for room: the first of those asked for, null for each that is gone there too.
   */
  async recover({ states = ["dead"], ...choice }: RecoverCall, now: number, bodiesOf: BodiesOf): Promise<number> {
    const waiting = states.includes("due") ? this.#sendWaiting(choice, now) : 0;
    return waiting + (states.includes("dead") ? await this.#recoverDead(choice, now, bodiesOf) : 0);
  }

  /** Those under way, or due already, are not touched and do not count. */
  #sendWaiting(choice: DeliveryChoice, now: number): number {
    const { queue } = this.#state;
    const later = this.#choose("due", choice).filter(({ seq, due }) => (due ?? 0) > now && !queue.open.has(seq));
    const seqs = later.map(({ seq }) => seq);
    this.#store.transact(() => this.#store.deliveries.bringForward(seqs, now, "anew"));
    if (seqs.length > 0 && this.#state.active) this.#alarm.arm(now);
    return seqs.length;
  }

  /** Ends deliveries that wait for a retry, 10,000 at most; those under way go on. Returns how many it ended. */
  skip(choice: DeliveryChoice): number {
    const { queue } = this.#state;
    const skipped = this.#choose("due", choice).filter(({ seq }) => !queue.open.has(seq) || queue.withdraw(seq));
    this.#store.deliveries.lookForDue();
    this.#store.transact(() => {
      for (const { seq } of skipped) this.#store.deliveries.skip(seq);
    });
    return skipped.length;
  }

  #choose(state: "dead" | "due", choice: DeliveryChoice): ChosenRow[] {
    return choose(this.#store.sql, this.#store.deliveries.tables, { ...choice, state });
  }

  async #recoverDead(choice: DeliveryChoice, now: number, bodiesOf: BodiesOf): Promise<number> {
    const found = this.#choose("dead", choice);
    const [kept, gone] = [found.filter(({ hasBody }) => hasBody), found.filter(({ hasBody }) => !hasBody)];
    let recovered = this.#revive(
      kept.map(({ seq }) => ({ seq, body: null })),
      now,
    );
    for (let asked = gone.map(({ seq }) => seq); asked.length > 0; ) {
      const bodies = await bodiesOf(asked.slice(0, BODIES_ASKED));
      const had = bodies.flatMap((body, index) => (body === null ? [] : { seq: asked[index] ?? 0, body }));
      recovered += this.#revive(had, now);
      if (bodies.length === 0) break;
      asked = asked.slice(bodies.length);
    }
    return recovered;
  }

  #revive(deliveries: { seq: number; body: string | null }[], now: number): number {
    this.#store.transact(() => {
      for (const delivery of deliveries) this.#store.deliveries.revive(delivery, now);
    });
    if (deliveries.length > 0 && this.#state.active) this.#alarm.arm(now);
    return deliveries.length;
  }

  #makeDue(rows: Delivery[], now: number): void {
    this.#store.transact(() => {
      for (const row of rows) {
        // A delivery that is still due keeps its mark: on an ordered endpoint it goes on blocking the ones after it.
        const mark = row.state === "due" ? row.mark : "redelivery";
        const again: Delivery = { ...row, state: "due", due: now, mark, skip: row.attempts.length };
        this.#store.deliveries.put(again, false);
      }
    });
    if (rows.length > 0 && this.#state.active) this.#alarm.arm(now);
  }

  /** Writes finished attempts in one transaction; only then do they leave the queue. */
  #commit(finished: HeardAttempt[]): null[] {
    const now = Date.now();
    let deliveries: Delivery[];
    try {
      deliveries = this.#store.transact(() => finished.map((each) => this.#write(each, now)));
    } catch (error) {
      // Memory and storage may differ now, and the alarm of I3 (armed while unrecorded) stands.
      this.#store.restart(`an attempt could not be recorded: ${String(error)}`);
      throw error;
    }
    for (const delivery of deliveries) {
      this.#state.queue.finish(delivery.seq);
      this.#replay.recorded(delivery.seq, now);
      this.#count(delivery);
      this.#first.tell(delivery);
    }
    logAttempts(this.#state.identity?.id ?? "", deliveries, finished);
    const due = deliveries.flatMap((delivery) => delivery.due ?? []);
    if (due.length > 0) this.#alarm.arm(wakeTime(Math.min(...due)));
    this.#state.saveFloor(FLOOR_STEP);
    return finished.map(() => null);
  }

  #count({ state, attempts }: Delivery): void {
    const last = attempts.at(-1);
    if (last === undefined) return;
    this.#activity?.note(last, state === "delivered");
    addTo(this.made, { delivered: state === "delivered", place: latencyPlace(last.ms) });
    this.made.totalMs += last.ms;
    if (state === "dead") this.made.dead++;
  }

  #write({ open, at, ending, notBefore }: HeardAttempt, now: number): Delivery {
    const { queue } = this.#state;
    this.#store.deliveries.rollOver(now, this.#settings, Math.max(queue.position, queue.known));
    const turn = { now, notBefore, delaysMs: this.#state.retryMs, random: Math.random() };
    const delivery = nextDelivery(open, { at, ending }, turn);
    this.#store.deliveries.put(delivery, open.isNew);
    this.#recovery.note(outcomeOf(ending), { failingSince: this.#state.failingSince, at, now });
    this.#state.judge(ending, at);
    return delivery;
  }
}

/** Logs a line for each attempt of a commit; of many that delivered, one for all: lines are limited, and paid for. */
function logAttempts(endpoint: string, deliveries: readonly Delivery[], finished: readonly HeardAttempt[]): void {
  const isMany = deliveries.length >= MANY;
  const seqs: number[] = [];
  for (const [index, delivery] of deliveries.entries()) {
    if (isMany && delivery.state === "delivered") seqs.push(delivery.seq);
    else logAttempt(endpoint, delivery, finished[index]?.ending.ms ?? 0);
  }
  if (seqs.length === 0) return;
  const range = { firstSeq: Math.min(...seqs), lastSeq: Math.max(...seqs) };
  logEvent("attempts.made", { endpoint, delivered: seqs.length, ...range });
}

function logAttempt(endpoint: string, { id, seq, type, state, attempts, due }: Delivery, ms: number): void {
  const last = attempts.at(-1);
  const fields = { endpoint, id, seq, attempt: attempts.length };
  logEvent("attempt.made", { ...fields, type, status: last?.status ?? 0, code: last?.code ?? null, ms, state });
  if (state === "due" && due !== null) logEvent("retry.scheduled", { ...fields, at: new Date(due).toISOString() });
}
