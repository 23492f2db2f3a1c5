import { HOUR_MS } from "../../../shared/time.ts";

/** An endpoint's attempts of the last 24 hours, counted by the hour. Pure: the caller has the clock. */

export type Hour = { delivered: number; failed: number };
/** `hours`: oldest first, the last one under way. `cut`: older attempts of these hours were not counted. */
export type ActivityView = { hours: Hour[]; cut: boolean };
/** Attempts of one hour, which is numbered since 1970. */
export type HourCount = Hour & { hour: number };

export const HOURS = 24;

/** Returns the number of the hour that holds `at` (unix ms). */
export function hourOf(at: number): number {
  return Math.floor(at / HOUR_MS);
}
