import { matchesType } from "../../../shared/event-type.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { isDay } from "../../../shared/time.ts";
import type { EventRecord, EventRow, EventSummary } from "./record.ts";
import { holdsText, rowHoldsText, type TextSearch, textSearch } from "./text-search.ts";

/** The filter of a reader, whatever it reads with: a page, a poll, a stream or an export. */

/**
 * Conditions that an event meets; null is no condition. `type` is an exact name or a pattern; `since` (included) and
 * `until` (excluded) are unix milliseconds; `q` is searched in URLs, headers and bodies, upper and lower case
 * alike.
 */
export type EventFilter = {
  source: string | null;
  type: string | null;
  since: number | null;
  until: number | null;
  q: string | null;
};

export const NO_FILTER: EventFilter = { source: null, type: null, since: null, until: null, q: null };

/** Names of the query parameters of a filter. */
export const FILTER_PARAMETERS = ["source", "type", "since", "until", "q"] as const;

const MAX_TEXT = 256;
/** A date, or a date and time with its offset: without one, the time would be read in a zone that nobody named. */
const TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/;

/** The search of each filter, made once: thousands of events may be matched. */
const searches = new WeakMap<EventFilter, TextSearch>();

/** Reads the filter of a query string. @throws Problem `invalid_parameter` */
export function readFilter(parameters: URLSearchParams): EventFilter {
  const [source, type, q] = (["source", "type", "q"] as const).map((name) => textParameter(name, parameters.get(name)));
  return {
    source: source ?? null,
    type: type ?? null,
    since: timeParameter("since", parameters.get("since")),
    until: timeParameter("until", parameters.get("until")),
    q: q ?? null,
  };
}

/** Returns the query parameters of a filter, without those that are null. */
export function filterParameters(filter: EventFilter): Record<string, string> {
  const { source, type, q } = filter;
  const given = { source, type, q, since: isoOf(filter.since), until: isoOf(filter.until) };
  return Object.fromEntries(Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== null));
}

/** Matches a summary against all conditions but the text. */
export function matchesSummary(filter: EventFilter, event: EventSummary): boolean {
  if (filter.source !== null && event.source !== filter.source) return false;
  if (filter.type !== null && (event.type === null || !matchesType(filter.type, event.type))) return false;
  if (filter.since === null && filter.until === null) return true;
  const at = Date.parse(event.receivedAt);
  return at >= (filter.since ?? at) && (filter.until === null || at < filter.until);
}

/** Matches a whole record; a body that is not text is searched as the text in its bytes. */
export function matches(filter: EventFilter, record: EventRecord): boolean {
  const search = searchOf(filter);
  return matchesSummary(filter, record) && (search === null || holdsText(search, record));
}

/**
 * Matches the body alone against the filter's text, if it asks for one; `body` null: not text, or not known. Where this
 * fails, URL and headers may still hold the text.
 */
export function matchesBody(filter: EventFilter, body: string | null): boolean {
  const search = searchOf(filter);
  return search === null || (body !== null && search.shown.test(body));
}

/** Matches a row's text alone; the query that read the row has matched the rest. */
export function matchesText(filter: EventFilter, row: EventRow): boolean {
  const search = searchOf(filter);
  return search === null || rowHoldsText(search, row);
}

function searchOf(filter: EventFilter): TextSearch | null {
  if (filter.q === null) return null;
  const search = searches.get(filter) ?? textSearch(filter.q);
  searches.set(filter, search);
  return search;
}

/** Returns whether the filter has no condition. */
export function wantsAll(filter: EventFilter): boolean {
  return Object.values(filter).every((wanted) => wanted === null);
}

function textParameter(name: string, value: string | null): string | null {
  if (value === null || value === "") return null;
  if (value.length <= MAX_TEXT) return value;
  throw new Problem("invalid_parameter", `\`${name}\` has at most ${MAX_TEXT} characters.`);
}

function timeParameter(name: string, value: string | null): number | null {
  if (value === null || value === "") return null;
  const ms = TIME.test(value) && isDay(value) ? Date.parse(value) : Number.NaN;
  // An offset may lead out of the years that this format can say: such a filter could not be passed on.
  if (!Number.isNaN(ms) && TIME.test(new Date(ms).toISOString())) return ms;
  const detail = `\`${name}\` is an ISO 8601 date, or a date and time with its offset: 2026-01-31T08:00:00Z.`;
  throw new Problem("invalid_parameter", detail);
}

function isoOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
