import { Hono } from "hono";
import { checkParameters, cursorOf, numberOf } from "../../../shared/http/parameters.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { configOf } from "../config.ts";
import { FILTER_PARAMETERS, readFilter } from "../event/filter.ts";
import type { PageQuery } from "../event/page.ts";
import { bodyBytes } from "../event/record.ts";
import type { Env } from "../log/env.ts";
import { longPoll, waitOf } from "../log/live/long-poll.ts";
import { readerOf } from "../log/logs.ts";
import { readPage, recordOf } from "../log/read.ts";
import { readAgain } from "../log/read-again.ts";
import { exporting } from "./export.ts";

export type App = { Bindings: Env };

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 500;

const PARAMETERS = ["log", "after", "before", "limit", "wait", ...FILTER_PARAMETERS];

export const events = new Hono<App>();

events.get("/", async (c) => {
  const { searchParams } = new URL(c.req.url);
  const query = pageQuery(searchParams, configOf(c.env).scanBytes);
  const waitMs = waitOf(searchParams);
  if (waitMs === 0) return c.json(await readAgain(() => readPage(readerOf(c), query)));
  const wait = { waitMs, signal: c.req.raw.signal };
  return c.json(await readAgain(() => longPoll(readerOf(c), query, wait)));
});

events.route("/export", exporting);

events.get("/:seq{[1-9][0-9]{0,14}}", async (c) => c.json(await recordOf(c)));

/** The exact bytes received: strangers' content, so no browser may render or run it on this origin. */
events.get("/:seq{[1-9][0-9]{0,14}}/body", async (c) => {
  const record = await recordOf(c);
  return c.body(bodyBytes(record), 200, {
    "content-type": "application/octet-stream",
    "content-disposition": `attachment; filename="event-${record.seq}.bin"`,
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
    "cache-control": "private, no-store",
  });
});

/**
 * The page that a query string asks for.
 *
 * @throws Problem `invalid_cursor` or `invalid_parameter`: a parameter that is not understood is not ignored.
 */
export function pageQuery(parameters: URLSearchParams, scanBytes: number): PageQuery {
  checkParameters(parameters, PARAMETERS);
  const [after, before, limit] = ["after", "before", "limit"].map((name) => parameters.get(name)) as [Text, Text, Text];
  if (after !== null && before !== null) throw new Problem("invalid_parameter", "Give `after` or `before`, not both.");
  const count = limit === null ? DEFAULT_LIMIT : (numberOf(limit) ?? 0);
  if (count < 1 || count > MAX_LIMIT)
    throw new Problem("invalid_parameter", `\`limit\` is a number from 1 to ${MAX_LIMIT}.`);
  const order = after === null ? "before" : "after";
  return { order, seq: cursorOf(after ?? before), limit: count, scanBytes, filter: readFilter(parameters) };
}

type Text = string | null;
