import type { EventFilter } from "../../event/filter.ts";
import { BATCH_EVENTS, type Batch } from "../../event/page.ts";
import type { LogReader } from "../logs.ts";
import { readPage } from "../read.ts";
import { cursorAhead, type LiveSocket } from "./socket.ts";

/** The log from a position on, as one read: what the tails do not hold is paged, then the socket waits. */
export type Following = { reader: LogReader; socket: LiveSocket; filter: EventFilter; scanBytes: number };

/** `scanned`: it is as much of KV as one request may scan, and there is more. */
export type Followed = Batch & { scanned?: true };

/**
 * Batches from `after` on, each as soon as there is any, without end; a batch may be empty and only say how far
 * its filter has looked. Ends when the socket is closed.
 *
 * @throws Problem `cursor_ahead` when the log ends before its position, or `segment_unavailable`.
 */
export async function* follow(following: Following, after: number): AsyncGenerator<Followed, void> {
  for (let position = after; ; ) {
    const answer = await following.socket.ask(position);
    if ("closed" in answer) return;
    if ("reset" in answer) throw cursorAhead(answer.reset);
    if ("events" in answer) {
      yield answer;
      position = answer.next;
      continue;
    }
    while (position < answer.behind) {
      const batch = await readBacklog(following, position);
      position = batch.next;
      yield position < answer.behind ? { ...batch, scanned: true } : batch;
    }
  }
}

async function readBacklog({ reader, filter, scanBytes }: Following, after: number): Promise<Batch> {
  const { events, next } = await readPage(reader, {
    order: "after",
    seq: after,
    limit: BATCH_EVENTS,
    scanBytes,
    filter,
  });
  if (next === null) throw new Error("a page after a cursor has a next");
  return { events, next };
}
