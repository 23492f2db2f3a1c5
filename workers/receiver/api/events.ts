import { readMembers } from "../../../shared/http/body.ts";
import { checkParameters, cursorOf, limitOf, takes, wholeNumber } from "../../../shared/http/parameters.ts";
import { Problem, problemOf } from "../../../shared/http/problem.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { configOf } from "../config.ts";
import { FILTER_PARAMETERS, readFilter } from "../event/filter.ts";
import type { PageQuery } from "../event/page.ts";
import { bodyBytes, type EventRecord } from "../event/record.ts";
import { forwardEvent } from "../forward/send.ts";
import { pageOfId } from "../log/find-id.ts";
import { longPoll } from "../log/live/long-poll.ts";
import { createApp, inboxOf, logOf, type ReceiverContext, readLog, sourcesOf } from "../log/logs.ts";
import { readPage, recordAt } from "../log/read.ts";
import { DEFAULT_LOG } from "../verify/source.ts";

/** Routes of `/events`: pages and long polls, one event and its bytes, forwarding it, clearing the log. */

const EVENT = "/:seq{[1-9][0-9]{0,14}}";

const MAX_LIMIT = 1000;
/** Proxies and clients give up on a silent request after a minute. */
const MAX_WAIT_SECONDS = 55;

/** No id is longer. */
const MAX_ID = 256;

const PAGE_PARAMETERS = ["id", "log", "after", "before", "limit", "wait", ...FILTER_PARAMETERS];

export const eventRoutes = createApp()
  .get("/", (c) => answerPage(c))
  .get(EVENT, takes("log"), async (c) => c.json(await recordOf(c)))
  // The exact bytes received are a stranger's: no browser may render or run them on this origin.
  .get(`${EVENT}/body`, takes("log"), async (c) => {
    const record = await recordOf(c);
    return c.body(bodyBytes(record), 200, {
      "content-type": "application/octet-stream",
      "content-disposition": `attachment; filename="event-${record.seq}.bin"`,
      "x-content-type-options": "nosniff",
      "content-security-policy": "sandbox; default-src 'none'",
      "cache-control": "private, no-store",
    });
  })
  .post(`${EVENT}/forward`, takes("log"), async (c) => {
    const log = c.req.query("log") ?? DEFAULT_LOG;
    const input = () => readMembers(c.req.raw, ["url"], "invalid_forward");
    return c.json(await forwardEvent({ log, input, record: () => recordOf(c) }, configOf(c.env)));
  })
  .delete("/", takes("source", "log"), (c) => answerClear(c));

/** Returns the event that the path names. @throws Problem `not_found`, `segment_unavailable` or `log_unavailable` */
function recordOf(c: ReceiverContext): Promise<EventRecord> {
  return recordAt(c.env, c.req.query("log") ?? null, Number(c.req.param("seq")));
}

/** Answers a page, with `wait` as soon as it is not empty. */
async function answerPage(c: ReceiverContext): Promise<Response> {
  const { searchParams } = new URL(c.req.url);
  const config = configOf(c.env);
  const query = pageQuery(searchParams, config.scanBytes);
  const id = idOf(searchParams);
  const waitMs = waitOf(searchParams);
  const { signal } = c.req.raw;
  const name = searchParams.get("log");
  const page = await readLog(c.env, name, (reader) => {
    if (id !== null) return pageOfId(reader, { id, sources: sourcesOf(config, name) }, query);
    return waitMs === 0 ? readPage(reader, query) : longPoll(reader, query, { waitMs, signal });
  });
  return c.json(page);
}

/**
 * Clears the events that are in the log now, of one source or of all. Answers how many were cleared, and how many of them
 * KV still keeps for a while. A source that is no longer configured may still have events.
 *
 * @throws Problem `invalid_parameter`, `not_found` or `log_unavailable`: a misspelt name must not clear the whole log.
 */
async function answerClear(c: ReceiverContext): Promise<Response> {
  // A source that is named in a body would be left out, and all be cleared.
  await readMembers(c.req.raw, [], "invalid_input");
  const parameters = new URL(c.req.url).searchParams;
  for (const [name, value] of parameters) {
    if (value === "") throw new Problem("invalid_parameter", `\`${name}\` is empty.`);
  }
  const log = logOf(configOf(c.env), parameters.get("log"));
  const source = parameters.get("source");
  const result = await inboxOf(c.env, log).clear(source).catch(notCleared);
  logEvent("log.cleared", { log, source, ...result });
  return c.json(result);
}

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

/** Returns the id that is asked for, null for none. @throws Problem `invalid_parameter` */
function idOf(parameters: URLSearchParams): string | null {
  const id = parameters.get("id");
  if (id === null || (id !== "" && id.length <= MAX_ID && !parameters.has("wait"))) return id;
  throw new Problem("invalid_parameter", `\`id\` has 1 to ${MAX_ID} characters, and takes no \`wait\`.`);
}

/** Returns the milliseconds that `wait` asks for, 0 without it. @throws Problem `invalid_parameter` */
function waitOf(parameters: URLSearchParams): number {
  const seconds = wholeNumber("wait", parameters.get("wait"), { min: 0, max: MAX_WAIT_SECONDS });
  if (seconds === null || parameters.has("after")) return (seconds ?? 0) * 1000;
  throw new Problem("invalid_parameter", "`wait` needs `after`, the cursor to wait at.");
}
