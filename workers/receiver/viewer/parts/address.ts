import { type EventFilter, filterParameters, NO_FILTER } from "../../event/filter.ts";
import { DEFAULT_LOG } from "../../verify/source.ts";

/**
 * Address of a view: the log and the filter, which stand in the query string of every page. So a link is enough to
 * share.
 */
export type ViewAddress = { log: string; filter: EventFilter };

/** Returns the link to the page at `path` with this log and filter. */
export function href(path: string, address: ViewAddress, more: Record<string, string | number> = {}): string {
  const query = addressQuery(address);
  for (const [name, value] of Object.entries(more)) query.set(name, String(value));
  return query.size === 0 ? path : `${path}?${query}`;
}

/** Returns the query string of an address, without what is left at its default. */
export function addressQuery({ log, filter }: ViewAddress): URLSearchParams {
  const query = new URLSearchParams(log === DEFAULT_LOG ? {} : { log });
  for (const [name, value] of Object.entries(filterParameters(filter))) query.set(name, value);
  return query;
}

/** Returns the address of the whole log. */
export function unfiltered({ log }: ViewAddress): ViewAddress {
  return { log, filter: NO_FILTER };
}

/** Returns the URL to which a source's events are posted. */
export function webhookUrl(origin: string, source: string): string {
  return source === "default" ? `${origin}/webhook` : `${origin}/webhook/${encodeURIComponent(source)}`;
}
