import { type EventFilter, filterParameters, NO_FILTER } from "../../event/filter.ts";
import { DEFAULT_LOG } from "../../verify/source.ts";

/** What of the log is looked at: it stands in the query string of every page, so that a link is enough. */
export type Place = { log: string; filter: EventFilter };

/** A page's address at that place. */
export function address(path: string, { log, filter }: Place, more: Record<string, string | number> = {}): string {
  const query = placeQuery({ log, filter });
  for (const [name, value] of Object.entries(more)) query.set(name, String(value));
  return query.size === 0 ? path : `${path}?${query}`;
}

export function placeQuery({ log, filter }: Place): URLSearchParams {
  const query = new URLSearchParams(log === DEFAULT_LOG ? {} : { log });
  for (const [name, value] of Object.entries(filterParameters(filter))) query.set(name, value);
  return query;
}

/** Where the events of a source are posted to. */
export function webhookUrl(origin: string, source: string): string {
  return source === "default" ? `${origin}/webhook` : `${origin}/webhook/${encodeURIComponent(source)}`;
}

/** The log, without a filter. */
export function whole({ log }: Place): Place {
  return { log, filter: NO_FILTER };
}
