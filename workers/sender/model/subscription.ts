import { matchesType, typeChosen, typePrefix } from "../../../shared/event-type.ts";
import { type ContentFilter, filterData, meets } from "./content-filter.ts";
import { readBodyText } from "./event-body.ts";

/**
 * Decides which endpoint gets which event: in memory, and by types as the SQL condition that the log is read with, so
 * that an endpoint which wants nothing of a batch is never woken for it. The log's table is named `ev` in that condition:
 * json_each has a column `type` too. A filter of the content is judged in memory alone.
 */

/** Patterns of types; null takes every type that is not reserved. */
export type Types = readonly string[] | null;

/** What an endpoint asks for: types, and conditions on the data; no filter is none. */
export type EventChoice = { types: Types; filter?: ContentFilter | null };

/** The choice that an endpoint had made while the log grew up to `upTo`. */
export type EarlierChoice = EventChoice & { upTo: number };

/**
 * An endpoint's choice of events. `earlier`, in order of `upTo`: an old event must also match the choice that was made
 * when it was published. Otherwise an endpoint that reads the log again after a restart would get events that it had
 * not asked for in their time.
 */
export type Subscription = EventChoice & { endpointId: string; earlier: readonly EarlierChoice[] };

/** The parts of an event that decide who gets it. */
export type RoutedEvent = { seq: number; type: string; target: string | null; body: string };

/** A condition on the table `ev`, and the values of its parameters. */
export type Condition = { sql: string; params: string[] };

/** Changes of the choice that are remembered; each is a part of the condition, which may have 100 parameters. */
const MAX_EARLIER = 20;

/** Types of events about the sender itself. No publisher may use them; an endpoint gets them only if it names them. */
/** The type of an event that a person sends to one endpoint to see what it answers. */
export const TEST_TYPE = "webhook.test";
const RESERVED_PREFIXES = ["webhook.", "endpoint.", "delivery."];
const NOT_RESERVED = `NOT (${RESERVED_PREFIXES.map((prefix) => `ev.type GLOB '${prefix}*'`).join(" OR ")})`;

export function isReserved(type: string): boolean {
  return RESERVED_PREFIXES.some((prefix) => type.startsWith(prefix));
}

/**
 * Returns the condition for the events that a subscription wants by their types. `target` in the log: null for every endpoint, `+ep`
 * for that endpoint alone, whatever its types, `-ep` for every other endpoint.
 */
export function conditionOf({ endpointId, types, earlier }: Subscription): Condition {
  const [byType, byEarlier] = [typeCondition(types), earlierCondition(earlier)];
  return {
    sql: `(ev.target = ? OR ((ev.target IS NULL OR (ev.target GLOB '-*' AND ev.target <> ?)) AND ${byType.sql}${byEarlier.sql}))`,
    params: [`+${endpointId}`, `-${endpointId}`, ...byType.params, ...byEarlier.params],
  };
}

function earlierCondition(earlier: readonly EarlierChoice[]): Condition {
  if (earlier.length === 0) return { sql: "", params: [] };
  const conditions = earlier.map((each) => typeCondition(each.types));
  const cases = conditions.map(({ sql }, index) => `WHEN ev.seq <= ${earlier[index]?.upTo} THEN ${sql}`);
  return {
    sql: ` AND CASE ${cases.join(" ")} ELSE TRUE END`,
    params: conditions.flatMap(({ params }) => params),
  };
}

function typeCondition(types: Types): Condition {
  if (types === null) return { sql: NOT_RESERVED, params: [] };
  const exact = types.filter((type) => typePrefix(type) === null);
  const patterns = types.filter((type) => typePrefix(type) !== null);
  // json_each takes one parameter however many types there are, below SQLite's limits on terms and parameters.
  return {
    sql: `(ev.type IN (SELECT value FROM json_each(?)) OR EXISTS (SELECT 1 FROM json_each(?) AS wanted WHERE ${typeChosen("ev.type", "wanted.value")}))`,
    params: [JSON.stringify(exact), JSON.stringify(patterns)],
  };
}

/** Decides as `conditionOf` does, for one event in memory, and by the filter. */
export function wants(subscription: Subscription, event: RoutedEvent): boolean {
  const { endpointId, types, earlier } = subscription;
  const { seq, type, target } = event;
  if (target !== null && target === `+${endpointId}`) return true;
  if (target !== null && (!target.startsWith("-") || target === `-${endpointId}`)) return false;
  const then = earlier.find(({ upTo }) => seq <= upTo);
  if (!wantsType(types, type) || (then !== undefined && !wantsType(then.types, type))) return false;
  return wantsContent(subscription, event);
}

/** Returns whether a subscription judges the data of events, so that their bodies must be read. */
export function hasFilter({ filter, earlier }: Subscription): boolean {
  return isFilter(filter) || earlier.some((each) => isFilter(each.filter));
}

function isFilter(filter: ContentFilter | null | undefined): filter is ContentFilter {
  return filter !== null && filter !== undefined;
}

/** Decides by the filter alone, for an event whose type and target are wanted. */
export function wantsContent({ endpointId, filter, earlier }: Subscription, event: RoutedEvent): boolean {
  if (event.target === `+${endpointId}`) return true;
  const then = earlier.find(({ upTo }) => event.seq <= upTo)?.filter;
  return [filter, then].every((each) => !isFilter(each) || meets(each, dataOf(event)));
}

/** The data of each event that a filter has looked at: as long as the event is in memory, it is parsed once. */
const parsedData = new WeakMap<RoutedEvent, { data: unknown }>();

function dataOf(event: RoutedEvent): unknown {
  const known = parsedData.get(event) ?? { data: filterData(readBodyText(event.body).data) };
  parsedData.set(event, known);
  return known.data;
}

/**
 * Returns whether an endpoint may have got an event: by its choice of now, by the one it had when the event was logged,
 * or by both.
 */
export function mayHaveGot(subscription: Subscription, event: RoutedEvent): boolean {
  const then = subscription.earlier.find(({ upTo }) => event.seq <= upTo) ?? subscription;
  return [subscription, then].some(({ types, filter = null }) =>
    wants({ ...subscription, types, filter, earlier: [] }, event),
  );
}

/** Returns whether an endpoint with these types wants an event of this type, published to all. */
export function wantsType(types: Types, type: string): boolean {
  return types === null ? !isReserved(type) : types.some((pattern) => matchesType(pattern, type));
}

/**
 * Returns the earlier choices once the one that counted until now is among them. A choice is forgotten when the log holds
 * no event of its time, that is when it ends below `oldest`.
 */
export function withEarlier(
  earlier: readonly EarlierChoice[],
  { types, filter }: EventChoice,
  { oldest, head }: { oldest: number; head: number },
): EarlierChoice[] {
  const kept = earlier.filter(({ upTo }) => upTo >= oldest);
  if (head < oldest || kept.at(-1)?.upTo === head) return kept;
  return [...kept, { upTo: head, types, ...(isFilter(filter) && { filter }) }].slice(-MAX_EARLIER);
}
