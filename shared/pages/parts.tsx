import { visible } from "./visible.ts";

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

/** Lines to paste, each with what it does. */
export function Lines({ lines }: { lines: readonly (readonly [string, string])[] }) {
  return (
    <dl>
      {lines.map(([what, line]) => (
        <>
          <dt>{what}</dt>
          <dd>
            <pre tabindex={0}>{line}</pre>
          </dd>
        </>
      ))}
    </dl>
  );
}

/**
 * Text that came from elsewhere, isolated from the direction of the text around it; control characters and
 * those that reorder text are shown by their code, so that nothing can look like what it is not.
 */
export function Foreign({ text }: { text: string }) {
  return <bdi>{visible(text)}</bdi>;
}
