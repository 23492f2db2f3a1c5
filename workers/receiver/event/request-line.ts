import { maskedQuery, type SecretPlaces } from "./masking.ts";

/** Method and URL of the request that brought an event. */

/**
 * The first line of a request. `path` and `query` are as the runtime gives them, with the secrets of the query masked;
 * `query` is null where the URL has no `?`. All three are null where they are not known, as in events that version 0.1.0
 * logged.
 */
export type RequestLine = { method: string | null; path: string | null; query: string | null };

export const UNKNOWN_LINE: RequestLine = { method: null, path: null, query: null };

/** Scheme and host, path, and query. The URL is cut and not parsed, as a parser would write it anew. */
const URL_PARTS = /^[a-z]+:\/\/[^/?]*([^?]*)(?:\?(.*))?$/is;

/** Returns the line of a request as it is stored; `url` is absolute, `places` are those of the scheme. */
export function requestLine({ method, url }: { method: string; url: string }, places: SecretPlaces = {}): RequestLine {
  const [, path = "", query] = URL_PARTS.exec(url) ?? [];
  return { method, path, query: query === undefined ? null : maskedQuery(query, places) };
}

/** Returns path and query as one text, which is empty where they are not known. */
export function targetText({ path, query }: Pick<RequestLine, "path" | "query">): string {
  return query === null ? (path ?? "") : `${path}?${query}`;
}
