import type { Child, PropsWithChildren } from "hono/jsx";
import { type Message, Shell } from "../../../shared/pages/page.tsx";
import { scripts } from "./files.ts";

export { State, Time } from "../../../shared/pages/parts.tsx";

/** What every page of the dashboard has around it. */

const FILES = scripts.slice(-1);
export const REFRESH_SECONDS = 5;
/** Of the one delivery that a reader waits for. */
export const WATCH_SECONDS = 2;

/**
 * `signedIn`: there is a session to end; in open local development there is none. `posted`: the page answers a form
 * itself, so its address is the form's, and the script takes the one that the form stood on (client/dashboard.js).
 */
export type FrameProps = { signedIn: boolean; posted: boolean; message?: Message | undefined };

export function Frame(props: PropsWithChildren<FrameProps & { title: string; home?: boolean }>) {
  const navigation: Child = (
    <>
      {props.home ? <span /> : <a href="/">← All endpoints</a>}
      {props.signedIn && (
        <form method="post" action="/session/end">
          <button type="submit">Sign out</button>
        </form>
      )}
    </>
  );
  return (
    <Shell title={props.title} files={FILES} message={props.message} navigation={navigation}>
      {props.posted && <div id="posted" hidden />}
      {props.children}
    </Shell>
  );
}

/**
 * Part of the page that the script reads again from `from` (client/refresh.js), and with it the part named `also`: every
 * few `seconds`, or no more when they are null.
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

export function endpointPath(id: string): string {
  return `/dashboard/endpoints/${encodeURIComponent(id)}`;
}
