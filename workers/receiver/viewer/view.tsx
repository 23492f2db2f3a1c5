import type { Context } from "hono";
import { hasCookie } from "../../../shared/auth/session.ts";
import { answerErrorPage, type Notice } from "../../../shared/pages/page.tsx";
import { configOf } from "../config.ts";
import { FILTER_PARAMETERS, NO_FILTER, readFilter } from "../event/filter.ts";
import { type Env, logOf, logsOf, type ReceiverContext } from "../log/logs.ts";
import { DEFAULT_LOG } from "../verify/source.ts";
import { type RequestedView, ViewerFrame } from "./parts/frame.tsx";

/** Reads what a request asks to see, and answers a request that asks for something impossible. */

/** Query parameters of every page, and those of a notice. */
export const VIEW_PARAMETERS = ["log", ...FILTER_PARAMETERS];
export const NOTICE_PARAMETERS = ["done", "count", "kept"];

/**
 * Returns the view that the request's address and cookie ask for, with `notice` or the one that the address names.
 *
 * @throws Problem `not_found` or `invalid_parameter`
 */
export function requestedView(c: ReceiverContext, notice?: Notice): RequestedView {
  const { searchParams } = new URL(c.req.url);
  const config = configOf(c.env);
  const filter = readFilter(searchParams);
  // Rejected requests of a source are kept with the log that the source writes to.
  const log = logOf(config, searchParams.get("log"), c.req.path.startsWith("/rejected") ? filter.source : null);
  const sources = [...config.sources.values()].filter((source) => source.log === log).map(({ name }) => name);
  return { ...surroundings(c), address: { log, filter }, sources, notice: notice ?? noticeOf(searchParams) };
}

function surroundings(c: Context) {
  const config = configOf(c.env as Env);
  return {
    origin: new URL(c.req.url).origin,
    logs: logsOf(config),
    sources: [],
    sender: config.senderUrl,
    signedIn: hasCookie(c, { worker: "receiver", localDev: config.localDev }),
  };
}

/** Answers a failure as a page, to a client that reads pages. */
export function answerFailure(error: Error, c: Context): Response | Promise<Response> {
  // The address may be what is wrong, so the page does not link to it.
  const address = { log: DEFAULT_LOG, filter: NO_FILTER };
  return answerErrorPage(error, c, (title, notice) => (
    <ViewerFrame title={title} tab="events" view={{ ...surroundings(c), address, notice }}>
      <p>
        <a href="/">To the newest events</a>
      </p>
    </ViewerFrame>
  ));
}

/**
 * Returns the notice of what was done, after the redirect that follows it. The address holds a name and numbers and
 * never a text, so no link can make the page say anything else.
 */
function noticeOf(parameters: URLSearchParams): Notice | undefined {
  const [done, count, kept] = ["done", "count", "kept"].map((name) => parameters.get(name) ?? "");
  if (!isCount(count) || !isCount(kept)) return undefined;
  const rest = kept === "0" ? "" : ` Hidden in KV until they expire: ${kept}.`;
  if (done === "cleared")
    return { text: `Cleared: ${count} ${count === "1" ? "event" : "events"}.${rest}`, failed: false };
  if (done === "taken") return { text: `Verified and taken in as event ${count}.`, failed: false };
  if (done === "known") return { text: `Nothing was logged: this is event ${count} already.`, failed: false };
  return undefined;
}

function isCount(text: string | undefined): text is string {
  return /^\d{1,15}$/.test(text ?? "");
}
