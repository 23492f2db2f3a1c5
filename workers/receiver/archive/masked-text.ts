import { isSecretName, MASK } from "../../../shared/secret-name.ts";
import { maskedQuery } from "../event/masking.ts";

/** Tells by the text of a segment if any of its events is to be masked before it is shown. Pure. */

/** The beginning of a header, and of what follows a name: within a string these quotes would be escaped. */
const HEADER_BEGIN = '["';
const MASKED_END = `","${MASK}"]`;
const STORED_QUERY = /"query":"((?:[^"\\]|\\.)*)"/g;

/**
 * Tells whether nothing in a segment's text would be masked today that was not when it was logged. A text may pass for
 * one with a secret where it has none, never the other way round.
 */
export function isMasked(text: string): boolean {
  for (let at = text.indexOf(HEADER_BEGIN); at !== -1; at = text.indexOf(HEADER_BEGIN, at + 1)) {
    const name = text.slice(at + HEADER_BEGIN.length, text.indexOf('"', at + HEADER_BEGIN.length));
    if (isSecretName(name) && !text.startsWith(MASKED_END, at + HEADER_BEGIN.length + name.length)) return false;
  }
  return text.matchAll(STORED_QUERY).every(([, query = ""]) => maskedQuery(query) === query);
}
