import { ExcerptText } from "../../../../shared/pages/excerpt.tsx";
import type { TextMatch } from "../../event/text-match.ts";

/** The place where a searched text was found, with some of what stands around it. */
export function MatchText({ match: { place, ...excerpt } }: { match: TextMatch }) {
  return (
    <span class="match">
      <span class="quiet">in the {place}:</span> <ExcerptText {...excerpt} />
    </span>
  );
}
