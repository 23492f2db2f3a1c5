import { marked } from "./marked.ts";
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

/** A moment to the second, `exact` to the millisecond. The script turns it into the reader's time (client/local-time.js). */
export function Time({ at, exact = false }: { at: string | number; exact?: boolean }) {
  const iso = new Date(at).toISOString();
  return (
    <time class="moment" datetime={iso} data-form={exact ? "exact" : undefined}>
      {iso.slice(0, exact ? 23 : 19).replace("T", " ")} UTC
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

/**
 * The same with its line breaks, in a box of its own: the box scrolls, so the keyboard must reach it. Matches of
 * `pattern` are marked.
 */
export function ForeignBlock({ label, text, pattern = null }: ForeignBlockProps) {
  return (
    <section aria-label={label}>
      <pre tabindex={0}>
        <bdi>{marked(text, pattern)}</bdi>
      </pre>
    </section>
  );
}

type ForeignBlockProps = { label: string; text: string; pattern?: RegExp | null };
