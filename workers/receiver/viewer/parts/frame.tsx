import type { Child, PropsWithChildren } from "hono/jsx";
import type { Asset } from "../../../../shared/pages/assets.ts";
import { type Message, Shell } from "../../../../shared/pages/page.tsx";
import { State } from "../../../../shared/pages/parts.tsx";
import { NO_FILTER } from "../../event/filter.ts";
import type { Verification } from "../../event/record.ts";
import { address, type Place } from "./address.ts";
import { entry, viewerStyle } from "./files.ts";
import { momentText } from "./text.ts";

/** What every page of the viewer has around it. */

/** `logs` and `sources` as configured; `signedIn`: there is a session to end. */
export type View = {
  origin: string;
  place: Place;
  logs: readonly string[];
  sources: readonly string[];
  signedIn: boolean;
  message?: Message | undefined;
};

export type Tab = "events" | "rejected" | "connect";

const FILES: Asset[] = [viewerStyle, entry];
const TABS: readonly (readonly [Tab, path: string, text: string])[] = [
  ["events", "/", "Events"],
  ["rejected", "/rejected", "Rejected"],
  ["connect", "/connect", "Connect"],
];

export type FrameProps = PropsWithChildren<{ title: string; tab: Tab; view: View; beside?: Child }>;

export function Frame({ title, tab, view, beside, children }: FrameProps) {
  const navigation = (
    <>
      <ul class="tabs">
        {TABS.map(([name, path, text]) => (
          <li>
            <a href={address(path, whole(view.place))} aria-current={name === tab ? "page" : undefined}>
              {text}
            </a>
          </li>
        ))}
      </ul>
      {view.logs.length > 1 && <Logs {...view} />}
      {view.signedIn && (
        <form method="post" action="/session/end">
          <button type="submit">Sign out</button>
        </form>
      )}
    </>
  );
  return (
    <Shell title={title} files={FILES} message={view.message} navigation={navigation} beside={beside}>
      {children}
    </Shell>
  );
}

function Logs({ logs, place }: View) {
  return (
    <ul class="tabs" aria-label="Logs">
      {logs.map((log) => (
        <li>
          <a href={address("/", { log, filter: NO_FILTER })} aria-current={log === place.log ? "true" : undefined}>
            {log}
          </a>
        </li>
      ))}
    </ul>
  );
}

/** The log, without a filter. */
export function whole({ log }: Place): Place {
  return { log, filter: NO_FILTER };
}

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
