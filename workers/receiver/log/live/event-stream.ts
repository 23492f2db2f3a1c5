import { utf8 } from "../../../../shared/bytes.ts";
import { Problem } from "../../../../shared/http/problem.ts";
import { logEvent } from "../../../../shared/log-event.ts";
import type { EventFilter } from "../../event/filter.ts";
import { BATCH_EVENTS, type Batch } from "../../event/page.ts";
import type { LogReader } from "../logs.ts";
import { cursorAhead, readPage } from "../read.ts";
import type { LiveSocket } from "./socket.ts";

/**
 * Server-sent events (HTML Standard, section 9.2): each event is a message whose id is its cursor. A stream ends by
 * itself now and then, and the client connects again with the id it has reached: a Worker's CPU time is counted per
 * request.
 */

export const STREAM_HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  // Neither kept nor compressed on the way: compression waits for more.
  "cache-control": "no-store, no-transform",
  "x-content-type-options": "nosniff",
};

/** Log to stream: its tails are read through the socket, and older events as pages, of `scanBytes` each. */
type StreamedLog = { reader: LogReader; socket: LiveSocket; filter: EventFilter; scanBytes: number };

/** Batch of a stream. `scanned`: it took as much of KV as one request may scan, and there is more. */
type StreamBatch = Batch & { scanned?: true };

/**
 * Yields batches from `after` on, each as soon as there is any, until the socket is closed. An empty batch says how far
 * the filter has looked.
 *
 * @throws Problem `cursor_ahead` when the log ends before its cursor, or `segment_unavailable`.
 */
export async function* streamBatches(log: StreamedLog, after: number): AsyncGenerator<StreamBatch, void> {
  for (let cursor = after; ; ) {
    const answer = await log.socket.ask(cursor);
    if ("closed" in answer) return;
    if ("reset" in answer) throw cursorAhead(answer.reset);
    if ("events" in answer) {
      yield answer;
      cursor = answer.next;
      continue;
    }
    while (cursor < answer.behind) {
      const batch = await readBacklog(log, cursor);
      cursor = batch.next;
      yield cursor < answer.behind ? { ...batch, scanned: true } : batch;
    }
  }
}

async function readBacklog({ reader, filter, scanBytes }: StreamedLog, after: number): Promise<Batch> {
  const {
    events,
    next,
    missing = [],
  } = await readPage(reader, {
    order: "after",
    seq: after,
    limit: BATCH_EVENTS,
    scanBytes,
    filter,
  });
  if (next === null) throw new Error("a page after a cursor has a next");
  return { events, next, missing };
}

/**
 * Limits that end a stream, and its heartbeat; times in milliseconds. A heartbeat is two writes: TCP takes the first one
 * after a client's leaving, the client's machine answers it with a reset, and the second one fails.
 */
export type StreamLimits = { batches: number; events: number; ms: number; heartbeatMs: number };

// A request has 10 ms of CPU on the free plan, and connecting again takes more of it than a batch does.
export const STREAM_LIMITS: StreamLimits = { batches: 100, events: 500, ms: 300_000, heartbeatMs: 15_000 };

/** Delays before a client connects again: short after an end that was meant, longer after a lost connection. */
const RECONNECT_MS = { lost: 3000, ended: 100 };

/**
 * Returns the stream of what `batches` brings. A batch is read only when the client takes it. A client that has left is
 * noticed when a write fails, within one heartbeat; `close` is called then, as at any other end.
 */
export function eventStream(
  batches: AsyncIterator<StreamBatch, void>,
  { close, limits = STREAM_LIMITS, now }: { close(): void; limits?: StreamLimits; now(): number },
): ReadableStream<Uint8Array> {
  const began = now();
  const sent = { batches: 0, events: 0 };
  // One request scans one page's worth of KV, here as elsewhere.
  let scanned = false;
  let coming: Promise<IteratorResult<StreamBatch, void> | null> | null = null;

  async function nextFrames(): Promise<{ text: string; last: boolean }> {
    const isLong = sent.batches >= limits.batches || sent.events >= limits.events || now() - began >= limits.ms;
    if (scanned || isLong) return { text: reconnectAfter(RECONNECT_MS.ended), last: true };
    coming ??= batches.next();
    const result = await within(coming, limits.heartbeatMs / 2);
    if (result === null) return { text: ":\n\n", last: false };
    coming = null;
    if (result.done) return { text: "", last: true };
    sent.batches += 1;
    sent.events += result.value.events.length;
    scanned = result.value.scanned ?? false;
    return { text: frames(result.value), last: false };
  }

  return new ReadableStream(
    {
      start: (controller) => controller.enqueue(utf8(reconnectAfter(RECONNECT_MS.lost))),
      pull: async (controller) => {
        const { text, last } = await nextFrames().catch((error: unknown) => ({ text: lastWords(error), last: true }));
        if (text !== "") controller.enqueue(utf8(text));
        if (!last) return;
        controller.close();
        close();
      },
      cancel: close,
    },
    { highWaterMark: 0 },
  );
}

/**
 * Returns a batch as text. An id without data moves the client's cursor past events that its filter leaves out. Parts
 * that are missing come first, without an id: a client that is cut off amid the batch gets them again.
 */
export function frames({ events, next, missing = [] }: Batch): string {
  const gaps = missing.map((gap) => `event: missing\ndata: ${JSON.stringify(gap)}\n\n`);
  const messages = events.map((event) => `id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`);
  const text = [...gaps, ...messages].join("");
  return events.at(-1)?.seq === next ? text : `${text}id: ${next}\n\n`;
}

function reconnectAfter(ms: number): string {
  return `retry: ${ms}\n\n`;
}

/** Returns a Problem as the stream's last event. A client that connects again gets it as an answer, and stops. */
function lastWords(error: unknown): string {
  logEvent("live.failed", { error: String(error) });
  if (!(error instanceof Problem)) return "";
  const { code, extra, message } = error;
  return `event: problem\ndata: ${JSON.stringify({ code, detail: message, ...extra })}\n\n`;
}

/** Returns the result, or null if it takes longer than `ms`; the same result can be waited for again. */
async function within<Result>(result: Promise<Result>, ms: number): Promise<Result | null> {
  const late = Promise.withResolvers<null>();
  const timer = setTimeout(() => late.resolve(null), ms);
  try {
    return await Promise.race([result, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
