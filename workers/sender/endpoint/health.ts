import type { Pause } from "../protocol.ts";
import { type Ending, FAILING_MS, failingSince, outcomeOf } from "./outcome.ts";
import type { EndpointStore } from "./storage.ts";

/**
 * What the attempts say about an endpoint as a whole. Memory follows what is written: a row when everything
 * begins to fail, one when something succeeds again, one when it is enough.
 */
export class Health {
  readonly #store: EndpointStore;
  #pause: Pause | null = null;
  #failingSince: number | null = null;

  constructor(store: EndpointStore) {
    this.#store = store;
  }

  /** Takes what meta holds, as after a start. */
  load(meta: Record<string, unknown>): void {
    this.#pause = (meta.pause ?? null) as Pause | null;
    this.#failingSince = (meta.failingSince ?? null) as number | null;
  }

  /** Not null: nothing is sent until the registry has taken note, and has said how to go on. */
  get pause(): Pause | null {
    return this.#pause;
  }

  /** Judges one more attempt, in the transaction that writes it. @returns whether it made the endpoint pause */
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

  /** A configuration has come; one that enables, or has another URL, also ends the count of failures. */
  configured(forgiven: boolean): void {
    if (this.#pause !== null) this.#store.meta.set("pause", null);
    this.#pause = null;
    if (!forgiven || this.#failingSince === null) return;
    this.#store.meta.set("failingSince", null);
    this.#failingSince = null;
  }
}
