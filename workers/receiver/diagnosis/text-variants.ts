import { countOf, ESCAPE_WORK, SCAN_WORK, type Work } from "./work.ts";

/** What a text may have been before its characters were escaped, or their escapes undone. Pure. */

/** The text that a JSON string stands for; null when it is none. */
export function unquoted(text: string): string | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "string" ? value : null;
  } catch {
    return null;
  }
}

const ENTITIES: Record<string, string> = {
  "&quot;": '"',
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&#39;": "'",
  "&#34;": '"',
};
const AMPERSAND = 0x26;

/** Before HTML's escapes. */
export function* decodedEntities(text: string, work: Work): Generator<string> {
  if (!work.affords(SCAN_WORK * text.length + ESCAPE_WORK * countOf(text, (code) => code === AMPERSAND))) return;
  yield text.replace(/&(?:quot|amp|lt|gt|#39|#34);/g, (entity) => ENTITIES[entity] ?? entity);
}

const PERCENT = 0x25;
const CODE = /%[0-9a-f]{2}/gi;

/** With a form's percent-encoding undone, or written another way. */
export function* reencoded(text: string, work: Work): Generator<string> {
  const decoded = decodable(text);
  // What is no form holds these by chance.
  if (decoded === null) return;
  yield text.replaceAll("+", "%20");
  yield text.replaceAll("%20", "+");
  yield decoded;
  if (!work.affords(SCAN_WORK * text.length + 2 * ESCAPE_WORK * countOf(text, (code) => code === PERCENT))) return;
  yield text.replace(CODE, (code) => code.toUpperCase());
  yield text.replace(CODE, (code) => code.toLowerCase());
}

function decodable(text: string): string | null {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return null;
  }
}

/** Before one decoding too many. */
export function* encodedForms(text: string, work: Work): Generator<string> {
  if (work.affords(2 * SCAN_WORK * text.length)) yield encodeURIComponent(text.toWellFormed());
}
