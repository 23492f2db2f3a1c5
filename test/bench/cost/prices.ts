import type { Operations } from "../workers/meter.ts";

/** Prices and daily limits of the platform, as published in 2026-11, and the bill of a counted load. */

/** Everything that is billed, of one event. */
export type Bill = Operations & { cpuMs: number };

/** An object is billed for 128 MB while it has work. */
const GB_OF_OBJECT = 0.128;

type Item = {
  name: string;
  of: (bill: Bill) => number;
  /** In dollars for a million, beyond what the paid plan includes. */
  price: number;
  /** Of the free plan; null where it has none. */
  aDay: number | null;
};

/** A courier's call is taken for a request, which is the dearer reading of the price list. */
export const ITEMS: readonly Item[] = [
  { name: "requests", of: ({ requests, courierCalls }) => requests + courierCalls, price: 0.3, aDay: 100_000 },
  { name: "processor ms", of: ({ cpuMs }) => cpuMs, price: 0.02, aDay: null },
  { name: "object calls", of: ({ objectCalls }) => objectCalls, price: 0.15, aDay: 100_000 },
  { name: "object GB-s", of: ({ objectMs }) => (objectMs / 1000) * GB_OF_OBJECT, price: 12.5, aDay: 13_000 },
  { name: "rows written", of: ({ rowsWritten }) => rowsWritten, price: 1, aDay: 100_000 },
  { name: "rows read", of: ({ rowsRead }) => rowsRead, price: 0.001, aDay: 5_000_000 },
  { name: "KV writes", of: ({ kvWrites }) => kvWrites, price: 5, aDay: 1000 },
  { name: "KV reads", of: ({ kvReads }) => kvReads, price: 0.5, aDay: 100_000 },
  { name: "KV lists", of: ({ kvLists }) => kvLists, price: 5, aDay: 1000 },
  { name: "KV deletes", of: ({ kvDeletes }) => kvDeletes, price: 5, aDay: 1000 },
  { name: "log lines", of: ({ logLines }) => logLines, price: 0.6, aDay: 200_000 },
];

/** Returns the dollars for a million events, without what the paid plan includes. */
export function dollarsAMillion(bill: Bill): number {
  return ITEMS.reduce((sum, { of, price }) => sum + of(bill) * price, 0);
}

/** Returns the events that the free plan carries a day beside what happens every day, and the limit that ends them. */
export function freeADay(bill: Bill, daily: Partial<Bill>): { events: number; limit: string } {
  const found = ITEMS.flatMap(({ name, of, aDay }) => {
    if (aDay === null || of(bill) === 0) return [];
    const left = aDay - of({ ...NOTHING, ...daily });
    return { events: Math.floor(left / of(bill)), limit: name };
  });
  return found.toSorted((a, b) => a.events - b.events)[0] ?? { events: Number.POSITIVE_INFINITY, limit: "none" };
}

const NOTHING: Bill = {
  ...{ requests: 0, courierCalls: 0, objectCalls: 0, objectMs: 0, cpuMs: 0, rowsWritten: 0, rowsRead: 0 },
  ...{ kvReads: 0, kvWrites: 0, kvLists: 0, kvDeletes: 0, logLines: 0 },
};

/** Returns what came between two readings, of one event. */
export function billOf(before: Bill, after: Bill, events: number): Bill {
  const names = Object.keys(NOTHING) as (keyof Bill)[];
  return Object.fromEntries(names.map((name) => [name, (after[name] - before[name]) / events])) as Bill;
}

/** Adds two bills. */
export function plus(one: Bill, other: Bill): Bill {
  const names = Object.keys(NOTHING) as (keyof Bill)[];
  return Object.fromEntries(names.map((name) => [name, one[name] + other[name]])) as Bill;
}
