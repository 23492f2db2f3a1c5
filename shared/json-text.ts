/**
 * JSON read as text: its depth, and its parts as they were written. Numbers, escapes, the order of members and repeated
 * keys are the publisher's own; parsing and printing would change each of them. The text is valid JSON, but for
 * `isDeeper`, which takes any.
 */

/** The deepest JSON that is taken anywhere: parsing and showing recurse, and every reader has its own limit. */
export const JSON_DEPTH_LIMIT = 200;

/** A part of an object or an array; `key` is null in an array. */
export type JsonPart = { key: string | null; text: string };

/** Returns whether arrays and objects are nested deeper than `limit`. */
export function isDeeper(text: string, limit: number): boolean {
  if (text.length <= limit) return false;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === '"') i = stringEnd(text, i);
    else if (char === "{" || char === "[") {
      if (++depth > limit) return true;
    } else if (char === "}" || char === "]") depth--;
  }
  return false;
}

/** Returns the members of an object, repeated ones too, or the elements of an array, each as it was written. */
export function jsonParts(text: string): JsonPart[] {
  const parts: JsonPart[] = [];
  let key: string | null = null;
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === '"') i = stringEnd(text, i);
    else if (char === "{" || char === "[") {
      if (++depth === 1) start = i + 1;
    } else if (char === ":" && depth === 1) {
      key = JSON.parse(text.slice(start, i)) as string;
      start = i + 1;
    } else if ((char === "," && depth === 1) || ((char === "}" || char === "]") && --depth === 0)) {
      const part = text.slice(start, i).trim();
      // Only an empty array or object ends without a part before.
      if (part !== "") parts.push({ key, text: part });
      key = null;
      start = i + 1;
    }
  }
  return parts;
}

/** Returns the index of the quote that ends the string begun at `start`. */
function stringEnd(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text[end - 1 - slashes] === "\\") slashes++;
    if (slashes % 2 === 0) return end;
  }
  return text.length;
}
