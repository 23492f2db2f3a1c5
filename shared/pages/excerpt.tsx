import type { Excerpt } from "../excerpt.ts";
import { visible } from "./visible.ts";

/** The place where a searched text was found, on one line. */

/** A found text, marked, with some of what stands around it. */
export function ExcerptText({ before, text, after }: Excerpt) {
  return (
    <bdi class="mono">
      {oneLine(before)}
      <mark>{oneLine(text)}</mark>
      {oneLine(after)}
    </bdi>
  );
}

/** Returns a text without its line breaks, which an excerpt of one line has no room for. */
function oneLine(text: string): string {
  return visible(text.replace(/\s+/g, " "));
}
