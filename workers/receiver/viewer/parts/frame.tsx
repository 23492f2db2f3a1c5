import type { Child, PropsWithChildren } from "hono/jsx";
import { asset, modules, pageScripts } from "../../../../shared/pages/assets.ts";
import { type Notice, Shell } from "../../../../shared/pages/page.tsx";
import { NO_FILTER } from "../../event/filter.ts";
import arrivals from "../client/arrivals.js";
import jsonBody from "../client/body.js";
import compare from "../client/compare.js";
import event from "../client/event.js";
import fold from "../client/fold.js";
import follow from "../client/follow.js";
import followLog from "../client/follow-log.js";
import hours from "../client/hours.js";
import jsonLines from "../client/json-lines.js";
import keys from "../client/keys.js";
import list from "../client/list.js";
import liveList from "../client/live-list.js";
import pick from "../client/pick.js";
import readJson from "../client/read-json.js";
import rejected from "../client/rejected.js";
import rows from "../client/rows.js";
import search from "../client/search.js";
import speech from "../client/speech.js";
import split from "../client/split.js";
import text from "../client/text.js";
import times from "../client/times.js";
import viewer from "../client/viewer.js";
import { href, unfiltered, type ViewAddress } from "./address.ts";
import viewerCss from "./viewer.css";

/**
 * The frame around every page of the viewer: its styles and scripts, the tabs, the logs, and the help for the keyboard.
 */

const viewerStylesheet = asset("viewer.css", "text/css; charset=utf-8", viewerCss);

/** The scripts, each after those it imports. */
const viewerScripts = modules([
  ...pageScripts,
  ["text.js", text],
  ["times.js", times],
  ["rows.js", rows],
  ["follow.js", follow],
  ["rejected.js", rejected],
  ["follow-log.js", followLog],
  ["hours.js", hours],
  ["arrivals.js", arrivals],
  ["speech.js", speech],
  ["live-list.js", liveList],
  ["event.js", event],
  ["list.js", list],
  ["search.js", search],
  ["read-json.js", readJson],
  ["json-lines.js", jsonLines],
  ["fold.js", fold],
  ["pick.js", pick],
  ["body.js", jsonBody],
  ["split.js", split],
  ["compare.js", compare],
  ["keys.js", keys],
  ["viewer.js", viewer],
]);

/** The files that the Worker serves for the viewer. */
export const viewerAssets = [viewerStylesheet, ...viewerScripts];

/** The files that a page loads: the last script imports the others. */
const VIEWER_FILES = [viewerStylesheet, ...viewerScripts.slice(-1)];

/** A request for a page: what it shows, and who asks. `logs` and `sources` are those configured. */
export type RequestedView = {
  origin: string;
  address: ViewAddress;
  logs: readonly string[];
  sources: readonly string[];
  /** Address of the sender's pages; empty for none. */
  sender: string;
  /** The reader has a session to end. */
  signedIn: boolean;
  notice?: Notice | undefined;
};

type TabName = "events" | "rejected" | "connect" | "alerts";

const TABS: readonly (readonly [TabName, path: string, text: string])[] = [
  ["events", "/", "Events"],
  ["rejected", "/rejected", "Rejected"],
  ["connect", "/connect", "Connect"],
  ["alerts", "/alerting", "Alerts"],
];

type ViewerFrameProps = PropsWithChildren<{ title: string; tab: TabName; view: RequestedView; beside?: Child }>;

export function ViewerFrame({ title, tab, view, beside, children }: ViewerFrameProps) {
  const { address, logs, notice, signedIn, sender } = view;
  const tabs = TABS.map(([name, path, text]) => ({
    href: href(path, unfiltered(address)),
    text,
    current: name === tab,
  }));
  const navigation = logs.length > 1 && <LogLinks {...view} />;
  return (
    <Shell
      place={{ worker: "receiver", other: sender }}
      {...{ title, tabs, files: VIEWER_FILES, notice, navigation, signedIn, beside }}
    >
      {children}
    </Shell>
  );
}

function LogLinks({ logs, address }: RequestedView) {
  return (
    <ul class="tabs" aria-label="Logs">
      {logs.map((log) => (
        <li>
          <a href={href("/", { log, filter: NO_FILTER })} aria-current={log === address.log ? "true" : undefined}>
            {log}
          </a>
        </li>
      ))}
    </ul>
  );
}

/**
 * The keys of a page, and a switch for those that are single characters: software that types for someone, such as
 * speech input, could press them by accident (WCAG 2.1.4). The script shows the switch and remembers it.
 */
export function KeyHelp() {
  return (
    <p class="keys">
      <span>
        Keys: <kbd>j</kbd> <kbd>k</kbd> or arrows through the list, <kbd>Enter</kbd> opens, <kbd>/</kbd> searches,{" "}
        <kbd>Esc</kbd> goes back.
      </span>
      <label hidden>
        <input type="checkbox" id="characters" autocomplete="off" />
        Use <kbd>j</kbd>, <kbd>k</kbd> and <kbd>/</kbd>
      </label>
    </p>
  );
}
