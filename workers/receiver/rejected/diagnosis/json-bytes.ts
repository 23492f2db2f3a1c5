import { type Bytes, utf8 } from "../../../../shared/bytes.ts";
import { BACKSLASH, LINE_FEED, QUOTE, SPACE } from "./characters.ts";

/**
 * JSON as bytes. Only the white space of a document changes here, so everything stays that a parser would lose: big
 * integers, duplicate keys, escapes, the order of keys. Pure.
 */

/**
 * An object or array without white space, and the places where a layout may add some, in their order: each with the
 * depth that follows and its kind (after a colon, after a comma, or beside a bracket).
 */
export type JsonDocument = {
  compact: Bytes;
  count: number;
  places: Uint32Array;
  depths: Uint16Array;
  kinds: Uint8Array;
};

/** Kinds of bytes outside of strings; FOREIGN may not stand there. */
const FOREIGN = 0;
const PLAIN = 1;
const WHITE = 2;
const OPENING = 3;
const CLOSING = 4;
const COLON = 5;
const COMMA = 6;
const KINDS = new Uint8Array(256);
for (const [text, kind] of [
  ['truefalsn0123456789+-.E"', PLAIN],
  [" \t\r\n", WHITE],
  ["{[", OPENING],
  ["}]", CLOSING],
  [":", COLON],
  [",", COMMA],
] as const) {
  for (const byte of utf8(text)) KINDS[byte] = kind;
}

const MAX_JSON_DEPTH = 0xffff;

/**
 * Returns the document that the bytes may be; null when something in them is no part of a document. The grammar is not
 * checked: a matching signature proves more.
 */
export function jsonDocument(bytes: Uint8Array): JsonDocument | null {
  const end = bytes.byteLength;
  const compact = new Uint8Array(end);
  const [places, depths, kinds] = [new Uint32Array(end), new Uint16Array(end), new Uint8Array(end)];
  let [length, depth, count, before] = [0, 0, 0, FOREIGN];
  for (let i = 0; i < end; i++) {
    const byte = bytes[i] ?? 0;
    const kind = KINDS[byte] ?? FOREIGN;
    if (kind === WHITE) continue;
    if (kind === FOREIGN || (length === 0 && kind !== OPENING)) return null;
    if (kind === CLOSING && --depth < 0) return null;
    // An empty object or array stays on its line: there is no place between its brackets.
    if (before === OPENING ? kind !== CLOSING : kind === CLOSING) {
      places[count] = length;
      depths[count] = depth;
      kinds[count++] = OPENING;
    }
    compact[length++] = byte;
    before = kind;
    if (kind === PLAIN && byte === QUOTE) {
      for (let inside = true; inside; ) {
        if (++i >= end) return null;
        const char = bytes[i] ?? 0;
        compact[length++] = char;
        if (char === BACKSLASH) compact[length++] = bytes[++i] ?? 0;
        else inside = char !== QUOTE;
      }
    } else if (kind >= COLON) {
      places[count] = length;
      depths[count] = depth;
      kinds[count++] = kind;
    } else if (kind === OPENING && ++depth > MAX_JSON_DEPTH) return null;
  }
  return depth === 0 && length > 0 ? { compact: compact.subarray(0, length), count, places, depths, kinds } : null;
}

/** White space of a document. `indent` null: one line; else one character, repeated. `colon`, `comma`: a space follows. */
export type JsonLayout = { indent: string | null; colon: boolean; comma: boolean };

/** Returns the length of the document in a layout. */
export function lengthIn({ compact, count, depths, kinds }: JsonDocument, layout: JsonLayout): number {
  const { indent, colon, comma } = layout;
  let length = compact.byteLength;
  for (let i = 0; i < count; i++) {
    if (kinds[i] === COLON) length += colon ? 1 : 0;
    else if (indent !== null) length += 1 + (depths[i] ?? 0) * indent.length;
    else if (kinds[i] === COMMA && comma) length += 1;
  }
  return length;
}

/** Returns how many keys the document's objects have. */
export function keysIn({ count, kinds }: JsonDocument): number {
  let keys = 0;
  for (let i = 0; i < count; i++) if (kinds[i] === COLON) keys++;
  return keys;
}

/** Returns the document in a layout; `size` is what `lengthIn` returned. */
export function layOut(document: JsonDocument, layout: JsonLayout, size: number): Bytes {
  const { compact, count, places, depths, kinds } = document;
  const { indent, colon, comma } = layout;
  const [unit, width] = [indent?.charCodeAt(0) ?? SPACE, indent?.length ?? 0];
  const out = new Uint8Array(size);
  let [length, from] = [0, 0];
  for (let i = 0; i < count; i++) {
    const place = places[i] ?? 0;
    while (from < place) out[length++] = compact[from++] ?? 0;
    if (kinds[i] === COLON) {
      if (colon) out[length++] = SPACE;
    } else if (indent !== null) {
      out[length++] = LINE_FEED;
      for (let spaces = (depths[i] ?? 0) * width; spaces > 0; spaces--) out[length++] = unit;
    } else if (kinds[i] === COMMA && comma) out[length++] = SPACE;
  }
  out.set(compact.subarray(from), length);
  return out;
}
