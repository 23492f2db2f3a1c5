import { setTimeout as delay } from "node:timers/promises";
import { WebSocket } from "ws";
import type { EventSummary } from "./client.ts";

/** Consumers of the receiver's log, one for each of its live faces. After a break each goes on from its cursor. */

export type Consumer = { name: string; seen: EventSummary[]; stop(): void };

/** Follows the log until `signal` ends it; throws when a connection breaks off. */
type Follow = (url: string, seen: EventSummary[], signal: AbortSignal) => Promise<void>;

const RECONNECT_MS = 50;
const WAIT_SECONDS = 5;

export function consume(name: keyof typeof faces, url: string): Consumer {
  const seen: EventSummary[] = [];
  const stopped = new AbortController();
  void (async () => {
    while (!stopped.signal.aborted) {
      await faces[name](url, seen, stopped.signal).catch(() => {});
      await delay(RECONNECT_MS);
    }
  })();
  return { name, seen, stop: () => stopped.abort() };
}

export const faces = { socket, stream, poll } satisfies Record<string, Follow>;

function cursorOf(seen: readonly EventSummary[]): number {
  return seen.at(-1)?.seq ?? 0;
}

function socket(url: string, seen: EventSummary[], signal: AbortSignal): Promise<void> {
  const client = new WebSocket(`${url.replace("http", "ws")}/events/live?after=${cursorOf(seen)}`);
  signal.addEventListener("abort", () => client.terminate());
  client.on("message", async (data: Buffer) => {
    const answer = JSON.parse(data.toString()) as { events?: EventSummary[]; behind?: number; receipt: string };
    seen.push(...(answer.events ?? []));
    try {
      while (cursorOf(seen) < (answer.behind ?? 0)) seen.push(...(await page(url, `after=${cursorOf(seen)}`)));
      client.send(JSON.stringify({ more: cursorOf(seen), receipt: answer.receipt }));
    } catch {
      client.terminate();
    }
  });
  return new Promise((resolve, reject) => {
    client.on("close", () => resolve());
    client.on("error", reject);
  });
}

async function stream(url: string, seen: EventSummary[], signal: AbortSignal): Promise<void> {
  const headers = { "last-event-id": String(cursorOf(seen)) };
  const { ok, body } = await fetch(`${url}/events/stream`, { headers, signal });
  if (!ok || body === null) throw new Error("no stream");
  let text = "";
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    const messages = `${text}${chunk}`.split("\n\n");
    text = messages.pop() ?? "";
    for (const message of messages) {
      const [, data] = /^data: (.*)$/m.exec(message) ?? [];
      if (data !== undefined) seen.push(JSON.parse(data) as EventSummary);
    }
  }
}

async function poll(url: string, seen: EventSummary[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) seen.push(...(await page(url, `after=${cursorOf(seen)}&wait=${WAIT_SECONDS}`, signal)));
}

async function page(url: string, query: string, signal: AbortSignal | null = null): Promise<EventSummary[]> {
  const response = await fetch(`${url}/events?${query}`, { signal });
  if (!response.ok) throw new Error(`${response.status}`);
  return ((await response.json()) as { events: EventSummary[] }).events;
}
