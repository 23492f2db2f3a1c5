import type { IncomingMessage } from "node:http";
import { json } from "node:stream/consumers";
import { Pause } from "./pause.ts";
import type { Wire } from "./wire.ts";

/** Three of the ways to get the same events; webhook.ts has the fourth. */

/** `message`: the event came in it. `elapsed`: milliseconds from a moment until now, both in the consumer's own time. */
export type Seen = (id: string, message: IncomingMessage, elapsed: (since: number) => number) => void;
/** `empty`: the number of requests so far that brought no event. */
export type Consumer = { run(signal: AbortSignal): Promise<void>; empty(): number };

/** `from`: the position in the log at the start. */
export type Source = { url: string; from: number; wire: Wire; scale: number; seen: Seen };
type Page = { events: { id: string }[]; next: number; end?: boolean };

const PAGE = 100;
/** An idle long poll is held this long by the server, 55 s at most. */
const LONG_POLL_SECONDS = 25;
/** The server ends a stream after this time, and the client comes back. */
const STREAM_MS = 300_000;
/** The server asks for this delay when it ends a stream. */
const STREAM_RETRY_MS = 100;

/** Polls `GET /events?after=` of the sender every `intervalMs`, pages at once until the head. */
export function polling({ url, from, wire, scale, seen }: Source, intervalMs: number): Consumer {
  const pause = new Pause(scale);
  let empty = 0;
  const run = async (signal: AbortSignal) => {
    for (let after = from, due = performance.now(); !signal.aborted; ) {
      const { response, page } = await getPage(wire, `${url}/events?after=${after}&limit=${PAGE}`);
      after = page.next;
      for (const { id } of page.events) seen(id, response, since(pause));
      if (page.events.length === 0) empty++;
      if (page.end !== true) continue;
      due += intervalMs / scale;
      await pause.wait(Math.max(0, due - performance.now()) * scale, signal);
    }
  };
  return { run, empty: () => empty };
}

/** Asks `GET /events?after=&wait=` of the sender again and again; the server does the waiting. */
export function longPolling({ url, from, wire, scale, seen }: Source): Consumer {
  const pause = new Pause(scale);
  let empty = 0;
  const wait = Math.max(1, Math.round(LONG_POLL_SECONDS / scale));
  const run = async (signal: AbortSignal) => {
    for (let after = from; !signal.aborted; ) {
      const { response, page } = await getPage(wire, `${url}/events?after=${after}&limit=${PAGE}&wait=${wait}`);
      after = page.next;
      for (const { id } of page.events) seen(id, response, since(pause));
      if (page.events.length === 0) empty++;
    }
  };
  return { run, empty: () => empty };
}

/**
 * Reads `GET /events/stream?after=` of the receiver. The server's heartbeats come in real time, so in a phase that is
 * run faster their bytes are counted as often as they would come. There the client itself also ends a stream after
 * the time that would be five minutes, as the server does.
 */
export function streaming({ url, from, wire, scale, seen }: Source): Consumer {
  const pause = new Pause(scale);
  let empty = 0;
  const run = async (signal: AbortSignal) => {
    for (let last = String(from), retryMs = 0; !signal.aborted; await pause.wait(retryMs, signal)) {
      const response = await wire.get(`${url}/events/stream?after=${from}`, { "last-event-id": last });
      const end = setTimeout(() => response.destroy(), STREAM_MS / scale);
      response.once("close", () => clearTimeout(end));
      let events = 0;
      for await (const { field, value, wireBytes } of fieldsOf(response)) {
        if (field === "id") last = value;
        if (field === "retry") retryMs = Number(value);
        if (field === "") wire.spared(wireBytes * (scale - 1));
        if (field !== "data") continue;
        events++;
        seen((JSON.parse(value) as { id: string }).id, response, since(pause));
      }
      if (scale > 1) retryMs = STREAM_RETRY_MS;
      if (events === 0) empty++;
    }
  };
  return { run, empty: () => empty };
}

function since(pause: Pause): (since: number) => number {
  const now = performance.now();
  return (from) => pause.elapsed(from, now);
}

async function getPage(wire: Wire, url: string): Promise<{ response: IncomingMessage; page: Page }> {
  const response = await wire.get(url);
  return { response, page: (await json(response)) as Page };
}

type Field = { field: string; value: string; wireBytes: number };

/**
 * Yields the fields of an event stream (HTML Standard, section 9.2.6), comments under the name "". `wireBytes`: the
 * bytes since the field before. Ends with the connection, however that ends.
 */
async function* fieldsOf(response: IncomingMessage): AsyncGenerator<Field> {
  let rest = "";
  let counted = response.socket.bytesRead;
  response.setEncoding("utf8");
  try {
    for await (const chunk of response as AsyncIterable<string>) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines.filter((each) => each !== "")) {
        const [field = "", value = ""] = line.split(/: ?(.*)/s);
        yield { field, value, wireBytes: response.socket.bytesRead - counted };
        counted = response.socket.bytesRead;
      }
    }
  } catch {
    // The stream ended in the middle, closed here or lost: the client comes back either way.
  }
}
