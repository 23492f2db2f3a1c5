import { HOUR_MS } from "../../../shared/time.ts";

/** How an endpoint's attempts of the last 24 hours went, by the hour. Pure: the caller has the clock. */

export type Hour = { delivered: number; failed: number };
/** `hours` oldest first, the last one is under way; `cut`: older attempts of these hours were not looked at. */
export type ActivityView = { hours: Hour[]; cut: boolean };
/** Attempts of one hour since 1970, as a table's rows are counted. */
export type HourCount = Hour & { hour: number };

export const HOURS = 24;

export function hourOf(at: number): number {
  return Math.floor(at / HOUR_MS);
}
