import { batched } from "../../../shared/durable/batch.ts";
import { logEvent } from "../../../shared/log-event.ts";
import type { Config } from "../config.ts";
import type { ActivityView } from "../model/activity.ts";
import { type Delivery, type FirstOutcome, summaryOf } from "../model/delivery.ts";

import type { DeliveryQuery, Redelivery } from "../protocol.ts";
import { type Activity, countActivity } from "./activity.ts";

import { FirstOutcomes } from "./first-outcomes.ts";
import { type Ending, nextDelivery, outcomeOf } from "./outcome.ts";
import type { OpenDelivery } from "./queue.ts";
import { wakeTime } from "./retry.ts";
import type { EndpointState } from "./state.ts";
import type { EndpointStore } from "./storage.ts";

/** A finished attempt at an open delivery, begun `at` (unix ms). */
export type FinishedAttempt = { open: OpenDelivery; at: number; ending: Ending };

/** The Endpoint's object as the history needs it; `abort` starts it again from storage. */
export type HistoryPort = { arm(at: number): void; abort(reason: string): void };

/**
 * FinishedAttempt attempts are written together. A delivery waits 2 ms at most, or it would hold back the next ones; a
 * failure has time, and an endpoint that fails all day must not cost the others a commit for each attempt.
 */
const COMMIT_DELAY_MS = { delivered: 2, failed: 100 };
/** The floor is written when it moved this far: a restart looks at no more rows than this again. */
const FLOOR_STEP = 500;
const RECOVER_LIMIT = 10_000;

/** An Endpoint's deliveries: what came of each attempt, written down, and what is asked of it afterwards. */
export class DeliveryHistory {
  readonly #store: EndpointStore;
  readonly #state: EndpointState;
  readonly #config: Config;
  readonly #port: HistoryPort;
  readonly #first = new FirstOutcomes();
  #activity: Activity | null = null;
  /** Answers when the attempt's row is written. */
  readonly record: (finished: FinishedAttempt) => Promise<null>;

  constructor(store: EndpointStore, state: EndpointState, config: Config, port: HistoryPort) {
    this.#store = store;
    this.#state = state;
    this.#config = config;
    this.#port = port;
    this.record = batched(
      (finished: FinishedAttempt[]) => this.#commit(finished),
      ({ ending }) => (outcomeOf(ending) === "delivered" ? COMMIT_DELAY_MS.delivered : COMMIT_DELAY_MS.failed),
    );
  }

  get(seq: number): Delivery | null {
    return this.#store.exists ? this.#store.deliveries.get(seq) : null;
  }

  list(query: DeliveryQuery): Delivery[] {
    return this.#store.exists ? this.#store.deliveries.list(query) : [];
  }

  /** How the first attempt at an event ended, after its row is durable; `pending` after 10 s. */
  async firstOutcome(seq: number): Promise<FirstOutcome> {
    const known = this.get(seq);
    return known === null ? this.#first.wait(seq) : summaryOf(known);
  }

  /** Attempts of the last 24 hours by the hour; the rows are read once, then each attempt is counted. */
  activity(now: number): ActivityView {
    this.#activity ??= countActivity(this.#store.sql, this.#store.tables.all, now);
    return this.#activity.view(now);
  }

  /** Makes one delivery due again, its schedule anew; `missing` when there is none, or no body is left. */
  redeliver({ seq, body }: Redelivery, now: number): "scheduled" | "missing" {
    const row = this.get(seq);
    const kept = row?.body ?? body;
    if (row === null || kept === null || row.state === "expired") return "missing";
    this.#makeDue([{ ...row, body: kept }], now);
    return "scheduled";
  }

  /** Makes everything due again that failed for good at `since` or later; how many, 10,000 at most in one go. */
  recover(since: number, now: number): number {
    const rows = this.#store.exists ? this.#store.deliveries.dead(since, RECOVER_LIMIT) : [];
    this.#makeDue(
      rows.filter(({ body }) => body !== null),
      now,
    );
    return rows.length;
  }

  #makeDue(rows: Delivery[], now: number): void {
    this.#store.transact(() => {
      for (const row of rows) {
        // One that is still due goes on holding up what an ordered endpoint must get after it.
        const mark = row.state === "due" ? row.mark : "redelivery";
        const again: Delivery = { ...row, state: "due", due: now, mark, skip: row.attempts.length };
        this.#store.deliveries.put(again, false);
      }
    });
    if (rows.length > 0 && this.#state.active) this.#port.arm(now);
  }

  /** Writes finished attempts in one transaction; only then they leave the queue. */
  #commit(finished: FinishedAttempt[]): null[] {
    const now = Date.now();
    let deliveries: Delivery[];
    try {
      deliveries = this.#store.transact(() => finished.map((each) => this.#write(each, now)));
    } catch (error) {
      // Memory and storage may disagree now. Start again from storage: the alarm of I3 is armed.
      this.#port.abort(`an attempt could not be recorded: ${String(error)}`);
      throw error;
    }
    for (const [index, delivery] of deliveries.entries()) {
      this.#state.queue.finish(delivery.seq);
      this.#activity?.note(finished[index]?.at ?? now, delivery.state === "delivered");
      logAttempt(this.#state.identity?.id ?? "", delivery, finished[index]?.ending.ms ?? 0);
      this.#first.tell(delivery);
    }
    const due = deliveries.flatMap((delivery) => delivery.due ?? []);
    if (due.length > 0) this.#port.arm(wakeTime(Math.min(...due)));
    this.#state.saveFloor(FLOOR_STEP);
    return finished.map(() => null);
  }

  #write({ open, at, ending }: FinishedAttempt, now: number): Delivery {
    const { queue, identity, health } = this.#state;
    this.#store.tables.rollOver(now, this.#config.retentionMs, Math.max(queue.position, queue.known));
    const context = { now, delaysMs: this.#config.retryMs, random: Math.random() };
    const delivery = nextDelivery(open, { at, ending }, context);
    this.#store.deliveries.put(delivery, open.isNew);
    if (health.judge(ending, at, identity?.revision ?? 0)) this.#port.arm(at);
    return delivery;
  }
}

function logAttempt(endpoint: string, { id, seq, state, attempts, due }: Delivery, ms: number): void {
  const last = attempts.at(-1);
  const fields = { endpoint, id, seq, attempt: attempts.length };
  logEvent("attempt.made", { ...fields, status: last?.status ?? 0, code: last?.code ?? null, ms, state });
  if (state === "due" && due !== null) logEvent("retry.scheduled", { ...fields, at: new Date(due).toISOString() });
}
