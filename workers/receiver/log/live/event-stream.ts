import { utf8 } from "../../../../shared/bytes.ts";
import { Problem } from "../../../../shared/http/problem.ts";
import { logEvent } from "../../../../shared/log-event.ts";
import type { Batch } from "../../event/page.ts";
import type { Followed } from "./follow.ts";

/**
 * Server-sent events (HTML Standard, section 9.2): each event is a message whose id is its cursor. The stream
 * ends by itself now and then, and the client connects again with the id it came to: a Worker's CPU time is
 * counted per request.
 */

export const STREAM_HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  // Neither kept nor compressed on the way: what compresses, waits for more.
  "cache-control": "no-store, no-transform",
  "x-content-type-options": "nosniff",
};

/**
 * What ends a stream, and how often it says that it is there; times in milliseconds. A heartbeat is two writes:
 * TCP takes the first that follows a client's leaving, the client's machine answers it with a reset, and the next
 * one fails.
 */
export type StreamLimits = { batches: number; events: number; ms: number; heartbeatMs: number };

// A request has 10 ms of CPU on the free plan, and coming back takes more of it than a batch does.
export const STREAM_LIMITS: StreamLimits = { batches: 100, events: 500, ms: 300_000, heartbeatMs: 15_000 };

/** A client comes back: soon after an end that was meant, later when it lost us. */
const RETRY_MS = { lost: 3000, ended: 100 };

/**
 * The stream of what `batches` brings. It is read one batch at a time, only when the client takes it; a client
 * that has left is noticed when a write fails, within one heartbeat, and `close` is called then.
 */
export function eventStream(
  batches: AsyncIterator<Followed, void>,
  { close, limits = STREAM_LIMITS, now }: { close(): void; limits?: StreamLimits; now(): number },
): ReadableStream<Uint8Array> {
  const began = now();
  const sent = { batches: 0, events: 0 };
  // One request scans one page's worth of KV, here as elsewhere.
  let scanned = false;
  let coming: Promise<IteratorResult<Followed, void> | null> | null = null;

  async function nextFrames(): Promise<{ text: string; last: boolean }> {
    const isLong = sent.batches >= limits.batches || sent.events >= limits.events || now() - began >= limits.ms;
    if (scanned || isLong) return { text: retry(RETRY_MS.ended), last: true };
    coming ??= batches.next();
    const result = await before(coming, limits.heartbeatMs / 2);
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
      start: (controller) => controller.enqueue(utf8(retry(RETRY_MS.lost))),
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

/** A batch as text; an id without data moves the client's cursor past what its filter does not want. */
export function frames({ events, next }: Batch): string {
  const messages = events.map((event) => `id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`);
  return events.at(-1)?.seq === next ? messages.join("") : `${messages.join("")}id: ${next}\n\n`;
}

function retry(ms: number): string {
  return `retry: ${ms}\n\n`;
}

/** What a client can act on is told as an event; coming back it gets the same as an answer, and stops. */
function lastWords(error: unknown): string {
  logEvent("live.failed", { error: String(error) });
  if (!(error instanceof Problem)) return "";
  const { code, extra, message } = error;
  return `event: problem\ndata: ${JSON.stringify({ code, detail: message, ...extra })}\n\n`;
}

/** The result, or null when it takes longer than `ms`; it can be waited for again. */
async function before<T>(result: Promise<T>, ms: number): Promise<T | null> {
  const late = Promise.withResolvers<null>();
  const timer = setTimeout(() => late.resolve(null), ms);
  try {
    return await Promise.race([result, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
