import type { Pause } from "../protocol.ts";
import { type Ending, FAILING_MS, failingSince, outcomeOf } from "./outcome.ts";
import type { EndpointStore } from "./storage.ts";

/**
 * An endpoint's health by its attempts: since when everything fails, and whether the endpoint has paused itself. Memory
 * follows what is written: one row when everything begins to fail, one when something succeeds again, one for a pause.
 */
export class Health {
  readonly #store: EndpointStore;
  #pause: Pause | null = null;
  #failingSince: number | null = null;

  constructor(store: EndpointStore) {
    this.#store = store;
  }

  /** Takes what the table `meta` holds, as after a start. */
  load(meta: Record<string, unknown>): void {
    this.#pause = (meta.pause ?? null) as Pause | null;
    this.#failingSince = (meta.failingSince ?? null) as number | null;
  }

  /** While not null, nothing is sent: the registry must note the pause first and say how to go on. */
  get pause(): Pause | null {
    return this.#pause;
  }

  /** Counts one more attempt, in the transaction that writes it. Returns true when it makes the endpoint pause. */
  judge(ending: Ending, at: number, revision: number): boolean {
    const outcome = outcomeOf(ending);
    const since = failingSince(this.#failingSince, outcome, at);
    if (since !== this.#failingSince) {
      this.#store.meta.set("failingSince", since);
      this.#failingSince = since;
    }
    const failing = outcome === "retry" && since !== null && at - since >= FAILING_MS;
    if (this.#pause !== null || !(failing || outcome === "gone")) return false;
    this.#pause = { reason: outcome === "gone" ? "gone" : "failing", revision, since: since ?? at };
    this.#store.meta.set("pause", this.#pause);
    return true;
  }

  /** Ends a pause when a configuration comes. `forgiven`: also the time of failing, as the endpoint starts afresh. */
  configured(forgiven: boolean): void {
    if (this.#pause !== null) this.#store.meta.set("pause", null);
    this.#pause = null;
    if (!forgiven || this.#failingSince === null) return;
    this.#store.meta.set("failingSince", null);
    this.#failingSince = null;
  }
}
