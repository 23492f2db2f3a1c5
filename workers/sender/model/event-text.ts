import type { LoggedEvent } from "./event.ts";
import { readBodyText } from "./event-body.ts";

/** Text search in events: in the data as it was written, and in the id. Upper and lower case are alike. Pure. */

export const MAX_QUERY_LENGTH = 200;

export type TextFilter = (event: Pick<LoggedEvent, "id" | "body">) => boolean;

/** Returns whether an event holds a text. */
export function textFilter(q: string): TextFilter {
  const pattern = textPattern(q);
  return ({ id, body }) => pattern.test(id) || pattern.test(readBodyText(body).data);
}

/** Returns a pattern of a text. A publisher may have escaped it: each way to write it in JSON counts. */
export function textPattern(q: string): RegExp {
  const escaped = JSON.stringify(q).slice(1, -1);
  const ways = new Set([q, escaped, inAscii(escaped)]);
  return new RegExp([...ways].map((way) => RegExp.escape(way)).join("|"), "iu");
}

/** Returns JSON text as writers print it that leave ASCII alone. */
function inAscii(text: string): string {
  return text.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
