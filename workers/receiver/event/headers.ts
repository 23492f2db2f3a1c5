import { isSecretName, MASK, queryMasker } from "./masking.ts";

/** Headers as they are stored: in the runtime's order, values joined by it, secrets masked before a list exists. */
export type HeaderList = [name: string, value: string][];

/**
 * Returns the headers with their secret values masked, and the secrets of the query wherever a header repeats them;
 * `secretHeaders` are those of the scheme.
 */
export function maskedHeaders(
  headers: Iterable<[name: string, value: string]>,
  query: string,
  secretHeaders: readonly string[] = [],
): HeaderList {
  const mask = queryMasker(query);
  return [...headers].map(([name, value]) => {
    if (isSecretName(name) || secretHeaders.includes(name)) return [name, MASK];
    return [name, mask === null ? value : mask(value)];
  });
}
