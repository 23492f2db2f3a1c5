/** Small parts that the pages of both Workers have. */

/** How something stands: a sign and a word beside the colour, which not everyone sees. */
export function State({ kind, sign, text }: { kind: "good" | "bad" | "wait"; sign: string; text: string }) {
  return (
    <span class={`state ${kind}`}>
      <span aria-hidden="true">{sign}</span>
      {text}
    </span>
  );
}

/** A moment, to the second, in UTC like the log's. */
export function Time({ at }: { at: string | number }) {
  const iso = new Date(at).toISOString();
  return (
    <time class="number" datetime={iso}>
      {iso.slice(0, 19).replace("T", " ")} UTC
    </time>
  );
}
