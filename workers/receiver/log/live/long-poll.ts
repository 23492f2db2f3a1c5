import { Problem } from "../../../../shared/http/problem.ts";
import type { Batch, Page, PageQuery } from "../../event/page.ts";
import type { LogReader } from "../logs.ts";
import { readPage } from "../read.ts";
import { CLOSED_HERE, cursorAhead, LiveSocket } from "./socket.ts";

/** Proxies and clients give up on a silent request after a minute. */
export const MAX_WAIT_SECONDS = 55;

/** `signal` ends the wait: the client has left. */
export type Wait = { waitMs: number; signal: AbortSignal };

/** The milliseconds that `wait` asks for; 0 without it. @throws Problem `invalid_parameter` */
export function waitOf(parameters: URLSearchParams): number {
  const wait = parameters.get("wait");
  if (wait === null) return 0;
  if (!/^\d\d?$/.test(wait) || Number(wait) > MAX_WAIT_SECONDS) {
    throw new Problem("invalid_parameter", `\`wait\` is a number of seconds from 0 to ${MAX_WAIT_SECONDS}.`);
  }
  if (!parameters.has("after")) throw new Problem("invalid_parameter", "`wait` is for what comes after an `after`.");
  return Number(wait) * 1000;
}

/**
 * The page after a cursor, as soon as it is not empty; after `waitMs` the empty one. What is in no tail any
 * more is an ordinary page, and so at once.
 *
 * @throws Problem `cursor_ahead`, `segment_unavailable`, or `log_unavailable` when the Inbox ended the wait.
 */
export async function longPoll(reader: LogReader, query: PageQuery, wait: Wait): Promise<Page> {
  const after = query.seq ?? 0;
  const socket = await LiveSocket.open(reader.inbox, query.filter, after);
  const close = () => socket.close();
  const timer = setTimeout(close, wait.waitMs);
  wait.signal.addEventListener("abort", close);
  try {
    return await news(socket, reader, query);
  } finally {
    clearTimeout(timer);
    wait.signal.removeEventListener("abort", close);
    close();
  }
}

async function news(socket: LiveSocket, reader: LogReader, query: PageQuery): Promise<Page> {
  for (let after = query.seq ?? 0; ; ) {
    const answer = await socket.ask(after);
    if ("closed" in answer) {
      if (answer.closed !== CLOSED_HERE) throw lost();
      return { events: [], next: after, end: true };
    }
    if ("reset" in answer) throw cursorAhead(answer.reset);
    if ("behind" in answer) return readPage(reader, { ...query, seq: after });
    if (answer.events.length > 0) return cut(answer, query.limit);
    after = answer.next;
  }
}

/** The object restarted, moved or failed: what follows the cursor is not known, so this is not its end. */
function lost(): Problem {
  return new Problem("log_unavailable", "The log was lost while waiting; ask again with the same cursor.", {
    headers: { "retry-after": "5" },
  });
}

/** A batch as the page that a limit asks for. */
function cut(batch: Batch, limit: number): Page {
  if (batch.events.length <= limit) return batch;
  const events = batch.events.slice(0, limit);
  return { events, next: events.at(-1)?.seq ?? batch.next };
}
