/** An alarm this far past was lost, or fires any moment: arming again does no harm. */
const LOST_MS = 30_000;

/**
 * The one alarm of a Durable Object, at the earliest of what it is asked for. Each change of it is a row, so it
 * is written only when it comes closer; in the turn of other writes it is part of their commit.
 */
export class Alarm {
  readonly #ctx: DurableObjectState;
  #at: number | null = null;
  /** Times it was written since the object started: a row each. */
  rowsWritten = 0;

  constructor(ctx: DurableObjectState) {
    this.#ctx = ctx;
  }

  /** When the alarm stands, in unix ms; null when none does. */
  get at(): number | null {
    return this.#at;
  }

  /** Reads what stands, before anything is armed; `now` in unix ms. */
  async load(now: number): Promise<void> {
    const stored = await this.#ctx.storage.getAlarm();
    this.#at = stored !== null && stored > now - LOST_MS ? stored : null;
  }

  /** Its handler runs: none stands until it is armed again. */
  fired(): void {
    this.#at = null;
  }

  arm(at: number): void {
    if (this.#at !== null && this.#at <= at) return;
    this.#at = at;
    this.rowsWritten++;
    this.#ctx.waitUntil(this.#ctx.storage.setAlarm(at));
  }
}
