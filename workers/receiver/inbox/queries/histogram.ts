/** Arrivals by the hour, for a picture of the last day. Pure; times in unix milliseconds. */

export const HOURS = 24;
export const HOUR_MS = 3_600_000;

/** What is known of a run of events: how many came between two moments, both included. */
export type Run = { n: number; from: number; to: number };

/** `hours`: counts, oldest first, the last one the hour that has begun; `from`: when the first of them begins. */
export type Histogram = { from: number; hours: number[]; exact: boolean };

/** When the first hour of the picture begins. */
export function histogramStart(now: number): number {
  return Math.floor(now / HOUR_MS) * HOUR_MS - (HOURS - 1) * HOUR_MS;
}

/**
 * A run within one hour counts there. One that spans several is spread over them as if it had come evenly, and
 * the histogram is not `exact`; its total is right but for what lies before the picture.
 */
export function histogramOf(runs: readonly Run[], now: number): Histogram {
  const start = histogramStart(now);
  const hours = new Array<number>(HOURS).fill(0);
  let exact = true;
  for (const { n, from, to } of runs) {
    const [first, last] = [from, to].map((at) => Math.floor((at - start) / HOUR_MS)) as [number, number];
    if (first !== last) exact = false;
    let given = 0;
    for (let hour = first; hour <= last; hour++) {
      const end = Math.min((start + (hour + 1) * HOUR_MS - from) / (to - from || 1), 1);
      const share = hour === last ? n - given : Math.round(n * end) - given;
      given += share;
      if (hour >= 0 && hour < HOURS) hours[hour] = (hours[hour] ?? 0) + share;
    }
  }
  return { from: start, hours, exact };
}
