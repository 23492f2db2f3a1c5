import { type Bytes, utf8 } from "../../../../shared/bytes.ts";
import { AMPERSAND, BACKSLASH, GREATER, LESS, LINE_FEED, SLASH } from "./characters.ts";
import { type JsonDocument, type JsonLayout, jsonDocument, keysIn, layOut, lengthIn } from "./json-bytes.ts";
import { countOf, ESCAPE_WORK, REPLACE_WORK, SCAN_WORK, type Work } from "./work.ts";

/** Originals of a JSON body that was parsed and serialised again on the way, the likely ones first. Pure. */

const COMPACT: JsonLayout = { indent: null, colon: false, comma: false };
/** Python's default. */
const SPACED: JsonLayout = { indent: null, colon: true, comma: true };
const TWO: JsonLayout = { indent: "  ", colon: true, comma: false };
const FOUR: JsonLayout = { indent: "    ", colon: true, comma: false };
const TAB: JsonLayout = { indent: "\t", colon: true, comma: false };

/** Yields the usual layouts of every framework, with the strings as they are, and with a final line feed where usual. */
export function* layouts(document: JsonDocument, work: Work): Generator<Bytes> {
  for (const layout of [COMPACT, SPACED, TWO]) {
    for (const bytes of laidOut(document, [layout], work)) {
      yield bytes;
      if (layout !== SPACED) yield withLineFeed(bytes);
    }
  }
}

/** Yields rare layouts, and the document with its keys in order. */
export function* rareLayouts(document: JsonDocument, work: Work): Generator<Bytes> {
  for (const bytes of laidOut(document, [SPACED], work)) yield withLineFeed(bytes);
  yield* laidOut(document, [FOUR, TAB], work);
  if (work.affords(SORT_WORK.byte * document.compact.byteLength + SORT_WORK.key * keysIn(document)))
    yield* sorted(document);
}

/** A language's spelling of strings, made from a document with only necessary escapes, and its usual layouts. */
type Spelling = { spell: (bare: string) => string; layouts: readonly JsonLayout[]; slashes?: true; lineFeed?: true };

const SPELLINGS: readonly Spelling[] = [
  // Python: only ASCII.
  { spell: ascii, layouts: [SPACED, COMPACT] },
  // JavaScript, Ruby, Rust: everything but control characters as it is.
  { spell: (bare) => bare, layouts: [COMPACT, SPACED, TWO] },
  // PHP: ASCII, and no bare slash; or that one alone.
  { spell: (bare) => ascii(bare).replaceAll("/", "\\/"), layouts: [COMPACT, FOUR], slashes: true },
  { spell: (bare) => bare.replaceAll("/", "\\/"), layouts: [COMPACT], slashes: true },
  // Go: nothing that HTML would read; its Encoder ends with a line feed.
  { spell: (bare) => bare.replace(/[<>&\u2028\u2029]/g, escapeOf), layouts: [COMPACT, TWO], lineFeed: true },
  // Java: only ASCII, in upper case.
  { spell: (bare) => bare.replace(NOT_ASCII, (char) => `\\u${hexOf(char).toUpperCase()}`), layouts: [COMPACT] },
];

const NOT_ASCII = /[\x7f-\uffff]/g;

/** Yields the document with its strings as other languages write them. */
export function* spellings(text: string, work: Work): Generator<Bytes> {
  // Only a text that begins like a document: to look further would cost more than it is worth.
  if (!/^\s*[{[]/.test(text) || !work.affords(SCAN_WORK * text.length)) return;
  if (!work.affords(ESCAPE_WORK * countOf(text, (code) => code === BACKSLASH))) return;
  const bare = unescaped(text);
  const escapes = countOf(bare, (code) => code >= 0x7f || code === LESS || code === GREATER || code === AMPERSAND);
  const slashed = countOf(bare, (code) => code === SLASH);
  const written = new Set([text]);
  for (const { spell, layouts: usual, slashes, lineFeed } of SPELLINGS) {
    if (!work.affords(ESCAPE_WORK * escapes + (slashes ? REPLACE_WORK * slashed : 0))) continue;
    const spelled = spell(bare);
    if (written.has(spelled)) continue;
    written.add(spelled);
    const document = documentOf(utf8(spelled), work);
    for (const bytes of document === null ? [] : laidOut(document, usual, work)) {
      yield bytes;
      if (lineFeed) yield withLineFeed(bytes);
    }
  }
}

/** Returns the document that a body may be; null also when there is not enough work left to find out. */
export function documentOf(body: Uint8Array, work: Work): JsonDocument | null {
  return work.affords(SCAN_WORK * body.byteLength) ? jsonDocument(body) : null;
}

function* laidOut(document: JsonDocument, usual: readonly JsonLayout[], work: Work): Generator<Bytes> {
  for (const layout of usual) {
    const size = lengthIn(document, layout);
    if (layout === COMPACT) yield document.compact;
    else if (work.affords(SCAN_WORK * size + PLACE_WORK * document.count)) yield layOut(document, layout, size);
  }
}

function withLineFeed(bytes: Bytes): Bytes {
  const longer = new Uint8Array(bytes.byteLength + 1);
  longer.set(bytes);
  longer[bytes.byteLength] = LINE_FEED;
  return longer;
}

/** Returns the text with only necessary escapes, as JSON.stringify writes them. */
function unescaped(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|.)/g, (match, hex?: string) => {
    if (hex === undefined) return match === "\\/" ? "/" : match;
    const char = String.fromCharCode(Number.parseInt(hex, 16));
    return char < " " || char === '"' || char === "\\" ? JSON.stringify(char).slice(1, -1) : char;
  });
}

function ascii(text: string): string {
  return text.replace(NOT_ASCII, escapeOf);
}

function escapeOf(char: string): string {
  return `\\u${hexOf(char)}`;
}

function hexOf(char: string): string {
  return char.charCodeAt(0).toString(16).padStart(4, "0");
}

/** Units for a place where a layout may put white space. */
const PLACE_WORK = 0.012;
/** Units for a byte, as each value of the document passes through a function, and for a key that is sorted. */
const SORT_WORK = { byte: 0.04, key: 1 };

/** Yields the document with its keys in order. Big numbers and duplicate keys do not survive; then no signature matches. */
function* sorted({ compact }: JsonDocument): Generator<Bytes> {
  try {
    yield utf8(JSON.stringify(JSON.parse(new TextDecoder().decode(compact)), inOrder));
  } catch {
    // The text is no document after all.
  }
}

function inOrder(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
