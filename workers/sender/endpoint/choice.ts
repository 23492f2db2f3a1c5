import type { PeriodTable } from "../../../shared/durable/period-tables.ts";
import type { Sql } from "../../../shared/durable/sql.ts";
import { typeChosen } from "../../../shared/event-type.ts";
import type { DeliveryState } from "../model/delivery.ts";
import { TEST_TYPE } from "../model/subscription.ts";
import type { DeliveryChoice } from "../protocol.ts";

/** Chooses among an Endpoint's rows for those who send deliveries again or skip them, or replay the log. Reads only. */

/** Deliveries that one call acts on: each costs rows. */
export const CHOSEN_LIMIT = 10_000;

export type ChosenRow = { seq: number; due: number | null; hasBody: boolean };

/**
 * Returns deliveries of one state that were last tried in a period, of certain types, the oldest first. Tests are never
 * among them, nor dead ones that a person has skipped.
 */
export function choose(
  sql: Sql,
  tables: readonly PeriodTable[],
  { state, since, until, types }: DeliveryChoice & { state: "dead" | "due" },
): ChosenRow[] {
  const inState = state === "due" ? "due IS NOT NULL AND state = 'due'" : "state = 'dead' AND mark IS NOT 'skipped'";
  const rows = tables.flatMap(({ name }) =>
    sql.run<{ seq: number; due: number | null; hasBody: number }>(
      `SELECT seq, due, body IS NOT NULL AS hasBody FROM ${name} AS del
       WHERE ${inState} AND type <> '${TEST_TYPE}' AND attempts ->> '$[#-1].at' >= ?1
         AND (?2 IS NULL OR attempts ->> '$[#-1].at' < ?2)
         AND (?3 IS NULL OR EXISTS (SELECT 1 FROM json_each(?3) AS wanted WHERE ${typeChosen("del.type", "wanted.value")}))
       ORDER BY seq LIMIT ?4`,
      ...[since, until, types ? JSON.stringify(types) : null, CHOSEN_LIMIT],
    ),
  );
  return rows.slice(0, CHOSEN_LIMIT).map((row) => ({ ...row, hasBody: row.hasBody === 1 }));
}

/** Attempts beyond which a delivery waits for its own time: its row must not grow with each recovery. */
const MAX_ATTEMPTS = 20;

type Waiting = { now: number; triedBefore: number; limit: number; ordered: boolean };

/**
 * Returns deliveries that wait beyond `now` and were last tried before `triedBefore` (unix ms): those that are due
 * first, or on an ordered endpoint the oldest. One that the server asked to wait (a redirect, a 413) is not among them.
 */
export function failedBefore(sql: Sql, tables: readonly PeriodTable[], waiting: Waiting): number[] {
  const { now, triedBefore, limit, ordered } = waiting;
  const rows = tables.flatMap(({ name }) =>
    sql.run<{ seq: number; due: number }>(
      `SELECT seq, due FROM ${name} WHERE due > ?1 AND state = 'due' AND type <> '${TEST_TYPE}'
         AND attempts ->> '$[#-1].at' < ?2 AND json_array_length(attempts) < ${MAX_ATTEMPTS}
         AND attempts ->> '$[#-1].status' <> 413 AND attempts ->> '$[#-1].status' NOT BETWEEN 300 AND 399
       ORDER BY ${ordered ? "seq" : "due, seq"} LIMIT ?3`,
      ...[now, triedBefore, limit],
    ),
  );
  const order = (row: { seq: number; due: number }) => (ordered ? row.seq : row.due);
  return rows
    .sort((a, b) => order(a) - order(b) || a.seq - b.seq)
    .slice(0, limit)
    .map(({ seq }) => seq);
}

/** The parts of a delivery that decide whether it is sent again; `at`: its last attempt (unix ms). */
export type Judged = { state: DeliveryState; at: number | null };

/** Returns the deliveries above `after`, up to `upTo`, by seq. */
export function judgeRows(
  sql: Sql,
  tables: readonly PeriodTable[],
  { after, upTo }: { after: number; upTo: number },
): Map<number, Judged> {
  const rows = tables.flatMap(({ name }) =>
    sql.run<{ seq: number; state: string; at: number | null }>(
      `SELECT seq, state, attempts ->> '$[#-1].at' AS at FROM ${name} WHERE seq > ? AND seq <= ?`,
      ...[after, upTo],
    ),
  );
  return new Map(rows.map(({ seq, state, at }) => [seq, { state: state as DeliveryState, at }]));
}
