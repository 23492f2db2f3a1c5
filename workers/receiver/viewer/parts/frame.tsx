import type { Child, PropsWithChildren } from "hono/jsx";
import type { Asset } from "../../../../shared/pages/assets.ts";
import { type Message, Shell } from "../../../../shared/pages/page.tsx";
import { NO_FILTER } from "../../event/filter.ts";
import { address, type Place, whole } from "./address.ts";
import { entry, viewerStyle } from "./files.ts";

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
