import { html } from "hono/html";
import { visible } from "./visible.ts";

/** Marks a searched text within a text that came from elsewhere. */

/** Marks on one page: a letter is everywhere, and more would only make the page slow. */
const MAX_MARKS = 1_000;

/** Returns the text to show, with the first matches of `pattern` marked; null marks nothing. */
export function marked(text: string, pattern: RegExp | null): ReturnType<typeof html> {
  if (pattern === null) return html`${visible(text)}`;
  const parts: ReturnType<typeof html>[] = [];
  let at = 0;
  for (const { 0: found, index } of text.matchAll(new RegExp(pattern, "giu"))) {
    if (parts.length === MAX_MARKS) break;
    parts.push(html`${visible(text.slice(at, index))}<mark>${visible(found)}</mark>`);
    at = index + found.length;
  }
  return html`${parts}${visible(text.slice(at))}`;
}
