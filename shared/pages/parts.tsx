import { visible } from "./visible.ts";

/** Small parts that the pages of both Workers have. */

/** A state as a sign and a word beside its colour, which not everyone sees. */
export function Badge({ kind, sign, text }: BadgeProps) {
  return (
    <span class={`state ${kind}`}>
      <span aria-hidden="true">{sign}</span>
      {text}
    </span>
  );
}

export type BadgeProps = { kind: "good" | "bad" | "wait"; sign: string; text: string };

/** A moment in UTC, to the second. */
export function Time({ at }: { at: string | number }) {
  const iso = new Date(at).toISOString();
  return (
    <time class="number" datetime={iso}>
      {iso.slice(0, 19).replace("T", " ")} UTC
    </time>
  );
}

/**
 * Text that came from elsewhere. The direction of the text around it does not reach it, and characters that are
 * invisible or reorder text are shown by their code, so that nothing can pose as something else.
 */
export function Foreign({ text }: { text: string }) {
  return <bdi>{visible(text)}</bdi>;
}

/** The same with its line breaks, in a box of its own: the box scrolls, so the keyboard must reach it. */
export function ForeignBlock({ label, text }: { label: string; text: string }) {
  return (
    <section aria-label={label}>
      <pre tabindex={0}>
        <Foreign text={text} />
      </pre>
    </section>
  );
}
