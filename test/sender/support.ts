import { reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { afterEach, beforeEach, vi } from "vitest";
import type { Delivery } from "../../workers/sender/model/delivery.ts";
import type { PublishEvent, PublishResult } from "../../workers/sender/model/event.ts";
import type { Env } from "../../workers/sender/operations/env.ts";
import { vouchedFor } from "../support/vouched-for.ts";

/** The sender's objects on real storage; only outbound fetch is replaced, and the date where time must move. */

export const bindings = env as unknown as Env;
export const outbox = () => bindings.OUTBOX.getByName("default");
export const endpoint = (id = "ep_default") => bindings.ENDPOINT.getByName(`default/${id}`);

/** Calls the Worker's fetch handler, as the front of `npm start` does. */
export async function fetchSender(url: string, init: RequestInit = {}): Promise<Response> {
  const { default: worker } = exports as unknown as { default: Fetcher };
  return worker.fetch(await vouchedFor(new Request(url, init), bindings.API_TOKEN ?? ""));
}

/** The last seq in the log. */
export const head = async () => (await outbox().events({ after: null, before: null, limit: 1, type: null })).head;

/** The log as the Outbox tells the Endpoints of it. */
export const logView = () => runInDurableObject(outbox(), ({ store }) => store.view);

export type Sent = { url: string; id: string; body: string; headers: Headers; signal: AbortSignal };

/** Every request the sender made; `answer` says what comes back, 200 at first. */
export const receiver = {
  sent: [] as Sent[],
  answer: (_sent: Sent): Response | Promise<Response> => new Response("ok"),
  /** Returns the requests by id. */
  counts: () => Map.groupBy(receiver.sent, ({ id }) => id),
};

/** Replaces fetch before each test and empties all storage after it. */
export function useReceiver(): void {
  beforeEach(() => {
    receiver.sent = [];
    receiver.answer = () => new Response("ok");
    vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
      const request = new Request(input as RequestInfo, init as RequestInit);
      const sent = {
        url: request.url,
        id: request.headers.get("webhook-id") ?? "",
        body: await request.clone().text(),
        headers: request.headers,
        signal: request.signal,
      };
      receiver.sent.push(sent);
      return receiver.answer(sent);
    });
  });
  afterEach(async () => {
    vi.useRealTimers();
    vi.restoreAllMocks();
    await reset();
  });
}

/** Moves the clock that the Workers read; timers go on as they are. */
export function moveTo(time: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: time });
}

export function newEvent(part: Partial<PublishEvent> = {}): PublishEvent {
  return { type: "order.paid", data: '{"total":42}', id: null, deliverAt: null, digest: null, ...part };
}

export async function publish(...events: Partial<PublishEvent>[]): Promise<PublishResult> {
  return outbox().publish({ events: events.map(newEvent), request: null });
}

/** Publishes one event that must be taken, and answers its id and seq. */
export async function publishOne(part: Partial<PublishEvent> = {}): Promise<{ id: string; seq: number }> {
  const result = await publish(part);
  const [event] = result.ok ? result.events : [];
  if (event === undefined || event.seq === null) throw new Error(`not published: ${JSON.stringify(result)}`);
  return { id: event.id, seq: event.seq };
}

export async function deliveries(id = "ep_default"): Promise<Delivery[]> {
  return endpoint(id).deliveries({ before: null, limit: 10_000, state: null });
}

/** Waits until `count` deliveries have a row. */
export async function settled(count: number): Promise<Delivery[]> {
  return vi.waitUntil(
    async () => {
      const rows = await deliveries();
      return rows.length >= count && rows;
    },
    { timeout: 15_000, interval: 5 },
  );
}

export async function runAlarms(): Promise<void> {
  await runDurableObjectAlarm(outbox());
  await runDurableObjectAlarm(endpoint());
}
