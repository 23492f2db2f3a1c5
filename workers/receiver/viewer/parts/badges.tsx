import { Badge, type BadgeProps } from "../../../../shared/pages/parts.tsx";
import type { Verification } from "../../event/record.ts";

/** Small parts that several pages of the viewer have: the verification of an event, and text to copy. */

type VerificationText = BadgeProps & { short: string; long: string };

/** Verification of an event as a badge, in a word or two, and in full. */
const VERIFICATIONS: Record<Verification, VerificationText> = {
  verified: {
    ...{ kind: "good", sign: "●", text: "Verified", short: "by its signature" },
    long: "a signature covers the exact bytes of the body",
  },
  authenticated: {
    ...{ kind: "wait", sign: "◐", text: "Authenticated", short: "by a token" },
    long: "by a shared token; no signature covers it",
  },
  unverified: {
    ...{ kind: "bad", sign: "○", text: "Unverified", short: "no proof asked" },
    long: "its source asks for no proof",
  },
};

/** Verification of an event, in short or in `full`. */
export function VerificationBadge({ verification, full = false }: { verification: Verification; full?: boolean }) {
  const { short, long, ...badge } = VERIFICATIONS[verification];
  return (
    <span class="check" title={full ? undefined : long}>
      <Badge {...badge} /> <span class="quiet">{full ? long : short}</span>
    </span>
  );
}

/** A button that copies `text`, or the text of the element `from`, or what is at `url`. The script shows it where the browser can copy. */
export function CopyButton({
  label,
  text,
  from,
  url,
  what,
}: {
  label: string;
  text?: string;
  from?: string;
  url?: string;
  what?: string;
}) {
  return (
    <button type="button" class="copy" hidden data-copy={text} data-copy-from={from} data-copy-url={url}>
      {label}
      {what && <span class="unseen"> {what}</span>}
    </button>
  );
}

/** Lines to copy. */
export function Snippet({ id, label, text }: { id: string; label: string; text: string }) {
  return (
    <section class="snippet" aria-label={label}>
      <pre id={id} tabindex={0}>
        <span>{text}</span>
      </pre>
      <CopyButton label="Copy" what={label} from={id} />
    </section>
  );
}
