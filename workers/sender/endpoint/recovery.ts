import { MINUTE_MS } from "../../../shared/time.ts";
import { failedBefore } from "./choice.ts";
import type { Outcome } from "./outcome.ts";
import type { EndpointStore } from "./storage.ts";

/**
 * Brings deliveries forward that wait for a retry, once an endpoint that was failing answers again: a few at first, as
 * many as it may have under way, then more as they end. Three failures in a row stop it. Such an attempt uses up none
 * of the schedule, so an endpoint that comes and goes costs no delivery its last chance.
 */

/** One failure among successes is no outage: three in a row are, or a minute of nothing else. */
const OUTAGE_FAILURES = 3;
const OUTAGE_MS = MINUTE_MS;

type NotedOutcome = { failingSince: number | null; at: number; now: number };

export class Recovery {
  readonly #store: EndpointStore;
  /** The end of the outage (unix ms), while deliveries from before it may still wait. Stored: a slow rate takes long. */
  #since: number | null;
  #failures = 0;

  constructor(store: EndpointStore) {
    this.#store = store;
    this.#since = store.exists ? (store.meta.get<number | null>("recovering") ?? null) : null;
  }

  get underWay(): boolean {
    return this.#since !== null;
  }

  /** Expects an outage to be over: the endpoint was failing, and has another URL or was enabled again. */
  expect(): void {
    this.#failures = OUTAGE_FAILURES;
  }

  /** Notes an attempt made `at`, in the transaction that writes it. `failingSince`: as it was before. */
  note(outcome: Outcome, { failingSince, at, now }: NotedOutcome): void {
    if (outcome === "postponed") return;
    if (outcome !== "delivered") {
      this.#failures++;
      if (this.underWay && this.#failures >= OUTAGE_FAILURES) this.#save(null);
      return;
    }
    const wasOut = failingSince !== null && at - failingSince >= OUTAGE_MS;
    if (wasOut || this.#failures >= OUTAGE_FAILURES) this.#save(now);
    this.#failures = 0;
  }

  /** Makes deliveries due, so that at most `allowed` are due or under way. */
  bringForward(now: number, { allowed, ordered }: { allowed: number; ordered: boolean }): void {
    if (this.#since === null) return;
    const { sql, deliveries } = this.#store;
    const limit = allowed - deliveries.dueNow(now);
    if (limit <= 0) return;
    const seqs = failedBefore(sql, deliveries.tables, { now, triedBefore: this.#since, limit, ordered });
    if (seqs.length === 0) this.#save(null);
    else this.#store.transact(() => deliveries.bringForward(seqs, now, "uncounted"));
  }

  #save(since: number | null): void {
    this.#store.meta.set("recovering", since);
    this.#since = since;
  }
}
