import { mayHaveGot } from "../model/subscription.ts";
import type { FoundEvent, StateAnswer, Subscriber } from "../protocol.ts";
import { type Env, endpointOf, outboxOf } from "./env.ts";
import { inWaves, MAX_QUESTIONED } from "./waves.ts";

/** The outcome of events over all endpoints. The log does not know it: each endpoint is asked once for all of them. */

/** Deliveries of an event by state. `dead`: expired ones too. `unknown`: at endpoints that were not asked, or did not answer. */
export type OutcomeCounts = { delivered: number; waiting: number; dead: number; unknown: number };

/** `delivered`: everywhere. `waiting`: somewhere, and dead nowhere. `dead`: somewhere. `unwanted`: for no endpoint. */
export type EventOutcome = "delivered" | "waiting" | "dead" | "unwanted" | "unknown";

const COUNTED: Record<NonNullable<StateAnswer> | "unknown", keyof OutcomeCounts> = {
  delivered: "delivered",
  due: "waiting",
  pending: "waiting",
  dead: "dead",
  expired: "dead",
  unknown: "unknown",
};

/** Returns the counts of each event, in their order. */
export async function outcomesOf(env: Env, events: readonly FoundEvent[]): Promise<OutcomeCounts[]> {
  const counts = new Map(events.map(({ seq }) => [seq, { delivered: 0, waiting: 0, dead: 0, unknown: 0 }]));
  const { log, endpoints } = await outboxOf(env).subscribers();
  const asked = endpoints
    .map((endpoint) => ({ id: endpoint.id, seqs: seqsFor(endpoint, events) }))
    .filter(({ seqs }) => seqs.length > 0);
  const answers = await inWaves(asked.slice(0, MAX_QUESTIONED), ({ id, seqs }) =>
    // One object that does not answer must not hide the others.
    endpointOf(env, id)
      .states(log, seqs)
      .catch(() => null),
  );
  for (const [index, { seqs }] of asked.entries()) {
    const states = answers[index] ?? null;
    for (const [place, seq] of seqs.entries()) {
      const state = states === null ? "unknown" : (states[place] ?? null);
      const count = counts.get(seq);
      if (state !== null && count !== undefined) count[COUNTED[state]]++;
    }
  }
  return [...counts.values()];
}

/** Returns the events that an endpoint may have got. */
function seqsFor({ from, subscription }: Subscriber, events: readonly FoundEvent[]): number[] {
  return events.filter((event) => from < event.seq && mayHaveGot(subscription, event)).map(({ seq }) => seq);
}

/** Returns the outcome in one word, the worst that is certain. */
export function outcomeOfCounts({ delivered, waiting, dead, unknown }: OutcomeCounts): EventOutcome {
  if (dead > 0) return "dead";
  if (unknown > 0) return "unknown";
  if (waiting > 0) return "waiting";
  return delivered > 0 ? "delivered" : "unwanted";
}

/** Returns whether an event may have an outcome. An endpoint that did not answer may have any but `unwanted`. */
export function mayBe(outcome: EventOutcome, counts: OutcomeCounts): boolean {
  const { waiting, dead, unknown } = counts;
  if (outcome === "waiting") return waiting > 0 || unknown > 0;
  if (outcome === "dead") return dead > 0 || unknown > 0;
  if (outcome === "delivered" && unknown > 0) return waiting === 0 && dead === 0;
  return outcomeOfCounts(counts) === outcome;
}
