import type { Sql } from "./sql.ts";

/** An alarm this far past was lost, or fires any moment: arming again does no harm. */
const LOST_MS = 30_000;

/**
 * The one alarm of a Durable Object, at the earliest time that was asked for. Each change of it costs a row, so it is
 * written only when it comes closer. Armed in the turn of other writes, it is part of their commit.
 */
export class Alarm {
  readonly #ctx: DurableObjectState;
  readonly #sql: Sql;
  #at: number | null = null;

  constructor(ctx: DurableObjectState, sql: Sql) {
    this.#ctx = ctx;
    this.#sql = sql;
  }

  /** Time of the armed alarm in unix ms; null when none is armed. */
  get at(): number | null {
    return this.#at;
  }

  /** Reads the stored alarm, before anything is armed; `now` in unix ms. */
  async load(now: number): Promise<void> {
    const stored = await this.#ctx.storage.getAlarm();
    this.#at = stored !== null && stored > now - LOST_MS ? stored : null;
  }

  /** Notes that the alarm's handler runs: none is armed until `arm` is called again. */
  fired(): void {
    this.#at = null;
  }

  /** Makes sure that the handler runs at `at` (unix ms) or before. */
  arm(at: number): void {
    if (this.#at !== null && this.#at <= at) return;
    this.#at = at;
    this.#sql.rowsWritten++;
    this.#ctx.waitUntil(this.#ctx.storage.setAlarm(at));
  }
}
