import { State } from "../../../../shared/pages/parts.tsx";
import type { Verification } from "../../event/record.ts";
import { momentText } from "./text.ts";

type Checked = { kind: "good" | "wait" | "bad"; sign: string; text: string; by: string; why: string };

/** How a record was checked: the badge, its reason in a word, and what it is worth. */
const CHECKS: Record<Verification, Checked> = {
  verified: {
    ...{ kind: "good", sign: "●", text: "Verified", by: "by its signature" },
    why: "a signature covers the exact bytes of the body",
  },
  authenticated: {
    ...{ kind: "wait", sign: "◐", text: "Authenticated", by: "by a token" },
    why: "by a shared token; no signature covers it",
  },
  unverified: {
    ...{ kind: "bad", sign: "○", text: "Unverified", by: "no proof asked" },
    why: "its source asks for no proof",
  },
};

/** The badge with its reason: in a word, or `full`. */
export function Check({ verification, full = false }: { verification: Verification; full?: boolean }) {
  const { by, why, ...state } = CHECKS[verification];
  return (
    <span class="check" title={full ? undefined : why}>
      <State {...state} /> <span class="quiet">{full ? why : by}</span>
    </span>
  );
}

/** A moment, to the second or the millisecond; how long ago that is, the script says. */
export function Moment({ at, exact = false }: { at: string; exact?: boolean }) {
  return (
    <time class="moment" datetime={at}>
      {exact ? at.replace("T", " ").replace("Z", " UTC") : momentText(at)}
    </time>
  );
}

/** A button that the script shows, where it can copy: the text given, or that of the element named. */
export function Copy({ label, text, from, what }: { label: string; text?: string; from?: string; what?: string }) {
  return (
    <button type="button" class="copy" hidden data-copy={text} data-copy-from={from}>
      {label}
      {what && <span class="unseen"> {what}</span>}
    </button>
  );
}

/** Lines that a person takes away, as they are. */
export function Snippet({ id, label, text }: { id: string; label: string; text: string }) {
  return (
    <section class="snippet" aria-label={label}>
      <pre id={id} tabindex={0}>
        <span>{text}</span>
      </pre>
      <Copy label="Copy" what={label} from={id} />
    </section>
  );
}
