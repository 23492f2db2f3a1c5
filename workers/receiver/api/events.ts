import { Hono } from "hono";
import { readJson } from "../../../shared/http/body.ts";
import { checkParameters, cursorOf, limitOf } from "../../../shared/http/parameters.ts";
import { Problem, problemOf } from "../../../shared/http/problem.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { configOf } from "../config.ts";
import { FILTER_PARAMETERS, readFilter } from "../event/filter.ts";
import type { PageQuery } from "../event/page.ts";
import { bodyBytes } from "../event/record.ts";
import { forwardEvent } from "../forward/send.ts";
import { longPoll } from "../log/live/long-poll.ts";
import { type App, inboxOf, logOf, readLog } from "../log/logs.ts";
import { readPage, recordAt } from "../log/read.ts";
import { DEFAULT_LOG } from "../verify/source.ts";

/** Routes of `/events`: pages and long polls, one event and its bytes, forwarding it, clearing the log. */

export const eventRoutes = new Hono<App>();

const EVENT = "/:seq{[1-9][0-9]{0,14}}";

const MAX_LIMIT = 500;

/** Proxies and clients give up on a silent request after a minute. */
const MAX_WAIT_SECONDS = 55;

const PAGE_PARAMETERS = ["log", "after", "before", "limit", "wait", ...FILTER_PARAMETERS];

eventRoutes.get("/", async (c) => {
  const { searchParams } = new URL(c.req.url);
  const query = pageQuery(searchParams, configOf(c.env).scanBytes);
  const wait = { waitMs: waitOf(searchParams), signal: c.req.raw.signal };
  const log = searchParams.get("log");
  return c.json(
    await readLog(c.env, log, (reader) =>
      wait.waitMs === 0 ? readPage(reader, query) : longPoll(reader, query, wait),
    ),
  );
});

eventRoutes.get(EVENT, async (c) => {
  return c.json(await recordAt(c.env, c.req.query("log") ?? null, Number(c.req.param("seq"))));
});

/** The exact bytes received are a stranger's: no browser may render or run them on this origin. */
eventRoutes.get(`${EVENT}/body`, async (c) => {
  const record = await recordAt(c.env, c.req.query("log") ?? null, Number(c.req.param("seq")));
  return c.body(bodyBytes(record), 200, {
    "content-type": "application/octet-stream",
    "content-disposition": `attachment; filename="event-${record.seq}.bin"`,
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
    "cache-control": "private, no-store",
  });
});

const MAX_FORWARD_INPUT_BYTES = 16_384;

eventRoutes.post(`${EVENT}/forward`, async (c) => {
  checkParameters(new URL(c.req.url).searchParams, ["log"]);
  const log = c.req.query("log") ?? DEFAULT_LOG;
  const input = async () => (await readJson(c.req.raw, MAX_FORWARD_INPUT_BYTES)).value;
  const record = () => recordAt(c.env, log, Number(c.req.param("seq")));
  return c.json(await forwardEvent({ log, input, record }, configOf(c.env)));
});

const CLEAR_PARAMETERS = ["source", "log"];

/**
 * Clears the events that are in the log now, of one source or of all, and answers how many, and how many of them KV
 * still keeps for a while. A source that is no longer configured may still have events.
 *
 * @throws Problem `invalid_parameter`: a misspelt parameter must not clear the whole log; `not_found`, `log_unavailable`.
 */
eventRoutes.delete("/", async (c) => {
  const parameters = new URL(c.req.url).searchParams;
  for (const name of parameters.keys()) {
    const known =
      CLEAR_PARAMETERS.includes(name) && parameters.getAll(name).length === 1 && parameters.get(name) !== "";
    if (!known) throw new Problem("invalid_parameter", `\`${name}\` is unknown, empty or given twice.`);
  }
  const log = logOf(configOf(c.env), parameters.get("log"));
  const source = parameters.get("source");
  const result = await inboxOf(c.env, log).clear(source).catch(notCleared);
  logEvent("log.cleared", { log, source, ...result });
  return c.json(result);
});

function notCleared(error: Error): never {
  logEvent("log.not_cleared", { error: String(error) });
  throw problemOf(error) ?? new Problem("log_unavailable", "It is not known whether anything was cleared. Try again.");
}

/**
 * Returns the page that a query string asks for.
 *
 * @throws Problem `invalid_cursor` or `invalid_parameter`: an unknown parameter is refused, not ignored.
 */
export function pageQuery(parameters: URLSearchParams, scanBytes: number): PageQuery {
  checkParameters(parameters, PAGE_PARAMETERS);
  const after = parameters.get("after");
  const before = parameters.get("before");
  if (after !== null && before !== null) throw new Problem("invalid_parameter", "Give `after` or `before`, not both.");
  const limit = limitOf(parameters.get("limit"), MAX_LIMIT);
  const order = after === null ? "before" : "after";
  return { order, seq: cursorOf(order, after ?? before), limit, scanBytes, filter: readFilter(parameters) };
}

/** Returns the milliseconds that `wait` asks for, 0 without it. @throws Problem `invalid_parameter` */
function waitOf(parameters: URLSearchParams): number {
  const wait = parameters.get("wait");
  if (wait === null) return 0;
  if (!/^\d\d?$/.test(wait) || Number(wait) > MAX_WAIT_SECONDS) {
    throw new Problem("invalid_parameter", `\`wait\` is a number of seconds from 0 to ${MAX_WAIT_SECONDS}.`);
  }
  if (!parameters.has("after")) throw new Problem("invalid_parameter", "`wait` needs an `after`: a cursor to wait at.");
  return Number(wait) * 1000;
}
