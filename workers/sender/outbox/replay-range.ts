import { matchesType, typeChosen } from "../../../shared/event-type.ts";
import { conditionOf, hasFilter, type Subscription, TEST_TYPE } from "../model/subscription.ts";
import type { GoneEvents, ReplayBounds, ReplayCall, ReplayRange, ReplaySeqs } from "../protocol.ts";
import type { OutboxStore } from "./storage.ts";

/** The log as a replay reads it: a range by seqs or times, then the seqs in it that one endpoint wants. */

/** Events that one call looks at. */
const LOOKED_SEQS = 5000;
/** Length of the bodies that one call looks at, where a filter judges them. */
const LOOKED_BODIES = 1024 * 1024;

/** Turns the bounds of a replay into seqs of the log as it is now. */
export function replayRange(store: OutboxStore, { after, since, before, until }: ReplayBounds): ReplayRange {
  const { log } = store;
  const from = after ?? (since === null ? 0 : fromTime(store, since));
  const last = Math.min(
    log.head,
    before === null ? log.head : before - 1,
    until === null ? log.head : log.lastBefore(until),
  );
  return { log: store.logId, after: from, upTo: Math.max(last, from), gone: goneAbove(store, from) };
}

/** Returns the seq to read on after for events since a time; 0 where the log may have lost some of them. */
function fromTime({ log }: OutboxStore, since: number): number {
  const first = log.firstSince(since);
  return first === log.oldest ? 0 : first - 1;
}

/**
 * Returns the seqs above `after` of events that an endpoint wants by its present types, and that are of `types`. Tests
 * are never among them.
 */
export function replaySeqs(
  store: OutboxStore,
  subscription: Subscription,
  { after, upTo, types }: Pick<ReplayCall, "after" | "upTo" | "types">,
): ReplaySeqs {
  const { log, sql } = store;
  const presently = { ...subscription, earlier: [] };
  const condition = conditionOf(presently);
  const gone = goneAbove(store, after);
  const looked = Math.max(after, log.oldest - 1);
  const nextFirst = (index: number) => log.tables[index + 1]?.first ?? log.head + 1;
  const index = log.tables.findIndex((_table, at) => nextFirst(at) > looked + 1);
  const table = log.tables[index];
  if (table === undefined) return { seqs: [], upTo, gone };
  const begin = Math.max(looked, table.first - 1);
  const end = Math.min(upTo, nextFirst(index) - 1, begin + LOOKED_SEQS);
  if (hasFilter(presently)) {
    const scan = log.scan(begin, presently, { scanned: end - begin, limit: LOOKED_SEQS, maxBytes: LOOKED_BODIES });
    const isAsked = (type: string) => types === null || types.some((pattern) => matchesType(pattern, type));
    const asked = scan.events.filter(({ seq, type }) => seq <= end && type !== TEST_TYPE && isAsked(type));
    return { seqs: asked.map(({ seq }) => seq), upTo: Math.min(scan.upTo, end), gone };
  }
  const found = sql.run<{ seq: number }>(
    `SELECT seq FROM ${table.name} AS ev WHERE seq > ? AND seq <= ? AND ${condition.sql} AND type <> '${TEST_TYPE}'
       AND (? IS NULL OR EXISTS (SELECT 1 FROM json_each(?) AS chosen WHERE ${typeChosen("ev.type", "chosen.value")}))
     ORDER BY seq`,
    ...[begin, end, ...condition.params, ...Array(2).fill(types === null ? null : JSON.stringify(types))],
  );
  return { seqs: found.map(({ seq }) => seq), upTo: end, gone };
}

/** Returns what the log no longer has of the events above a seq; null when it has all of them. */
function goneAbove({ log }: OutboxStore, after: number): GoneEvents | null {
  const toSeq = log.oldest - 1;
  return after >= toSeq ? null : { toSeq, before: log.event(log.oldest)?.at ?? null };
}
