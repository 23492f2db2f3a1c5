import { Problem } from "../../../../shared/http/problem.ts";
import type { Batch, Page, PageQuery } from "../../event/page.ts";
import { type LogReader, RETRY_SOON } from "../logs.ts";
import { cursorAhead, readPage } from "../read.ts";
import { CLOSED_HERE, LiveSocket } from "./socket.ts";

/** Long poll: a page that is held back until there is something on it. */

/** Patience of a long poll. `signal` ends the wait when the client has left. */
type PollWait = { waitMs: number; signal: AbortSignal };

/**
 * Returns the page after a cursor as soon as it is not empty, or the empty page after `waitMs`. Events that are in no
 * tail any more come as an ordinary page, at once.
 *
 * @throws Problem `cursor_ahead`, `segment_unavailable`, or `log_unavailable` when the Inbox ended the wait.
 */
export async function longPoll(reader: LogReader, query: PageQuery, wait: PollWait): Promise<Page> {
  const after = query.seq ?? 0;
  const socket = await LiveSocket.open(reader.inbox, query.filter, after);
  const close = () => socket.close();
  const timer = setTimeout(close, wait.waitMs);
  wait.signal.addEventListener("abort", close);
  try {
    return await nextPage(socket, reader, query);
  } finally {
    clearTimeout(timer);
    wait.signal.removeEventListener("abort", close);
    close();
  }
}

async function nextPage(socket: LiveSocket, reader: LogReader, query: PageQuery): Promise<Page> {
  for (let after = query.seq ?? 0; ; ) {
    const answer = await socket.ask(after);
    if ("closed" in answer) {
      if (answer.closed !== CLOSED_HERE) throw lostLog();
      return { events: [], next: after, end: true };
    }
    if ("reset" in answer) throw cursorAhead(answer.reset);
    if ("behind" in answer) return readPage(reader, { ...query, seq: after });
    if (answer.events.length > 0 || answer.missing !== undefined) return limited(answer, query.limit);
    after = answer.next;
  }
}

/** Returns the failure of a wait that the Inbox ended: events may follow the cursor, so this is no end of the log. */
function lostLog(): Problem {
  return new Problem("log_unavailable", "The log was restarted during the wait. Ask again with the same cursor.", {
    headers: RETRY_SOON,
  });
}

/** Returns a batch as a page of at most `limit` events. */
function limited(batch: Batch, limit: number): Page {
  if (batch.events.length <= limit) return batch;
  const events = batch.events.slice(0, limit);
  const next = events.at(-1)?.seq ?? batch.next;
  const missing = batch.missing?.filter(({ from }) => from <= next) ?? [];
  return { events, next, ...(missing.length > 0 && { missing }) };
}
