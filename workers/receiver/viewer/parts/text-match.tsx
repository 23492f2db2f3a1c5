import { visible } from "../../../../shared/pages/visible.ts";
import type { TextMatch } from "../../event/text-match.ts";

/** The place where a searched text was found, with some of what stands around it. */
export function MatchText({ match: { place, before, text, after } }: { match: TextMatch }) {
  return (
    <span class="match">
      <span class="quiet">in the {place}:</span>{" "}
      <bdi class="mono">
        {oneLine(before)}
        <mark>{oneLine(text)}</mark>
        {oneLine(after)}
      </bdi>
    </span>
  );
}

/** Returns a text without its line breaks, which an excerpt of one line has no room for. */
function oneLine(text: string): string {
  return visible(text.replace(/\s+/g, " "));
}
