import { type Context, Hono } from "hono";
import { methodNotAllowed } from "../../../shared/http.ts";
import { Problem } from "../../../shared/problem.ts";
import { configOf, type Env } from "../env.ts";
import { NO_FILTER } from "../filter.ts";
import type { PageQuery } from "../inbox-pages.ts";
import { longPoll, waitOf } from "../long-poll.ts";
import { type LogReader, readPage, readRecord } from "../reader.ts";
import { bodyOf, type EventRecord } from "../record.ts";
import { DEFAULT_LOG, inboxNameOf, inboxOf } from "../sources.ts";

type App = { Bindings: Env };

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 500;

// Decimal and exact as a JavaScript number; 0 stands before the first event.
const SEQ = /^(0|[1-9]\d{0,14})$/;

const PARAMETERS = ["after", "before", "limit", "wait"];

export const events = new Hono<App>();

events.get("/", async (c) => {
  const { searchParams } = new URL(c.req.url);
  const query = pageQuery(searchParams, configOf(c.env).scanBytes);
  const waitMs = waitOf(searchParams);
  if (waitMs === 0) return c.json(await readPage(readerOf(c), query));
  const wait = { filter: NO_FILTER, waitMs, signal: c.req.raw.signal };
  return c.json(await longPoll(readerOf(c), query, wait));
});
events.all("/", methodNotAllowed("GET"));

events.get("/:seq{[1-9][0-9]{0,14}}", async (c) => c.json(await recordOf(c)));
events.all("/:seq{[1-9][0-9]{0,14}}", methodNotAllowed("GET"));

/** The exact bytes received: strangers' content, so no browser may render or run it on this origin. */
events.get("/:seq{[1-9][0-9]{0,14}}/body", async (c) => {
  const record = await recordOf(c);
  return c.body(bodyOf(record), 200, {
    "content-type": "application/octet-stream",
    "content-disposition": `attachment; filename="event-${record.seq}.bin"`,
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
    "cache-control": "private, no-store",
  });
});
events.all("/:seq{[1-9][0-9]{0,14}}/body", methodNotAllowed("GET"));

/**
 * The page that a query string asks for.
 *
 * @throws Problem `invalid_cursor` or `invalid_parameter`: a parameter that is not understood is not ignored.
 */
export function pageQuery(parameters: URLSearchParams, scanBytes: number): PageQuery {
  for (const name of parameters.keys()) {
    if (!PARAMETERS.includes(name) || parameters.getAll(name).length > 1) {
      throw new Problem(
        "invalid_parameter",
        `\`${name}\` is unknown or given twice; known are ${PARAMETERS.join(", ")}.`,
      );
    }
  }
  const [after, before, limit] = PARAMETERS.map((name) => parameters.get(name)) as [Text, Text, Text];
  if (after !== null && before !== null) throw new Problem("invalid_parameter", "Give `after` or `before`, not both.");
  const count = limit === null ? DEFAULT_LIMIT : Number(SEQ.test(limit) ? limit : 0);
  if (count < 1 || count > MAX_LIMIT)
    throw new Problem("invalid_parameter", `\`limit\` is a number from 1 to ${MAX_LIMIT}.`);
  return { order: after === null ? "before" : "after", seq: cursor(after ?? before), limit: count, scanBytes };
}

type Text = string | null;

function cursor(text: Text): number | null {
  if (text === null) return null;
  if (!SEQ.test(text)) throw new Problem("invalid_cursor", "A cursor is a `seq` or a page's `next`: a decimal number.");
  return Number(text);
}

async function recordOf(c: Context<App>): Promise<EventRecord> {
  const seq = Number(c.req.param("seq"));
  const record = await readRecord(readerOf(c), seq);
  if (record === null) throw new Problem("not_found", `The log does not hold an event ${seq}, or no longer.`);
  return record;
}

function readerOf(c: Context<App>): LogReader {
  return { inbox: inboxOf(c.env, DEFAULT_LOG), kv: c.env.EVENTS, log: inboxNameOf(DEFAULT_LOG) };
}
