import { fromBase64, fromUtf8 } from "../../../shared/bytes.ts";
import type { HeaderList } from "./headers.ts";
import type { EventRecord, EventRow } from "./record.ts";

/**
 * Text search. Letters are alike as Unicode's simple case folding has them, which maps one character to one:
 * so what holds a text still holds it when both are escaped as JSON, and unparsed lines can be sieved.
 */

/** Headers are searched as `name: value`; this is what stands between the two, there and in JSON. */
const JOINT = { shown: ": ", stored: '","' };

/** What finds a text: `shown` in text itself, `stored` where that may hold it as JSON. */
export type TextSearch = { shown: RegExp; stored: RegExp };

export function textSearch(q: string): TextSearch {
  return { shown: new RegExp(RegExp.escape(q), "iu"), stored: storedPattern(q) };
}

/** Whether a header or the body holds the text; a body that is not text is searched as the text in its bytes. */
export function holdsText({ shown }: TextSearch, { headers, body, encoding }: EventRecord): boolean {
  return inHeaders(shown, headers) || shown.test(encoding ? looseText(fromBase64(body)) : body);
}

/** The same of a tail's row, whose headers are parsed only when they may hold it. */
export function rowHoldsText({ shown, stored }: TextSearch, row: Pick<EventRow, "headers" | "body">): boolean {
  const bytes = new Uint8Array(row.body);
  if (shown.test(fromUtf8(bytes) ?? looseText(bytes))) return true;
  return stored.test(row.headers) && inHeaders(shown, JSON.parse(row.headers));
}

function inHeaders(pattern: RegExp, headers: HeaderList): boolean {
  return headers.some(([name, value]) => pattern.test(`${name}${JOINT.shown}${value}`));
}

/** The text in bytes that are not all text; what is not UTF-8 matches nothing that a person types. */
function looseText(bytes: Uint8Array | null): string {
  return new TextDecoder().decode(bytes ?? new Uint8Array());
}

/** Finds what holds `q` where it is escaped as JSON, and where a header's name and value stand apart. */
export function storedPattern(q: string): RegExp {
  const escaped = (part: string) => RegExp.escape(JSON.stringify(part).slice(1, -1));
  const either = (shown: string) => `(?:${shown}|${JOINT.stored})`;
  const [, first = "", middle = "", last = ""] = /^( ?)(.*?)(:?)$/su.exec(q) ?? [];
  const parts = [
    first && either(first),
    middle.split(JOINT.shown).map(escaped).join(either(JOINT.shown)),
    last && either(last),
  ];
  return new RegExp(parts.join(""), "iu");
}
