import type { Alarm } from "../../../shared/durable/alarm.ts";
import { type EndpointConfig, type Rate, rateOf, settingsOf } from "../model/endpoint.ts";
import type { LoggedEvent } from "../model/event.ts";
import { TEST_TYPE } from "../model/subscription.ts";
import type { Destination } from "../protocol.ts";
import type { CatchUp } from "./catch-up.ts";
import { type Couriers, type EndedAttempt, PARCELS } from "./couriers.ts";
import type { DeliveryHistory } from "./history.ts";
import type { OpenDelivery } from "./queue.ts";
import type { Recovery } from "./recovery.ts";
import type { Replay } from "./replay.ts";
import { wakeTime } from "./retry.ts";
import type { EndpointState } from "./state.ts";
import type { EndpointStore } from "./storage.ts";
import { type Limits, Throttle } from "./throttle.ts";

/** Starts an Endpoint's attempts: as many at once as it may, in the order that was asked for, and has each recorded. */

type Parts = {
  couriers: Couriers;
  history: DeliveryHistory;
  recovery: Recovery;
  catchUp: CatchUp;
  replay: Replay;
  alarm: Alarm;
  ctx: Pick<DurableObjectState, "waitUntil">;
};

/** Attempts that end within this time of each other are followed by one call: calls cost more than this. */
const TOGETHER_MS = 2;
/** A wait from which on the object need not stay in memory. */
const LONG_WAIT_MS = 10_000;
/** Due retries that are queued at one time. */
const DUE_AT_ONCE = 50;

export class Dispatcher {
  readonly #store: EndpointStore;
  readonly #state: EndpointState;
  readonly #parts: Parts;
  readonly throttle: Throttle;
  #rateTimer = false;
  #gathering = false;

  constructor(store: EndpointStore, state: EndpointState, parts: Parts) {
    this.#store = store;
    this.#state = state;
    this.#parts = parts;
    this.throttle = new Throttle(Date.now());
    // Under such a rate every start is stored: there was none after the stored one.
    if (state.identity !== null && isSlow(rateOf(state.identity.config))) this.throttle.restore(state.lastStart ?? 0);
  }

  /** Starts what may be sent now, and pulls from the log what the queue lacks. */
  advance(): void {
    this.#dispatch();
    const { ctx, catchUp, replay } = this.#parts;
    if (this.#state.queue.needsMore) ctx.waitUntil(catchUp.run(() => this.#dispatch()));
    if (replay.underWay) ctx.waitUntil(replay.run(() => this.#dispatch()));
  }

  #dispatch(): void {
    const { identity, active } = this.#state;
    if (identity === null) return;
    this.#sendTests(identity.config);
    if (!active) return;
    const chosen = this.#choose(identity.config);
    for (let first = 0; first < chosen.length; first += PARCELS) {
      this.#send(chosen.slice(first, first + PARCELS), identity.config);
    }
  }

  /** Takes out of the queue what may be sent now. Whatever must wait is asked for again: by a timer, an alarm, an end. */
  #choose(config: EndpointConfig): OpenDelivery[] {
    const { queue } = this.#state;
    const limits = limitsOf(config);
    queue.reserve(this.throttle.allowed(limits));
    const chosen: OpenDelivery[] = [];
    for (const now = Date.now(); queue.waiting > 0; ) {
      const held = this.#state.heldUntil(now);
      if (held !== null) {
        this.#parts.alarm.arm(wakeTime(held));
        break;
      }
      const permission = this.throttle.ask(now, limits);
      if (!permission.go) {
        // The next event delivered to the object brings a new budget, and this asks for one.
        if (permission.why === "spent") this.#parts.alarm.arm(now);
        if (permission.why === "rate") this.#dispatchLater(permission.waitMs);
        break;
      }
      const blocking = config.ordered ? this.#store.deliveries.blocking : null;
      const open = queue.next(({ seq, mark }) => blocking === null || blocking.seq === seq || mark === "redelivery");
      if (open === undefined) break;
      this.throttle.start(now, limits.rate);
      chosen.push(open);
    }
    if (chosen.length > 0 && isSlow(limits.rate)) this.#state.saveStart(Date.now());
    this.throttle.close();
    return chosen;
  }

  /** Fills the places of attempts that have ended: at once when a call's worth is free, else with those that end next. */
  #dispatchTogether(config: EndpointConfig): void {
    if (this.throttle.isFreeForCall(limitsOf(config))) {
      this.#dispatch();
      return;
    }
    if (this.#gathering) return;
    this.#gathering = true;
    setTimeout(() => {
      this.#gathering = false;
      this.#dispatch();
    }, TOGETHER_MS);
  }

  /** Sends each test that waits at once: past order, rate, a hold and the attempts under way. */
  #sendTests(config: EndpointConfig): void {
    const { queue } = this.#state;
    for (let test = queue.nextTest(); test !== undefined; test = queue.nextTest()) {
      this.throttle.spend();
      this.#send([test], config);
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
    const { queue, identity } = this.#state;
    if (identity === null || this.#state.heldUntil(now) !== null) return;
    const limits = limitsOf(identity.config);
    this.#parts.recovery.bringForward(now, { allowed: this.throttle.allowed(limits), ordered: limits.ordered });
    if (!this.#store.deliveries.mayBeDue(now)) return;
    this.#queueBlocking(now);
    if (queue.full) return;
    // Each is read with its body: beside a full queue, every end of an attempt asks for one more.
    for (const due of this.#store.deliveries.due(now, Math.min(DUE_AT_ONCE, queue.space), queue.open)) {
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
   * Waits for the rate limit by a timer; if the object goes first, the alarm of I3 (armed while unrecorded) goes on. A
   * long wait has the alarm itself: a timer would keep the object in memory.
   */
  #dispatchLater(waitMs: number): void {
    if (waitMs > LONG_WAIT_MS) this.#parts.alarm.arm(Date.now() + waitMs);
    if (this.#rateTimer || waitMs > LONG_WAIT_MS) return;
    this.#rateTimer = true;
    setTimeout(() => {
      this.#rateTimer = false;
      this.#dispatch();
    }, waitMs);
  }

  #send(deliveries: OpenDelivery[], config: EndpointConfig): void {
    const { couriers, ctx } = this.#parts;
    const listener = {
      ended: (attempts: EndedAttempt[]) => ctx.waitUntil(this.#ended(attempts, config)),
      refused: (refused: OpenDelivery[]) => this.#refused(refused),
    };
    ctx.waitUntil(couriers.send(deliveries, destinationOf(config), listener));
  }

  /** Records attempts that have ended, and starts what may be sent in their place. */
  async #ended(attempts: EndedAttempt[], config: EndpointConfig): Promise<void> {
    // The endpoint was deleted meanwhile, and has no table any more.
    if (this.#state.identity === null) return;
    const counted = attempts.filter(({ open }) => open.type !== TEST_TYPE);
    const recorded = Promise.all(attempts.map((attempt) => this.#parts.history.record(attempt)));
    if (!config.ordered) {
      this.#finish(counted, config);
      this.#dispatchTogether(config);
    }
    await recorded;
    // An ordered endpoint's next attempt starts only after this one's row is committed.
    if (config.ordered) this.#finish(counted, config);
    if (this.#state.active) this.queueDue(Date.now());
    this.advance();
  }

  #finish(attempts: EndedAttempt[], config: EndpointConfig): void {
    const [now, max] = [Date.now(), settingsOf(config).concurrency];
    for (const { ending, at } of attempts) this.throttle.finish(ending, { at, now, max });
  }

  /** Puts deliveries back that no courier could be called for; the alarm is an event of its own, and allows more calls. */
  #refused(deliveries: OpenDelivery[]): void {
    for (const open of deliveries) if (open.type !== TEST_TYPE) this.throttle.takeBack();
    this.#state.queue.putBack(deliveries);
    this.#parts.alarm.arm(Date.now());
  }
}

/** True for a rate whose waits outlast the object: its last start is stored, for one row an attempt. */
function isSlow(rate: Rate | null): boolean {
  return rate !== null && rate.windowMs > LONG_WAIT_MS;
}

function limitsOf(config: EndpointConfig): Limits {
  return { ordered: config.ordered, rate: rateOf(config), concurrency: settingsOf(config).concurrency };
}

function destinationOf(config: EndpointConfig): Destination {
  const { url, headers, secrets, signing } = config;
  const { timeoutSeconds, payload, signatureHeaders } = settingsOf(config);
  return { url, headers, secrets, signing, timeoutMs: timeoutSeconds * 1000, payload, signatureHeaders };
}
