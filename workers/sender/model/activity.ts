/** How an endpoint's attempts of the last 24 hours went, by the hour. Pure: the caller has the clock. */

export type Hour = { delivered: number; failed: number };
/** `hours` oldest first, the last one is under way; `cut`: older attempts of these hours were not looked at. */
export type ActivityView = { hours: Hour[]; cut: boolean };
/** Attempts of one hour since 1970, as a table's rows are counted. */
export type HourCount = Hour & { hour: number };

export const HOURS = 24;
export const HOUR_MS = 3_600_000;

export function hourOf(at: number): number {
  return Math.floor(at / HOUR_MS);
}

/** Counts in memory, started from the rows once: asking again and again reads nothing. */
export class Activity {
  readonly #hours: Map<number, Hour>;
  readonly #cut: boolean;

  constructor(counts: readonly HourCount[], cut: boolean) {
    this.#hours = new Map(counts.map(({ hour, delivered, failed }) => [hour, { delivered, failed }]));
    this.#cut = cut;
  }

  /** One more attempt, at `at` (unix ms). */
  note(at: number, delivered: boolean): void {
    const hour = hourOf(at);
    const known = this.#hours.get(hour) ?? { delivered: 0, failed: 0 };
    this.#hours.set(hour, {
      ...known,
      ...(delivered ? { delivered: known.delivered + 1 } : { failed: known.failed + 1 }),
    });
    for (const old of this.#hours.keys()) if (old <= hour - HOURS) this.#hours.delete(old);
  }

  /** The hour of `now` (unix ms) and the 23 before it. */
  view(now: number): ActivityView {
    const first = hourOf(now) - HOURS + 1;
    const hours = Array.from({ length: HOURS }, (_, i) => this.#hours.get(first + i) ?? { delivered: 0, failed: 0 });
    return { hours, cut: this.#cut };
  }
}
