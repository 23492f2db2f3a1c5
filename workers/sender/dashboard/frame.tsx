import type { PropsWithChildren } from "hono/jsx";
import { modules, pageScripts } from "../../../shared/pages/assets.ts";
import { type Notice, Shell } from "../../../shared/pages/page.tsx";
import dashboard from "./client/dashboard.js";
import refresh from "./client/refresh.js";
import search from "./client/search.js";

/** The frame around every page of the dashboard, its scripts, and the parts of a page that they refresh. */

/** The scripts, each after those it imports. */
export const dashboardScripts = modules([
  ...pageScripts,
  ["refresh.js", refresh],
  ["search.js", search],
  ["dashboard.js", dashboard],
]);
/** The script that a page loads; it imports the others. */
const ENTRY = dashboardScripts.slice(-1);

export const REFRESH_SECONDS = 5;
/** For the one delivery that a reader waits for. */
export const WATCH_SECONDS = 2;

/**
 * `signedIn`: the reader has a session to end; open local development has none. `posted`: the page answers a form, so
 * its address is the form's, and the script puts the address of the form's page in its place (client/dashboard.js).
 */
export type DashboardFrameProps = {
  signedIn: boolean;
  posted: boolean;
  /** Address of the receiver's pages; empty for none. */
  receiver: string;
  notice?: Notice | undefined;
};

/** The page of the deliveries of all endpoints. */
export const DELIVERIES_PATH = "/dashboard/deliveries";

/** The page of alerts. */
export const ALERTS_PATH = "/dashboard/alerts";

const TABS = [
  ["endpoints", "/", "Endpoints"],
  ["events", "/dashboard/events", "Events"],
  ["deliveries", DELIVERIES_PATH, "Deliveries"],
  ["alerts", ALERTS_PATH, "Alerts"],
] as const;

/** `name` is the thing's, for the browser's tab; by default the title. `tab`: the pages that this one is of. */
type FrameProps = PropsWithChildren<
  DashboardFrameProps & { title: string; name?: string; tab?: (typeof TABS)[number][0] }
>;

export function DashboardFrame({ posted, receiver, tab = "endpoints", children, ...shell }: FrameProps) {
  const tabs = TABS.map(([name, href, text]) => ({ href, text, current: name === tab }));
  return (
    <Shell files={ENTRY} place={{ worker: "sender", other: receiver }} tabs={tabs} {...shell}>
      {posted && <div id="posted" hidden />}
      {children}
    </Shell>
  );
}

/**
 * A part of the page that the script reads again from the address `from` (client/refresh.js), and with it the part
 * named `also`: every few `seconds`, or no more if they are null.
 */
export function Refreshed({ id, from, also, seconds, children }: RefreshedProps) {
  return (
    <div id={id}>
      {children}
      {seconds !== null && (
        <div id="refresh" hidden data-from={from} data-parts={`${id} ${also}`} data-seconds={seconds} />
      )}
    </div>
  );
}

type RefreshedProps = PropsWithChildren<{ id: string; from: string; also: string; seconds: number | null }>;

/** The page of events and its search. */
export const EVENTS_PATH = "/dashboard/events";

/** Returns the address of an event's page, which marks the searched text `q`. */
export function eventPath(id: string, q?: string): string {
  const path = `${EVENTS_PATH}/${encodeURIComponent(id)}`;
  return q === undefined ? path : `${path}?${new URLSearchParams({ q })}`;
}

export function endpointPath(id: string): string {
  return `/dashboard/endpoints/${encodeURIComponent(id)}`;
}
