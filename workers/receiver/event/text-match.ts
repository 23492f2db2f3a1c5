import { fromBase64 } from "../../../shared/bytes.ts";
import { type Excerpt, excerptOf } from "../../../shared/excerpt.ts";
import type { EventRecord } from "./record.ts";
import { targetText } from "./request-line.ts";
import { looseText, type TextSearch } from "./text-search.ts";

/** The place in an event that holds a searched text, for people who wonder why the event was found. Pure. */

/** A text that was found, and the part of the event that holds it. */
export type TextMatch = Excerpt & { place: "body" | "URL" | "headers" };

/** Returns the first match of a search in a record: in its body, then its URL, then its headers; null for none. */
export function matchIn({ shown }: TextSearch, record: EventRecord): TextMatch | null {
  const { body, encoding, headers } = record;
  const texts: [TextMatch["place"], string][] = [
    ["body", encoding ? looseText(fromBase64(body)) : body],
    ["URL", targetText(record)],
    ...headers.map(([name, value]): [TextMatch["place"], string] => ["headers", `${name}: ${value}`]),
  ];
  for (const [place, text] of texts) {
    const excerpt = excerptOf(text, shown);
    if (excerpt !== null) return { place, ...excerpt };
  }
  return null;
}
