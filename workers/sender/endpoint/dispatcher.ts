import type { Alarm } from "../../../shared/durable/alarm.ts";
import type { LoggedEvent } from "../model/event.ts";
import { TEST_TYPE } from "../model/subscription.ts";
import type { CatchUp } from "./catch-up.ts";
import type { DeliveryHistory } from "./history.ts";
import { outcomeOf } from "./outcome.ts";
import type { Poster } from "./poster.ts";
import type { OpenDelivery } from "./queue.ts";
import { wakeTime } from "./retry.ts";
import type { EndpointState } from "./state.ts";
import type { EndpointStore } from "./storage.ts";
import { BUDGET, Throttle } from "./throttle.ts";

/** Starts an Endpoint's attempts: as many at once as it may, in the order that was asked for, and has each recorded. */

type Parts = {
  poster: Poster;
  history: DeliveryHistory;
  catchUp: CatchUp;
  alarm: Alarm;
  ctx: Pick<DurableObjectState, "waitUntil">;
};

export class Dispatcher {
  readonly #store: EndpointStore;
  readonly #state: EndpointState;
  readonly #parts: Parts;
  readonly throttle = new Throttle(Date.now());
  #rateTimer = false;

  constructor(store: EndpointStore, state: EndpointState, parts: Parts) {
    this.#store = store;
    this.#state = state;
    this.#parts = parts;
  }

  /** Starts what may be sent now, and pulls from the log what the queue lacks. */
  advance(): void {
    this.#dispatch();
    const { ctx, catchUp } = this.#parts;
    if (this.#state.queue.needsMore) ctx.waitUntil(catchUp.run(() => this.#dispatch()));
  }

  #dispatch(): void {
    const { identity, active, queue } = this.#state;
    if (identity === null) return;
    this.#sendTests();
    if (!active) return;
    const { ordered, rateLimit } = identity.config;
    const perSecond = rateLimit?.perSecond ?? null;
    while (queue.waiting > 0) {
      const now = Date.now();
      const held = this.#state.heldUntil(now);
      if (held !== null) {
        this.#parts.alarm.arm(wakeTime(held));
        return;
      }
      const permission = this.throttle.ask(now, { ordered, perSecond });
      if (!permission.go) {
        // The next event delivered to the object brings a new budget, and this asks for one.
        if (permission.why === "spent") this.#parts.alarm.arm(now);
        if (permission.why === "rate") this.#dispatchLater(permission.waitMs);
        return;
      }
      const blocking = ordered ? this.#store.deliveries.blocking : null;
      const open = queue.next(({ seq, mark }) => blocking === null || blocking.seq === seq || mark === "redelivery");
      if (open === undefined) return;
      this.throttle.start(now, perSecond);
      this.#parts.ctx.waitUntil(this.#attempt(open));
    }
  }

  /** Sends each test that waits at once: past order, rate, a hold and the attempts under way. */
  #sendTests(): void {
    const { queue } = this.#state;
    for (let test = queue.nextTest(); test !== undefined; test = queue.nextTest()) {
      this.throttle.spend(1);
      this.#parts.ctx.waitUntil(this.#attempt(test));
    }
  }

  /** Sends a test event, unless it was sent already. */
  sendTest(event: LoggedEvent): void {
    const { queue } = this.#state;
    queue.known = Math.max(queue.known, event.seq);
    if (!queue.open.has(event.seq) && !this.#store.deliveries.has(event.seq, event.id)) queue.addNew(event);
    this.advance();
  }

  /** Queues due retries that are not open yet, in order of due time, as far as the queue has space. */
  queueDue(now: number): void {
    const { queue } = this.#state;
    if (this.#state.heldUntil(now) !== null) return;
    this.#queueBlocking(now);
    if (queue.full) return;
    for (const due of this.#store.deliveries.due(now, BUDGET, queue.open)) {
      if (queue.full) return;
      queue.add({ ...due, body: due.body ?? "", isNew: false });
    }
  }

  /** Queues the delivery that blocks an ordered endpoint even when the queue is full: the rest waits for it. */
  #queueBlocking(now: number): void {
    const { identity, queue } = this.#state;
    if (!identity?.config.ordered) return;
    const { blocking } = this.#store.deliveries;
    if (blocking === null || (blocking.due ?? 0) > now || queue.open.has(blocking.seq)) return;
    queue.add({ ...blocking, body: blocking.body ?? "", isNew: false });
  }

  /**
   * Waits for the rate limit by a timer; if the object goes first, the alarm of I3 (armed while unrecorded) goes on.
   */
  #dispatchLater(waitMs: number): void {
    if (this.#rateTimer) return;
    this.#rateTimer = true;
    setTimeout(() => {
      this.#rateTimer = false;
      this.#dispatch();
    }, waitMs);
  }

  async #attempt(open: OpenDelivery): Promise<void> {
    const { identity } = this.#state;
    if (identity === null) return;
    const { config } = identity;
    const at = Date.now();
    const { ending, requests } = await this.#parts.poster.post(open, config, at);
    this.throttle.spend(requests);
    const failed = outcomeOf(ending) !== "delivered";
    const counted = open.type !== TEST_TYPE;
    if (counted && !config.ordered) this.throttle.finish(failed);
    const recorded = this.#parts.history.record({ open, at, ending });
    this.#dispatch();
    await recorded;
    // An ordered endpoint's next attempt starts only after this one's row is committed.
    if (counted && config.ordered) this.throttle.finish(failed);
    if (this.#state.active) this.queueDue(Date.now());
    this.advance();
  }
}
