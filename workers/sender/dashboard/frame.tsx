import type { Child, PropsWithChildren } from "hono/jsx";
import { HTMX_CONFIG, script } from "../../../shared/pages/htmx.ts";
import { type Message, Shell } from "../../../shared/pages/page.tsx";

export { State, Time } from "../../../shared/pages/parts.tsx";

/** What every page of the dashboard has around it. */

const LIVE = { script, config: HTMX_CONFIG };
const POLL = "every 5s";
/** Of the one thing that a reader waits for. */
const WATCH = "every 2s";

/** `signedIn`: there is a session to end; in open local development there is none. */
export type FrameProps = { signedIn: boolean; message?: Message | undefined };

export function Frame(props: PropsWithChildren<FrameProps & { title: string; home?: boolean }>) {
  const navigation: Child = (
    <>
      {props.home ? <span /> : <a href="/">← All endpoints</a>}
      {props.signedIn && (
        <form method="post" action="/session/end" hx-boost="false">
          <button type="submit">Sign out</button>
        </form>
      )}
    </>
  );
  return (
    <Shell title={props.title} live={LIVE} message={props.message} navigation={navigation}>
      {props.children}
    </Shell>
  );
}

/**
 * A part of the page that is fetched anew every few seconds, and with it the part named by `also`. What asks
 * stands beside it: links within it would inherit its attributes.
 */
export function Polled({ id, from, also, children }: PropsWithChildren<{ id: string; from: string; also: string }>) {
  return (
    <>
      <div id={id}>{children}</div>
      <div
        data-poll=""
        hx-get={from}
        hx-trigger={POLL}
        hx-select={`#${id} > *`}
        hx-select-oob={`#${also}:innerHTML`}
        hx-target={`#${id}`}
        hx-swap="innerHTML"
      />
    </>
  );
}

/**
 * A part of the page that is fetched anew, whole, while it is `waiting` for something, and with it the part
 * named by `also`. What asks is in it, and so is gone when there is nothing to wait for.
 */
export function Watched({
  id,
  from,
  also,
  waiting,
  children,
}: PropsWithChildren<{ id: string; from: string; also: string; waiting: boolean }>) {
  const target = `#${id}`;
  return (
    <div id={id}>
      {children}
      {waiting && (
        <div
          data-poll=""
          hx-get={from}
          hx-trigger={WATCH}
          hx-select={target}
          hx-select-oob={`#${also}:innerHTML`}
          hx-target={target}
          hx-swap="outerHTML"
        />
      )}
    </div>
  );
}

/** The address stays that of the page which an action failed on: that is what a reload should show. */
export const STAY = { "hx-push-url": "false" };

export function endpointPath(id: string): string {
  return `/dashboard/endpoints/${encodeURIComponent(id)}`;
}
