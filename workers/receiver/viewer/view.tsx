import type { Context } from "hono";
import { hasCookie } from "../../../shared/auth/session.ts";
import { answerError } from "../../../shared/http/answers.ts";
import { Problem, problemOf, problems } from "../../../shared/http/problem.ts";
import { htmlPage, type Message } from "../../../shared/pages/page.tsx";

import { configOf } from "../config.ts";
import { NO_FILTER, readFilter } from "../event/filter.ts";
import { type Env, logOf, logsOf } from "../log/logs.ts";

import { DEFAULT_LOG } from "../verify/source.ts";
import { Frame, type View } from "./parts/frame.tsx";

/** What a request asks to see; and what is shown of one that asks for what there is not. */

export type C = Context<{ Bindings: Env }>;

/**
 * What stands in the request's address and its cookie, with `message` or the one that the address names.
 *
 * @throws Problem `not_found` or `invalid_parameter`
 */
export function viewOf(c: C, message?: Message): View {
  const { searchParams } = new URL(c.req.url);
  const filter = readFilter(searchParams);
  const named = searchParams.get("log");
  // What was refused is looked for by its source, and stands in that one's log.
  const source = c.req.path === "/rejected" ? filter.source : null;
  const log = logOf(configOf(c.env), named, source);
  const place = { log, filter };
  const around = surroundings(c);
  const sources = [...configOf(c.env).sources.values()].filter((source) => source.log === log);
  return { ...around, place, sources: sources.map(({ name }) => name), message: message ?? messageOf(searchParams) };
}

function surroundings(c: Context) {
  const config = configOf(c.env as Env);
  return {
    origin: new URL(c.req.url).origin,
    logs: logsOf(config),
    sources: [],
    signedIn: hasCookie(c, { worker: "receiver", localDev: config.localDev }),
  };
}

/** A failure as a page, for whoever reads pages. */
export function answerPage(raw: Error, c: Context): Response | Promise<Response> {
  const error = problemOf(raw) ?? raw;
  const answer = answerError(error, c);
  if (!c.req.header("accept")?.includes("text/html") || !(error instanceof Problem)) return answer;
  const [status, title] = problems[error.code];
  const message = { text: error.message, failed: true };
  // What was asked for may be what is wrong: the page must not ask for it again.
  const place = { log: DEFAULT_LOG, filter: NO_FILTER };
  return htmlPage(
    <Frame title={title} tab="events" view={{ ...surroundings(c), place, message }}>
      <p>
        <a href="/">To the newest events</a>
      </p>
    </Frame>,
    { status, headers: error.headers },
  );
}

/** What was done, after the redirect that follows it: a name and numbers stand in the URL, never a text. */
export function messageOf(parameters: URLSearchParams): Message | undefined {
  if (parameters.get("done") !== "cleared") return undefined;
  const [count, kept] = ["count", "kept"].map((name) => parameters.get(name) ?? "");
  if (!isNumber(count) || !isNumber(kept)) return undefined;
  const rest = kept === "0" ? "" : ` Still in KV, unseen, until their time is over: ${kept}.`;
  return { text: `Cleared: ${count} ${count === "1" ? "event" : "events"}.${rest}`, failed: false };
}

function isNumber(text: string | undefined): text is string {
  return /^\d{1,15}$/.test(text ?? "");
}
