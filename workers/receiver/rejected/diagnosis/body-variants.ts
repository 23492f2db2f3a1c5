import { type Bytes, concat, equalBytes, fromBase64, fromUtf8, toBase64, utf8 } from "../../../../shared/bytes.ts";
import { CARRIAGE_RETURN, LINE_FEED } from "./characters.ts";
import type { BodyChange } from "./diagnosis.ts";
import type { JsonDocument } from "./json-bytes.ts";
import { documentOf, layouts, rareLayouts, spellings } from "./json-variants.ts";
import { decodedEntities, encodedForms, lineEnds, normalised, reencoded, unquoted } from "./text-variants.ts";
import { BYTE_WORK, SCAN_WORK, type Work } from "./work.ts";

/**
 * Originals of a body that a proxy or a framework changed on the way: each a guess for the signature to prove, the
 * likely ones first. Pure.
 */

/** One guess at the original body, and the change that would have made the received one of it. */
type BodyVariant = { change: BodyChange; body: Bytes };

/** A kind of change, and the originals it may have had; `when` tells whether the change is likely, or possible at all. */
type Guess = { change: BodyChange; when?: (seen: Seen) => boolean } & (
  | { bytes: (body: Uint8Array, work: Work) => Iterable<Bytes> }
  | { text: (text: string, work: Work) => Iterable<Bytes | string | null> }
  | { json: (document: JsonDocument, work: Work) => Iterable<Bytes> }
);

/** The received body. `text`: null unless it is valid UTF-8; `json`: the document that it may be, found once. */
type Seen = { body: Uint8Array; text: string | null; json: () => JsonDocument | null; work: Work };

const BOM = "\ufeff";

const holds =
  (...texts: string[]) =>
  ({ text }: Seen) =>
    texts.some((each) => text?.includes(each));
/** Compares lengths: UTF-8 writes a text that is not ASCII in more bytes than it has characters. */
const isNotAscii = ({ body, text }: Seen) => text?.length !== body.byteLength;

const GUESSES: readonly Guess[] = [
  { change: "newline", bytes: newlines },
  { change: "reserialised", json: layouts },
  { change: "not_signed", bytes: () => [new Uint8Array()] },
  // These are likely only if something in the body speaks for them.
  { change: "quoted", when: ({ text }) => text?.[0] === '"', text: (text) => [unquoted(text)] },
  { change: "html_escaped", when: holds("&quot;", "&amp;", "&lt;", "&gt;", "&#"), text: decodedEntities },
  { change: "form_encoding", when: holds("%", "+"), text: reencoded },
  { change: "base64", text: (text) => [fromBase64(text.trim())] },
  { change: "line_ends", when: holds("\n"), text: lineEnds },
  { change: "byte_order_mark", text: (text) => [text.startsWith(BOM) ? text.slice(1) : BOM + text] },
  {
    change: "reserialised",
    when: (seen) => isNotAscii(seen) || holds("\\", "/", "<", ">", "&")(seen),
    text: spellings,
  },
  { change: "charset", when: isNotAscii, bytes: charsets },
  { change: "normalised", when: isNotAscii, text: normalised },
  { change: "trimmed", text: (text) => [`${text} `, ` ${text}`, text.trim()] },
  { change: "reserialised", json: rareLayouts },
  { change: "base64", bytes: (body) => [utf8(toBase64(body))] },
  { change: "quoted", text: (text, work) => (work.affords(2 * SCAN_WORK * text.length) ? [JSON.stringify(text)] : []) },
  { change: "form_encoding", text: encodedForms },
];

/** Yields the variants that `work` affords, none twice and none equal to the body itself. */
export function* bodyVariants(body: Uint8Array, work: Work): Generator<BodyVariant> {
  const seen = look(body, work);
  const made = [body];
  for (const guess of GUESSES) {
    if (guess.when?.(seen) === false) continue;
    for (const variant of variantsOf(guess, seen)) {
      const bytes = typeof variant === "string" ? utf8(variant) : variant;
      if (bytes === null || made.some((each) => equalBytes(each, bytes))) continue;
      made.push(bytes);
      yield { change: guess.change, body: bytes };
    }
  }
}

function look(body: Uint8Array, work: Work): Seen {
  let document: JsonDocument | null | undefined;
  const json = () => {
    if (document === undefined) document = documentOf(body, work);
    return document;
  };
  return { body, text: fromUtf8(body), json, work };
}

function variantsOf(guess: Guess, { body, text, json, work }: Seen): Iterable<Bytes | string | null> {
  // One pass makes a variant, one compares it with the others; a text that is not ASCII takes longer to write out.
  const passes = "text" in guess && text?.length !== body.byteLength ? 4 : 2;
  if (!work.affords(1 + passes * BYTE_WORK * body.byteLength)) return [];
  if ("bytes" in guess) return guess.bytes(body, work);
  if ("text" in guess) return text === null ? [] : guess.text(text, work);
  const document = text === null ? null : json();
  return document === null ? [] : guess.json(document, work);
}

/** Returns the body without the newline at its end, and with either one. */
function newlines(body: Uint8Array): Bytes[] {
  const ending = body.at(-1) === LINE_FEED ? (body.at(-2) === CARRIAGE_RETURN ? 2 : 1) : 0;
  const bare = body.subarray(0, body.byteLength - ending) as Bytes;
  return [bare, concat(bare, Uint8Array.of(LINE_FEED)), concat(bare, Uint8Array.of(CARRIAGE_RETURN, LINE_FEED))];
}

/** Yields the body read as UTF-8 and written as Latin-1, and the other way round. */
function* charsets(body: Uint8Array, work: Work): Generator<Bytes> {
  if (!work.affords(2 * SCAN_WORK * body.byteLength)) return;
  const once = toLatin1(body);
  if (once !== null) yield once;
  yield fromLatin1(body);
}

/** Returns the UTF-8 of a text of which each byte is a character. */
function fromLatin1(body: Uint8Array): Bytes {
  const out = new Uint8Array(2 * body.byteLength);
  let length = 0;
  for (let i = 0; i < body.byteLength; i++) {
    const byte = body[i] ?? 0;
    if (byte < 0x80) out[length++] = byte;
    else {
      out[length++] = 0xc0 | (byte >> 6);
      out[length++] = 0x80 | (byte & 0x3f);
    }
  }
  return out.subarray(0, length);
}

/** Returns the characters of UTF-8 as bytes; null when it is no UTF-8, or a character exceeds a byte. */
function toLatin1(body: Uint8Array): Bytes | null {
  const text = fromUtf8(body);
  if (text === null) return null;
  const out = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff) return null;
    out[i] = code;
  }
  return out;
}
