import { fromBase64 } from "../../../shared/bytes.ts";
import type { EventRecord } from "./record.ts";
import { targetText } from "./request-line.ts";
import { looseText, type TextSearch } from "./text-search.ts";

/** The place in an event that holds a searched text, for people who wonder why the event was found. Pure. */

/** Characters shown on each side of the text. */
const AROUND = 40;

/** A text that was found: where, as it stands there, and what stands on both sides of it. */
export type TextMatch = { place: "body" | "URL" | "headers"; before: string; text: string; after: string };

/** Returns the first match of a search in a record: in its body, then its URL, then its headers; null for none. */
export function matchIn({ shown }: TextSearch, record: EventRecord): TextMatch | null {
  const { body, encoding, headers } = record;
  const texts: [TextMatch["place"], string][] = [
    ["body", encoding ? looseText(fromBase64(body)) : body],
    ["URL", targetText(record)],
    ...headers.map(([name, value]): [TextMatch["place"], string] => ["headers", `${name}: ${value}`]),
  ];
  for (const [place, text] of texts) {
    const match = shown.exec(text);
    if (match !== null) return { place, ...around(text, match.index, match[0].length) };
  }
  return null;
}

/** Returns a part of a text with what stands around it, cut between characters; an ellipsis shows each cut. */
function around(text: string, at: number, length: number): Omit<TextMatch, "place"> {
  const end = at + length;
  const [from, to] = [boundary(text, Math.max(0, at - AROUND)), boundary(text, Math.min(text.length, end + AROUND))];
  const before = (from > 0 ? "…" : "") + text.slice(from, at);
  return { before, text: text.slice(at, end), after: text.slice(end, to) + (to < text.length ? "…" : "") };
}

/** Returns a place in a text that divides no surrogate pair. */
function boundary(text: string, at: number): number {
  return /[\udc00-\udfff]/.test(text[at] ?? "") && /[\ud800-\udbff]/.test(text[at - 1] ?? "") ? at - 1 : at;
}
