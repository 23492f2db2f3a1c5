import { type Context, Hono } from "hono";
import { methodNotAllowed } from "../../../shared/http.ts";
import { Problem } from "../../../shared/problem.ts";
import { configOf, type Env } from "../env.ts";
import { eventStream, STREAM_HEADERS } from "../event-stream.ts";
import { type EventFilter, FILTER_PARAMETERS, readFilter } from "../filter.ts";
import { follow } from "../follow.ts";
import { LiveSocket, upgrade } from "../live-socket.ts";
import { inboxNameOf, inboxOf, logOf } from "../sources.ts";

type App = { Bindings: Env };

/** What is read live, from where on; `after` null: nothing was said. */
export type LiveQuery = { log: string; after: number | null; filter: EventFilter };

const PARAMETERS: readonly string[] = ["log", "after", ...FILTER_PARAMETERS];

// Decimal and exact as a JavaScript number; 0 stands before the first event.
const CURSOR = /^(0|[1-9]\d{0,14})$/;

export const live = new Hono<App>();

/** A WebSocket to the Inbox itself: from the answer on this Worker has no part in it. */
live.get("/live", async (c) => {
  const { log, after, filter } = liveQuery(c);
  requireOwnOrigin(c.req.raw);
  if (c.req.header("upgrade")?.toLowerCase() !== "websocket") {
    const headers = { upgrade: "websocket", connection: "upgrade" };
    throw new Problem("upgrade_required", "Connect with a WebSocket client.", { headers });
  }
  const { webSocket } = await upgrade(inboxOf(c.env, log), filter, { after, relayed: false });
  return new Response(null, { status: 101, webSocket });
});
live.all("/live", methodNotAllowed("GET"));

/** Server-sent events. A client that was here before says so itself, whatever the URL was made with. */
live.get("/stream", async (c) => {
  const { log, after, filter } = liveQuery(c);
  if (c.req.raw.method === "HEAD") return c.body(null, 200, STREAM_HEADERS);
  const last = c.req.header("last-event-id");
  const from = last === undefined || last === "" ? after : cursor(last);
  const reader = { inbox: inboxOf(c.env, log), kv: c.env.EVENTS, log: inboxNameOf(log) };
  const socket = await LiveSocket.open(reader.inbox, filter, from);
  const following = { reader, socket, filter, scanBytes: configOf(c.env).scanBytes };
  const batches = follow(following, from ?? socket.head);
  const close = () => socket.close();
  c.req.raw.signal.addEventListener("abort", close);
  return c.body(eventStream(batches, { close, now: Date.now }), 200, STREAM_HEADERS);
});
live.all("/stream", methodNotAllowed("GET"));

/** @throws Problem `invalid_cursor`, `invalid_parameter` or `not_found`. */
function liveQuery(c: Context<App>): LiveQuery {
  const { searchParams } = new URL(c.req.url);
  for (const name of searchParams.keys()) {
    if (PARAMETERS.includes(name) && searchParams.getAll(name).length === 1) continue;
    const detail = `\`${name}\` is unknown or given twice; known are ${PARAMETERS.join(", ")}.`;
    throw new Problem("invalid_parameter", detail);
  }
  const after = searchParams.get("after");
  return {
    log: logOf(configOf(c.env), searchParams.get("log")),
    after: after === null ? null : cursor(after),
    filter: readFilter(searchParams),
  };
}

function cursor(text: string): number {
  if (CURSOR.test(text)) return Number(text);
  throw new Problem("invalid_cursor", "A cursor is a `seq` or a page's `next`: a decimal number.");
}

/** Browsers let any page open a WebSocket anywhere, with the cookies of there, and say which page it is. */
function requireOwnOrigin(request: Request): void {
  const origin = request.headers.get("origin");
  if (origin === null || origin === new URL(request.url).origin) return;
  throw new Problem("cross_site", "This WebSocket does not come from this Worker's own page.");
}
