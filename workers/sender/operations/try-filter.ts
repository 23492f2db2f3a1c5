import { Problem } from "../../../shared/http/problem.ts";
import { type ContentFilter, type FilterMiss, filterData, missOf } from "../model/content-filter.ts";
import { parseContentFilter } from "../model/content-filter-input.ts";
import { readBodyText } from "../model/event-body.ts";
import { type Types, wantsType } from "../model/subscription.ts";
import { knownEndpoint } from "./endpoints.ts";
import { type Env, outboxOf } from "./env.ts";

/** Trying a filter: the newest events of the log, with what it says of each. Nothing is changed or sent. */

/** The members of a try as they were asked for. */
export const TRY_MEMBERS = ["filter", "limit"];

const DEFAULT_TRIED = 20;
const MAX_TRIED = 200;

/** An event that was tried. `failed`: the first condition that it does not meet; null when it matches. */
type TriedEvent = {
  seq: number;
  id: string;
  type: string;
  loggedAt: string;
  matches: boolean;
  failed: FilterMiss | { at: "types"; types: Types } | null;
};

/**
 * Judges the newest events by the types of an endpoint and by a filter, its own where none is given.
 *
 * @throws Problem `not_found`, `invalid_endpoint`
 */
export async function tryFilter(
  env: Env,
  id: string,
  asked: { filter?: unknown; limit?: unknown },
): Promise<{ matched: number; events: TriedEvent[] }> {
  const limit = limitFrom(asked.limit);
  const { row } = await knownEndpoint(env, id);
  const filter = asked.filter === undefined ? (row.config.filter ?? null) : filterFrom(asked.filter);
  const { events } = await outboxOf(env).events({ after: null, before: null, type: null, limit });
  const tried = events.map(({ seq, id: eventId, type, at, body }) => {
    const failed = missFor({ types: row.config.types, filter }, type, body);
    return { seq, id: eventId, type, loggedAt: new Date(at).toISOString(), matches: failed === null, failed };
  });
  return { matched: tried.filter(({ matches }) => matches).length, events: tried };
}

function missFor(
  { types, filter }: { types: Types; filter: ContentFilter | null },
  type: string,
  body: string,
): TriedEvent["failed"] {
  if (!wantsType(types, type)) return { at: "types", types };
  return filter === null ? null : missOf(filter, filterData(readBodyText(body).data));
}

function filterFrom(value: unknown): ContentFilter | null {
  if (value === null) return null;
  const parsed = parseContentFilter(value);
  if (parsed.ok) return parsed.filter;
  throw new Problem("invalid_endpoint", parsed.reason);
}

function limitFrom(value: unknown): number {
  if (value === undefined) return DEFAULT_TRIED;
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= MAX_TRIED) return value;
  throw new Problem("invalid_endpoint", `limit must be a whole number from 1 to ${MAX_TRIED}.`);
}
