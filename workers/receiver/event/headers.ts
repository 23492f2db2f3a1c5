import { isSecretName, MASK } from "../../../shared/secret-name.ts";
import { maskedQuery, queryMasker, type SecretPlaces } from "./masking.ts";
import type { RequestLine } from "./request-line.ts";

/** Headers as they are stored: in the runtime's order, values joined by it, secrets masked before a list exists. */
export type HeaderList = [name: string, value: string][];

/**
 * Returns the headers with their secret values masked, and the secrets of the query wherever a header repeats them;
 * `places` are those of the scheme.
 */
export function maskedHeaders(
  headers: Iterable<[name: string, value: string]>,
  query: string,
  places: SecretPlaces = {},
): HeaderList {
  const mask = queryMasker(query, places);
  // The entries are the list's own: only a value that is masked makes another.
  return Array.from(headers, (entry): [name: string, value: string] => {
    const [name, value] = entry;
    if (isSecretName(name) || places.secretHeaders?.includes(name)) return [name, MASK];
    return mask === null ? entry : [name, mask(value)];
  });
}

/** Name under which the record of a source that tests its sender says what was answered. */
export const ANSWERED_HEADER = "webhook-answered";

/** Returns the headers with the status that was answered, in the place of what the sender may have put there. */
export function withAnswered(headers: HeaderList, status: number | null): HeaderList {
  const others = headers.filter(([name]) => name !== ANSWERED_HEADER);
  return status === null ? others : [...others, [ANSWERED_HEADER, String(status)]];
}

/** Returns what was stored as every reader gets it, masked anew: it may be older than a name that the rule knows now. */
export function maskedAnew<Stored extends Pick<RequestLine, "query"> & { headers: HeaderList }>(
  stored: Stored,
): Stored {
  const query = stored.query === null ? null : maskedQuery(stored.query);
  return { ...stored, query, headers: maskedHeaders(stored.headers, stored.query ?? "") };
}
