import { fromBase64, fromUtf8, toBase64, utf8 } from "../../shared/bytes.ts";
import { type JsonLayout, jsonTokens, layOut } from "./json-text.ts";

/**
 * What a body may have been before a proxy or a framework changed it: each a guess to be proven by the
 * signature, the likely ones first. Pure.
 */
export type BodyVariant = { change: BodyChange; body: Uint8Array<ArrayBuffer> };

/** What happened on the way, as far as a matching signature proves it. */
export type BodyChange =
  | "newline"
  | "reserialised"
  | "line_ends"
  | "byte_order_mark"
  | "trimmed"
  | "charset"
  | "base64"
  | "quoted"
  | "form_encoding"
  | "html_escaped"
  | "normalised"
  | "not_signed";

/**
 * The first variants of a body, none twice and none that is the body itself; `limit` bytes of them at most, and
 * `all` of them or not.
 */
export function bodyVariants(body: Uint8Array, limit: number): { variants: BodyVariant[]; all: boolean } {
  const seen = new Set([keyOf(body)]);
  const variants: BodyVariant[] = [];
  let bytes = 0;
  for (const variant of candidates(body)) {
    const key = keyOf(variant.body);
    if (seen.has(key)) continue;
    seen.add(key);
    bytes += variant.body.byteLength;
    if (bytes > limit) return { variants, all: false };
    variants.push(variant);
  }
  return { variants, all: true };
}

function* candidates(body: Uint8Array): Generator<BodyVariant> {
  const text = fromUtf8(body);
  if (text === null) {
    // Bytes of another charset: each a character, which UTF-8 had written out.
    yield { change: "charset", body: utf8(latin1(body)) };
    yield { change: "base64", body: utf8(toBase64(body)) };
    return;
  }
  for (const [change, variant] of textVariants(text)) yield { change, body: utf8(variant) };
  yield* byteVariants(body, text);
  yield { change: "not_signed", body: new Uint8Array() };
}

function* textVariants(text: string): Generator<[BodyChange, string]> {
  const bare = text.replace(/\r?\n$/, "");
  for (const end of ["", "\n", "\r\n"]) yield ["newline", bare + end];
  yield ["line_ends", text.replace(/\r\n/g, "\n")];
  yield ["line_ends", text.replace(/\r?\n/g, "\r\n")];
  yield ["byte_order_mark", text.startsWith(BOM) ? text.slice(1) : BOM + text];
  yield ["trimmed", `${text} `];
  yield ["trimmed", ` ${text}`];
  yield ["trimmed", text.trim()];
  // Both are many: what every framework does comes before what few do.
  const serialised = serialisations(bare.replace(BOM, ""));
  yield* take(serialised, LAYOUTS.length);
  yield* decodings(text);
  yield* serialised;
}

/** The first of what a generator gives, which goes on after them. */
function* take<Value>(values: Generator<Value>, count: number): Generator<Value> {
  for (let taken = 0; taken < count; taken++) {
    const { value, done } = values.next();
    if (done) return;
    yield value;
  }
}

const BOM = "\ufeff";

const LAYOUTS: JsonLayout[] = [
  { indent: null, colon: ":", comma: "," },
  { indent: null, colon: ": ", comma: ", " },
  { indent: "  ", colon: ": ", comma: "," },
  { indent: "    ", colon: ": ", comma: "," },
  { indent: "\t", colon: ": ", comma: "," },
];
/** Deeper documents are left alone: their indentation alone would be larger than all else. */
const MAX_DEPTH = 64;

/** How the languages write the strings of JSON, by a token of it. */
const SPELLINGS: ((token: string) => string)[] = [
  (token) => token,
  // JavaScript, Ruby: everything but control characters as it is.
  unescaped,
  // Python: only ASCII.
  (token) => ascii(unescaped(token)),
  // PHP: ASCII, and no bare slash; or that one alone.
  (token) => ascii(unescaped(token)).replaceAll("/", "\\/"),
  (token) => unescaped(token).replaceAll("/", "\\/"),
  // Go: nothing that HTML would read.
  (token) => unescaped(token).replace(/[<>&\u2028\u2029]/g, codeOf),
  (token) => ascii(unescaped(token)).replace(/\\u[0-9a-f]{4}/g, (code) => `\\u${code.slice(2).toUpperCase()}`),
];

function* serialisations(text: string): Generator<[BodyChange, string]> {
  const tokens = jsonTokens(text);
  if (tokens === null || depthOf(tokens) > MAX_DEPTH) return;
  const spellings = new Set<string>();
  for (const spelling of SPELLINGS) {
    const spelled = tokens.map((token) => (token.startsWith('"') ? spelling(token) : token));
    // Most documents hold nothing that any two languages write differently.
    const written = spelled.join("");
    if (spellings.has(written)) continue;
    spellings.add(written);
    for (const layout of LAYOUTS) yield ["reserialised", layOut(spelled, layout)];
    if (spellings.size === 1) yield* sortedOnce(text);
    for (const layout of LAYOUTS) yield ["reserialised", `${layOut(spelled, layout)}\n`];
  }
}

function* sortedOnce(text: string): Generator<[BodyChange, string]> {
  const sorted = sortedKeys(text);
  if (sorted !== null) yield ["reserialised", sorted];
}

function* decodings(text: string): Generator<[BodyChange, string]> {
  if (text.startsWith('"')) yield ["quoted", unquoted(text)];
  yield ["quoted", JSON.stringify(text)];
  if (/&(?:quot|amp|lt|gt|#\d+);/.test(text)) yield ["html_escaped", unescapedHtml(text)];
  const decoded = percentDecoded(text);
  if (decoded !== null) {
    yield ["form_encoding", decoded];
    yield ["form_encoding", text.replaceAll("+", "%20")];
    yield ["form_encoding", text.replaceAll("%20", "+")];
    yield ["form_encoding", text.replace(/%[0-9a-f]{2}/gi, (code) => code.toUpperCase())];
    yield ["form_encoding", text.replace(/%[0-9a-f]{2}/gi, (code) => code.toLowerCase())];
  }
  yield ["form_encoding", encodeURIComponent(text.toWellFormed())];
  for (const form of ["NFC", "NFD"]) yield ["normalised", text.normalize(form)];
}

function* byteVariants(body: Uint8Array, text: string): Generator<BodyVariant> {
  if (/^[\0-\xff]*$/.test(text) && /[\x80-\xff]/.test(text)) {
    yield { change: "charset", body: Uint8Array.from(text, (char) => char.charCodeAt(0)) };
  }
  if (/[^\0-\x7f]/.test(text)) yield { change: "charset", body: utf8(latin1(body)) };
  const decoded = fromBase64(text.trim());
  if (decoded !== null) yield { change: "base64", body: decoded };
  yield { change: "base64", body: utf8(toBase64(body)) };
}

function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

function depthOf(tokens: readonly string[]): number {
  let [depth, deepest] = [0, 0];
  for (const token of tokens) {
    if (token === "{" || token === "[") deepest = Math.max(deepest, ++depth);
    else if (token === "}" || token === "]") depth--;
  }
  return deepest;
}

/** A string token with nothing escaped that need not be; as it is when no parser would take it. */
function unescaped(token: string): string {
  try {
    return JSON.stringify(JSON.parse(token));
  } catch {
    return token;
  }
}

function ascii(token: string): string {
  return token.replace(/[\x7f-\uffff]/g, codeOf);
}

function codeOf(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Numbers and duplicate keys do not survive this; where they matter, the signature says so. */
function sortedKeys(text: string): string | null {
  try {
    return JSON.stringify(JSON.parse(text), (_key, value) =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
        : value,
    );
  } catch {
    return null;
  }
}

function unquoted(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "string" ? value : text;
  } catch {
    return text;
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

function unescapedHtml(text: string): string {
  return text.replace(/&(?:quot|amp|lt|gt|#39|#34);/g, (entity) => ENTITIES[entity] ?? entity);
}

function percentDecoded(text: string): string | null {
  if (!/[%+]/.test(text)) return null;
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return null;
  }
}

/** Equal for equal bytes. */
function keyOf(bytes: Uint8Array): string {
  return fromUtf8(bytes) ?? `\0${toBase64(bytes)}`;
}
