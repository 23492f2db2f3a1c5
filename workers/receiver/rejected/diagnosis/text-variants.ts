import { AMPERSAND, LINE_FEED, PERCENT, PLUS } from "./characters.ts";
import { countOf, ESCAPE_WORK, REPLACE_WORK, SCAN_WORK, type Work } from "./work.ts";

/** Originals of a text whose characters were escaped or unescaped on the way. Pure. */

/** Returns the text that a JSON string stands for; null when the text is none. */
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

/** Yields the text before it was escaped for HTML. */
export function* decodedEntities(text: string, work: Work): Generator<string> {
  if (!work.affords(SCAN_WORK * text.length + ESCAPE_WORK * countOf(text, (code) => code === AMPERSAND))) return;
  yield text.replace(/&(?:quot|amp|lt|gt|#39|#34);/g, (entity) => ENTITIES[entity] ?? entity);
}

const PERCENT_CODE = /%[0-9a-f]{2}/gi;

/** Yields the text with a form's percent-encoding undone, or written another way. */
export function* reencoded(text: string, work: Work): Generator<string> {
  const replaced = 2 * countOf(text, (code) => code === PLUS || code === PERCENT);
  if (!work.affords(SCAN_WORK * text.length + REPLACE_WORK * replaced)) return;
  const decoded = decodable(text);
  // A text that is no form holds percent signs by chance.
  if (decoded === null) return;
  yield text.replaceAll("+", "%20");
  yield text.replaceAll("%20", "+");
  yield decoded;
  if (!work.affords(SCAN_WORK * text.length + 2 * ESCAPE_WORK * countOf(text, (code) => code === PERCENT))) return;
  yield text.replace(PERCENT_CODE, (code) => code.toUpperCase());
  yield text.replace(PERCENT_CODE, (code) => code.toLowerCase());
}

function decodable(text: string): string | null {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return null;
  }
}

/** Yields the text with either line end throughout. */
export function* lineEnds(text: string, work: Work): Generator<string> {
  const replaced = 2 * countOf(text, (code) => code === LINE_FEED);
  if (!work.affords(SCAN_WORK * text.length + REPLACE_WORK * replaced)) return;
  const bare = text.replaceAll("\r\n", "\n");
  yield bare;
  yield bare.replaceAll("\n", "\r\n");
}

/** Units for both normal forms: for a character, and for each that a mark may have to be ordered with. */
const NORMALISE_WORK = { character: 0.03, step: 0.0016 };

/** Yields the text composed and decomposed. Marks in a row are sorted, which costs the square of their number. */
export function* normalised(text: string, work: Work): Generator<string> {
  let [characters, steps, run] = [0, 0, 0];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    run = mayBeMark(code) ? run + 1 : 0;
    steps += run;
    if (code >= 0x80) characters++;
  }
  const { character, step } = NORMALISE_WORK;
  if (!work.affords(SCAN_WORK * text.length + character * characters + step * steps)) return;
  yield text.normalize("NFC");
  yield text.normalize("NFD");
}

/** Tells marks, of which U+0300 is the first, from ideographs and syllables of Hangul, which stand in long rows. */
function mayBeMark(code: number): boolean {
  return code >= 0x300 && !(code >= 0x3100 && code < 0xa66f) && !(code >= 0xac00 && code < 0xd7a4);
}

/** Yields the text before one decoding too many. */
export function* encodedForms(text: string, work: Work): Generator<string> {
  if (work.affords(2 * SCAN_WORK * text.length)) yield encodeURIComponent(text.toWellFormed());
}
