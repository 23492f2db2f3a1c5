import { cursorOf, takes } from "../../../shared/http/parameters.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { configOf } from "../config.ts";
import { type EventFilter, FILTER_PARAMETERS, readFilter } from "../event/filter.ts";
import { eventStream, STREAM_HEADERS, streamBatches } from "../log/live/event-stream.ts";
import { LiveSocket, upgrade } from "../log/live/socket.ts";
import { createApp, type ReceiverContext, readLog } from "../log/logs.ts";

/** Routes of `/events/live` and `/events/stream`: the log as it grows, over a WebSocket or as server-sent events. */

const LIVE_PARAMETERS = ["log", "after", ...FILTER_PARAMETERS];

export const liveRoutes = createApp()
  .get("/live", takes(...LIVE_PARAMETERS), (c) => answerSocket(c))
  .get("/stream", takes(...LIVE_PARAMETERS), (c) => answerStream(c));

/** Answers with a WebSocket to the Inbox itself: this Worker has no part in it from then on. */
async function answerSocket(c: ReceiverContext): Promise<Response> {
  const { log, after, filter } = liveQuery(c.req.url);
  requireOwnOrigin(c.req.raw);
  if (c.req.header("upgrade")?.toLowerCase() !== "websocket") {
    const headers = { upgrade: "websocket", connection: "upgrade" };
    throw new Problem("upgrade_required", "Connect with a WebSocket client.", { headers });
  }
  const { webSocket } = await readLog(c.env, log, ({ inbox }) => upgrade(inbox, filter, { after, relayed: false }));
  return new Response(null, { status: 101, webSocket });
}

/** Answers with server-sent events. The cursor of a client that connects again counts more than the URL's. */
async function answerStream(c: ReceiverContext): Promise<Response> {
  const { log, after, filter } = liveQuery(c.req.url);
  if (c.req.raw.method === "HEAD") return c.body(null, 200, STREAM_HEADERS);
  const last = c.req.header("last-event-id");
  const from = last === undefined || last === "" ? after : cursorOf("last-event-id", last);
  const { scanBytes } = configOf(c.env);
  const streamed = await readLog(c.env, log, async (reader) => {
    const socket = await LiveSocket.open(reader.inbox, filter, from);
    return { reader, socket, filter, scanBytes };
  });
  const { socket } = streamed;
  const batches = streamBatches(streamed, from ?? socket.head);
  const began = Date.now();
  const close = () => {
    if (socket.close()) logEvent("stream.closed", { ms: Date.now() - began });
  };
  c.req.raw.signal.addEventListener("abort", close);
  return c.body(eventStream(batches, { close, now: Date.now }), 200, STREAM_HEADERS);
}

/**
 * Returns the parameters of a live read; `after` null: no cursor was given.
 *
 * @throws Problem `invalid_parameter` or `invalid_cursor`
 */
function liveQuery(url: string): { log: string | null; after: number | null; filter: EventFilter } {
  const { searchParams } = new URL(url);
  const after = cursorOf("after", searchParams.get("after"));
  return { log: searchParams.get("log"), after, filter: readFilter(searchParams) };
}

/**
 * Lets no other site's page in: a browser opens a WebSocket for any page, sends the cookies along, and says only by
 * `origin` which page it is.
 *
 * @throws Problem `cross_site`
 */
function requireOwnOrigin(request: Request): void {
  const origin = request.headers.get("origin");
  if (origin === null || origin === new URL(request.url).origin) return;
  throw new Problem("cross_site", "This WebSocket does not come from this Worker's own page.");
}
