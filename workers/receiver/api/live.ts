import { type Context, Hono } from "hono";
import { checkParameters, cursorOf } from "../../../shared/http/parameters.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { configOf } from "../config.ts";
import { type EventFilter, FILTER_PARAMETERS, readFilter } from "../event/filter.ts";
import type { Env } from "../log/env.ts";
import { eventStream, STREAM_HEADERS } from "../log/live/event-stream.ts";
import { follow } from "../log/live/follow.ts";
import { LiveSocket, upgrade } from "../log/live/socket.ts";
import { readerOf } from "../log/logs.ts";
import { readAgain } from "../log/read-again.ts";

type App = { Bindings: Env };

const PARAMETERS = ["log", "after", ...FILTER_PARAMETERS];

export const live = new Hono<App>();

/** A WebSocket to the Inbox itself: from the answer on this Worker has no part in it. */
live.get("/live", async (c) => {
  const { after, filter } = liveQuery(c);
  requireOwnOrigin(c.req.raw);
  if (c.req.header("upgrade")?.toLowerCase() !== "websocket") {
    const headers = { upgrade: "websocket", connection: "upgrade" };
    throw new Problem("upgrade_required", "Connect with a WebSocket client.", { headers });
  }
  const { webSocket } = await readAgain(() => upgrade(readerOf(c).inbox, filter, { after, relayed: false }));
  return new Response(null, { status: 101, webSocket });
});

/** Server-sent events. A client that was here before says so itself, whatever the URL was made with. */
live.get("/stream", async (c) => {
  const { after, filter } = liveQuery(c);
  if (c.req.raw.method === "HEAD") return c.body(null, 200, STREAM_HEADERS);
  const last = c.req.header("last-event-id");
  const from = last === undefined || last === "" ? after : cursorOf(last);
  const socket = await readAgain(() => LiveSocket.open(readerOf(c).inbox, filter, from));
  const following = { reader: readerOf(c), socket, filter, scanBytes: configOf(c.env).scanBytes };
  const batches = follow(following, from ?? socket.head);
  const began = Date.now();
  const close = () => {
    if (socket.close()) logEvent("stream.closed", { ms: Date.now() - began });
  };
  c.req.raw.signal.addEventListener("abort", close);
  return c.body(eventStream(batches, { close, now: Date.now }), 200, STREAM_HEADERS);
});

/** What is read live, and from where on; `after` null: that was not said. */
function liveQuery(c: Context<App>): { after: number | null; filter: EventFilter } {
  const { searchParams } = new URL(c.req.url);
  checkParameters(searchParams, PARAMETERS);
  return { after: cursorOf(searchParams.get("after")), filter: readFilter(searchParams) };
}

/** Browsers let any page open a WebSocket anywhere, with the cookies of there, and say which page it is. */
function requireOwnOrigin(request: Request): void {
  const origin = request.headers.get("origin");
  if (origin === null || origin === new URL(request.url).origin) return;
  throw new Problem("cross_site", "This WebSocket does not come from this Worker's own page.");
}
