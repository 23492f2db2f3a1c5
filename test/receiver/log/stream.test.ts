import { reset, runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Problem } from "../../../shared/http/problem.ts";
import type { Batch } from "../../../workers/receiver/event/page.ts";
import type { EventSummary } from "../../../workers/receiver/event/record.ts";
import { QUESTION_BYTES, type Viewer } from "../../../workers/receiver/inbox/live/protocol.ts";
import {
  eventStream,
  frames,
  STREAM_LIMITS,
  type StreamLimits,
} from "../../../workers/receiver/log/live/event-stream.ts";
import {
  call,
  callWith,
  get,
  inbox,
  inInbox,
  pass,
  SECOND,
  START,
  send,
  sendMany,
  setTime,
} from "../support/harness.ts";
import { evictIdle, leaveAll, openSockets, Stream, seqsOf, untilSockets } from "../support/live-harness.ts";

beforeEach(() => setTime(START));
afterEach(async () => {
  await leaveAll();
  await reset();
});

const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

/** Moves all events into KV, so that no tail holds them any more. */
async function flushAll(): Promise<void> {
  for (let run = 0; run < 3; run++) {
    pass(300 * SECOND);
    await runDurableObjectAlarm(inbox());
  }
}

describe("GET /events/stream", () => {
  it("is an event stream that no cache keeps", async () => {
    const { status, headers } = await call("/events/stream?after=0", { method: "HEAD" });
    expect([status, headers.get("content-type"), headers.get("cache-control")]).toEqual([
      200,
      "text/event-stream; charset=utf-8",
      "no-store, no-transform",
    ]);
    expect(await openSockets()).toBe(0);
  });

  it("sends the events that are there and those that come, as messages whose id is the cursor", async () => {
    await sendMany(3, "a");
    const stream = await Stream.open("?after=1");
    expect(await stream.next()).toMatchObject({ id: "2", event: "message" });
    await stream.next();
    await send("b", '{"type":"line\\nbreak"}');
    const message = await stream.next();
    const page = await get<{ events: EventSummary[] }>("/events?limit=1");
    expect(message).toEqual({ id: "4", event: "message", data: JSON.stringify(page.events[0]) });
    expect(stream.retries).toEqual([3000]);
  });

  it("begins with the next event when no cursor is given", async () => {
    await send("a");
    const stream = await Stream.open();
    await send("b");
    expect(seqsOf(await stream.events(1))).toEqual([2]);
  });

  it("goes on from Last-Event-ID, whatever the URL says", async () => {
    await sendMany(3, "a");
    const stream = await Stream.open("?after=0", { "last-event-id": "2" });
    expect(seqsOf(await stream.events(1))).toEqual([3]);
    const fresh = await Stream.open("?after=1", { "last-event-id": "" });
    expect(seqsOf(await fresh.events(1))).toEqual([2]);
    expect((await call("/events/stream", { headers: { "last-event-id": "x" } })).status).toBe(400);
    expect((await call("/events/stream", { headers: { "last-event-id": "4" } })).status).toBe(409);
  });

  it("ends after 100 batches, and the client goes on from the last id", async () => {
    const { batches } = STREAM_LIMITS;
    const stream = await Stream.open();
    for (const seq of upTo(batches)) {
      await send(`a${seq}`);
      expect(seqsOf(await stream.events(1))).toEqual([seq]);
    }
    expect(await stream.next()).toBeNull();
    expect(stream.retries).toEqual([3000, 100]);
    await send("last");
    const again = await Stream.open("", { "last-event-id": String(batches) });
    expect(seqsOf(await again.events(1))).toEqual([batches + 1]);
  });

  it("reads backlog and news as one, also when the backlog is in KV", async () => {
    await sendMany(30, "a");
    await flushAll();
    await sendMany(20, "b");
    const stream = await Stream.open("?after=0");
    const seen = seqsOf(await stream.events(50));
    await sendMany(10, "c");
    expect([...seen, ...seqsOf(await stream.events(10))]).toEqual(upTo(60));
  });

  it("moves the cursor of a filtered client past events that its filter leaves out", async () => {
    await sendMany(20, "a");
    await flushAll();
    const stream = await Stream.open("?after=0&type=rare");
    // From a page that matched nothing, then from a wait.
    expect(await stream.next()).toEqual({ id: "20", event: "message", data: null });
    await sendMany(500, "b");
    expect(await stream.next()).toEqual({ id: "520", event: "message", data: null });
    await send("c", '{"type":"rare"}');
    expect(seqsOf(await stream.events(1))).toEqual([521]);
  });

  it("scans no more of KV than one request may, and lets the client come back for the rest", async () => {
    for (let segment = 1; segment <= 3; segment++) {
      await send(`s${segment}`, "x".repeat(300_000));
      await flushAll();
    }
    const ids: (string | null | undefined)[] = ["0"];
    for (const end of [true, true, false]) {
      const path = `/events/stream?type=rare&after=${ids.at(-1)}`;
      const stream = new Stream((await callWith({ SCAN_BYTES: "1000" }, path)).body);
      ids.push((await stream.next())?.id);
      if (end) expect([await stream.next(), stream.retries]).toEqual([null, [3000, 100]]);
    }
    expect(ids).toEqual(["0", "1", "2", "3"]);
  });

  it("waits without keeping the Inbox awake", async () => {
    await send("a");
    const stream = await Stream.open("?after=1");
    for (const seq of [2, 3]) {
      const coming = stream.events(1);
      await untilSockets(1);
      await evictIdle();
      await send(`b${seq}`);
      expect(seqsOf(await coming)).toEqual([seq]);
    }
  });

  it("returns its receipts to the Inbox", async () => {
    const stream = await Stream.open("?after=0");
    for (let seq = 1; seq <= 5; seq++) {
      await send(`a${seq}`);
      await stream.events(1);
    }
    const unread = await inInbox((_instance, state) => {
      return state.getWebSockets().map((socket) => (socket.deserializeAttachment() as Viewer).unread);
    });
    expect(unread).toEqual([expect.any(Number)]);
    expect(unread[0]).toBeLessThan(2 * QUESTION_BYTES);
  });

  it("closes its socket in the Inbox when the client leaves", async () => {
    const stream = await Stream.open("?after=0");
    await untilSockets(1);
    await stream.leave();
    await untilSockets(0);
  });
});

describe("eventStream", () => {
  const event = (seq: number): EventSummary => {
    const summary = { id: null, source: "default", type: null, bytes: 2, verification: "verified" as const };
    return { seq, receivedAt: new Date(START).toISOString(), ...summary };
  };
  const batch = (...seqs: number[]): Batch => ({ events: seqs.map(event), next: seqs.at(-1) ?? 0 });

  /** Makes a stream of what a generator yields, counts the batches asked of it, and tells whether it was closed. */
  function streaming(batches: AsyncIterator<Batch, void>, limits: Partial<StreamLimits> = {}) {
    const seen = { asked: 0, closed: 0 };
    const counting = {
      next: () => {
        seen.asked += 1;
        return batches.next();
      },
    };
    const close = () => {
      seen.closed += 1;
    };
    const all = { ...STREAM_LIMITS, ...limits };
    return { seen, stream: new Stream(eventStream(counting, { close, limits: all, now: Date.now })) };
  }

  it("asks for the next batch only when the client has taken the last", async () => {
    async function* endless() {
      for (let seq = 1; ; seq++) yield batch(seq);
    }
    const { seen, stream } = streaming(endless());
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(seen.asked).toBe(0);
    for (let count = 1; count <= 3; count++) {
      await stream.events(1);
      expect(seen.asked).toBe(count);
    }
  });

  it("sends heartbeats while nothing comes, and asks once", async () => {
    const pending = Promise.withResolvers<void>();
    async function* late() {
      await pending.promise;
      yield batch(1);
    }
    const { seen, stream } = streaming(late(), { heartbeatMs: 5 });
    const first = stream.next();
    while (stream.comments.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    pending.resolve();
    expect(await first).toMatchObject({ id: "1" });
    expect(seen.asked).toBe(1);
  });

  it("ends after its events, with the batch that reaches them", async () => {
    async function* endless() {
      for (let seq = 1; ; seq += 2) yield batch(seq, seq + 1);
    }
    const { seen, stream } = streaming(endless(), { events: 5 });
    expect(seqsOf(await stream.events(6))).toEqual(upTo(6));
    expect(await stream.next()).toBeNull();
    expect([seen.closed, stream.retries]).toEqual([1, [3000, 100]]);
  });

  it("ends after its time, at the next heartbeat", async () => {
    async function* silent() {
      await new Promise(() => {});
      yield batch(1);
    }
    const { seen, stream } = streaming(silent(), { ms: 1000, heartbeatMs: 5 });
    const ended = stream.next();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(seen.closed).toBe(0);
    pass(1000);
    expect(await ended).toBeNull();
    expect([seen.closed, stream.retries]).toEqual([1, [3000, 100]]);
  });

  it("closes its source when the client leaves", async () => {
    async function* silent() {
      await new Promise(() => {});
      yield batch(1);
    }
    const { seen, stream } = streaming(silent(), { heartbeatMs: 5 });
    const next = stream.next().catch(() => null);
    while (stream.comments.length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
    await stream.leave();
    await next;
    expect(seen.closed).toBe(1);
  });

  const failures: [what: string, error: Error, words: string | null][] = [
    ["a Problem", new Problem("cursor_ahead", "The newest event is 3.", { extra: { head: 3 } }), '"head":3'],
    ["anything else", new Error("the secret is …"), null],
  ];
  it.each(failures)("ends with %s, and tells only what a client can act on", async (_what, error, words) => {
    async function* failing() {
      yield batch(1);
      throw error;
    }
    const { seen, stream } = streaming(failing());
    await stream.events(1);
    const last = await stream.next();
    if (words === null) expect(last).toBeNull();
    else expect(last).toMatchObject({ event: "problem", data: expect.stringContaining(words) });
    expect(await stream.next()).toBeNull();
    expect(seen.closed).toBe(1);
  });

  it("writes each event on one line", () => {
    const hostile = { ...event(1), type: "a\r\nid: 9\n\ndata: x\u2028" };
    const text = frames({ events: [hostile], next: 1 });
    expect(text.split(/\r\n|\r|\n/)).toEqual(["id: 1", `data: ${JSON.stringify(hostile)}`, "", ""]);
  });
});
