import { HOUR_MS } from "../../../shared/time.ts";

/** An endpoint's attempts of the last 24 hours: by the hour, and how long they took. Pure: the caller has the clock. */

export type Hour = { delivered: number; failed: number };
/** `hours`: oldest first, the last one under way. `cut`: older attempts of these hours were not counted. */
export type ActivityView = { hours: Hour[]; cut: boolean };

/** Attempts with how long they took: `latency` counts them by LATENCY_BOUNDS_MS, with one place more at its end. */
export type Tally = Hour & { latency: number[] };

/** The attempts of a span of time; half of them took `p50Ms` at most, 95 of 100 `p95Ms`, null without an attempt. */
export type SpanFigures = {
  attempts: number;
  delivered: number;
  failed: number;
  p50Ms: number | null;
  p95Ms: number | null;
};

export const HOURS = 24;
/** Milliseconds by which attempts are told apart. The longest timeout is 30 s. */
export const LATENCY_BOUNDS_MS = [
  ...[5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750],
  ...[1000, 1500, 2000, 3000, 5000, 7500, 10_000, 15_000, 20_000, 30_000],
] as const;
const LONGEST_MS = 30_000;

/** Returns the number of the hour that holds `at` (unix ms). */
export function hourOf(at: number): number {
  return Math.floor(at / HOUR_MS);
}

/** Returns the place of an attempt that took `ms` in `latency`. */
export function latencyPlace(ms: number): number {
  const place = LATENCY_BOUNDS_MS.findIndex((bound) => ms <= bound);
  return place < 0 ? LATENCY_BOUNDS_MS.length : place;
}

export function emptyTally(): Tally {
  return { delivered: 0, failed: 0, latency: new Array<number>(LATENCY_BOUNDS_MS.length + 1).fill(0) };
}

/** Adds `count` attempts, which all took as long as the place says. */
export function addTo(tally: Tally, { delivered, place }: { delivered: boolean; place: number }, count = 1): void {
  if (delivered) tally.delivered += count;
  else tally.failed += count;
  tally.latency[place] = (tally.latency[place] ?? 0) + count;
}

/** Adds what `more` has and `less` has not. */
export function addDifference(tally: Tally, more: Tally, less: Tally): void {
  tally.delivered += more.delivered - less.delivered;
  tally.failed += more.failed - less.failed;
  for (const [place, count] of more.latency.entries()) {
    tally.latency[place] = (tally.latency[place] ?? 0) + count - (less.latency[place] ?? 0);
  }
}

export function figuresOf(tallies: readonly Tally[]): SpanFigures {
  const sum = (count: (tally: Tally) => number) => tallies.reduce((total, tally) => total + count(tally), 0);
  const [delivered, failed] = [sum((tally) => tally.delivered), sum((tally) => tally.failed)];
  const latency = emptyTally().latency.map((_zero, place) => sum((tally) => tally.latency[place] ?? 0));
  return {
    ...{ attempts: delivered + failed, delivered, failed },
    ...{ p50Ms: quantileOf(latency, 0.5), p95Ms: quantileOf(latency, 0.95) },
  };
}

/** Returns the milliseconds that the share `share` of the attempts took at most, read off between two bounds; null of none. */
export function quantileOf(latency: readonly number[], share: number): number | null {
  const wanted = latency.reduce((sum, count) => sum + count, 0) * share;
  let before = 0;
  for (const [place, count] of latency.entries()) {
    if (count > 0 && before + count >= wanted) {
      const [low, high] = [LATENCY_BOUNDS_MS[place - 1] ?? 0, LATENCY_BOUNDS_MS[place] ?? LONGEST_MS];
      return Math.round(low + (high - low) * ((wanted - before) / count));
    }
    before += count;
  }
  return null;
}
