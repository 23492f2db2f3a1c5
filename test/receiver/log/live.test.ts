import { evictDurableObject, reset, runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BATCH_BYTES, QUESTION_BYTES } from "../../../workers/receiver/inbox/live/protocol.ts";
import { inboxOf } from "../../../workers/receiver/log/logs.ts";
import { acceptMany, arrival } from "../support/arrivals.ts";
import {
  call,
  callWith,
  env,
  get,
  inbox,
  inInbox,
  ORIGIN,
  pass,
  SECOND,
  START,
  send,
  sendMany,
  setTime,
} from "../support/harness.ts";
import { discard, leaveAll, openSockets, Stream, seqsOf, untilSockets, Viewer } from "../support/live-harness.ts";
import { log } from "../support/logged.ts";

beforeEach(() => setTime(START));
afterEach(async () => {
  await leaveAll();
  await reset();
});

const QUIET_MS = 60;

/** Moves all events into KV, so that no tail holds them any more. */
async function flushAll(): Promise<void> {
  for (let run = 0; run < 3; run++) {
    pass(300 * SECOND);
    await runDurableObjectAlarm(inbox());
  }
}

describe("GET /events/live", () => {
  it("answers the first request with the events that are there, and the next with those that come", async () => {
    await sendMany(3, "a");
    const viewer = await Viewer.open();
    expect(await viewer.ask(1)).toMatchObject({ events: [{ seq: 2, id: "a2" }, { seq: 3 }], next: 3, end: true });
    viewer.send('{"more":3}');
    expect(await viewer.text(QUIET_MS)).toBeNull();
    await send("b");
    expect(await viewer.next()).toMatchObject({ events: [{ seq: 4, id: "b" }], next: 4, end: true });
  });

  it("shows the same events as /events", async () => {
    await send("a", '{"type":"order.paid"}');
    const viewer = await Viewer.open("?after=0");
    expect(await viewer.next()).toEqual(await get("/events?after=0"));
  });

  it("tells a viewer that waits what came again, and goes on with its wait", async () => {
    await sendMany(2, "a");
    const viewer = await Viewer.open("?after=2");
    expect(await viewer.text(QUIET_MS)).toBeNull();
    for (const times of [1, 2]) {
      pass(SECOND);
      await send("a1");
      const repeated = [{ seq: 1, times, lastAt: new Date(Date.now()).toISOString() }];
      expect(await viewer.next()).toEqual({ events: [], repeated, next: 2, end: true });
      viewer.put(2);
    }
    await send("b");
    expect(await viewer.next()).toMatchObject({ events: [{ seq: 3, id: "b" }], next: 3 });
  });

  it("tells what came again beside new events, the newest of a flood, and no stream or poll", async () => {
    const arrivals = Array.from({ length: 150 }, (_, index) => arrival(`a${index + 1}`));
    await acceptMany(arrivals);
    const [viewer, stream] = [await Viewer.open("?after=150"), await Stream.open("?after=150")];
    const poll = get("/events?after=150&wait=20");
    await untilSockets(3);
    await acceptMany(arrivals);
    const flood = await viewer.next();
    expect([flood.events, flood.repeated?.length, flood.repeated?.at(-1)?.seq]).toEqual([[], 100, 150]);
    viewer.put(150);
    await acceptMany([...arrivals.slice(6, 7), arrival("new")]);
    const lastAt = new Date(START).toISOString();
    expect(await viewer.next()).toMatchObject({ events: [{ seq: 151 }], repeated: [{ seq: 7, times: 2, lastAt }] });
    expect(await poll).toEqual({ events: [expect.objectContaining({ seq: 151 })], next: 151, end: true });
    expect((await stream.next())?.id).toBe("151");
  });

  it("tells those who watch how many requests were rejected, each once, and no stream", async () => {
    await sendMany(2, "a");
    const [viewer, busy, stream] = await Promise.all([Viewer.open("?after=2"), Viewer.open(), Stream.open("?after=2")]);
    await call("/webhook", { method: "POST", body: "forged" });
    const told = { events: [], next: 2, end: true, rejected: 1 };
    expect(await viewer.next()).toEqual(told);
    // One that does not wait is told with its next question, and everyone once.
    expect(await busy.text(10)).toBeNull();
    expect(await busy.ask(2)).toEqual(told);
    for (const each of [viewer, busy]) each.put(2);
    await send("b");
    for (const each of [viewer, busy]) expect(await each.next()).toMatchObject({ events: [{ seq: 3 }] });
    expect(await stream.next()).toMatchObject({ id: "3" });
  });

  it("sends nothing unasked", async () => {
    const viewer = await Viewer.open();
    await send("a");
    expect(await viewer.text(QUIET_MS)).toBeNull();
    await viewer.ask(0);
    await send("b");
    expect(await viewer.text(QUIET_MS)).toBeNull();
  });

  it("takes `after` as the first request, and the same request twice as one", async () => {
    await send("a");
    const viewer = await Viewer.open("?after=0");
    for (let time = 0; time < 2; time++) viewer.send('{"more":0}');
    expect(await viewer.next()).toMatchObject({ events: [{ seq: 1 }], next: 1 });
    expect(await viewer.text(QUIET_MS)).toBeNull();
  });

  it("sends at most 100 events a batch", async () => {
    await sendMany(250, "a");
    const viewer = await Viewer.open();
    const batches = [await viewer.ask(0), await viewer.ask(100), await viewer.ask(200)];
    expect(batches.map(({ events = [], next, end }) => [events.length, next, end])).toEqual([
      [100, 100, undefined],
      [100, 200, undefined],
      [50, 250, true],
    ]);
    expect(batches.flatMap(({ events = [] }) => seqsOf(events))).toEqual(Array.from({ length: 250 }, (_, i) => i + 1));
  });

  it("names the seq up to which to page when the tails begin later, and goes on from there", async () => {
    await sendMany(3, "a");
    await flushAll();
    await sendMany(2, "b");
    const viewer = await Viewer.open();
    expect(await viewer.ask(1)).toEqual({ behind: 3 });
    const page = await get<{ events: { seq: number }[] }>("/events?after=1&limit=2");
    expect(seqsOf(page.events)).toEqual([2, 3]);
    expect(seqsOf((await viewer.ask(3)).events ?? [])).toEqual([4, 5]);
  });

  it("tells a viewer beyond the head where the log ends, as often as asked", async () => {
    await send("a");
    const viewer = await Viewer.open("?after=7");
    expect(await viewer.next()).toEqual({ reset: 1 });
    expect(await viewer.ask(7)).toEqual({ reset: 1 });
    viewer.send('{"more":1}');
    await send("b");
    expect(await viewer.next()).toMatchObject({ events: [{ seq: 2 }] });
  });

  it("lets a viewer that was away while events went to KV go on without gap or repeat", async () => {
    await sendMany(2, "a");
    const before = await Viewer.open("?after=0");
    expect(await before.next()).toMatchObject({ next: 2 });
    await before.leave();
    await sendMany(2, "b");
    await flushAll();
    await send("c");
    const after = await Viewer.open("?after=2");
    expect(await after.next()).toEqual({ behind: 4 });
    expect(seqsOf((await get<{ events: { seq: number }[] }>("/events?after=2&limit=2")).events)).toEqual([3, 4]);
    expect(await after.ask(4)).toMatchObject({ events: [{ seq: 5, id: "c" }], next: 5 });
  });

  it("shows no cleared event, neither to a waiting viewer nor to one that asks", async () => {
    await send("a");
    const [waiting, late] = [await Viewer.open("?after=1"), await Viewer.open()];
    await sendMany(2, "b");
    expect(await waiting.next()).toMatchObject({ next: 3 });
    waiting.send('{"more":3}');
    await call("/events", { method: "DELETE" });
    await send("c");
    expect(await waiting.next()).toMatchObject({ events: [{ seq: 4, id: "c" }], next: 4 });
    expect(await late.ask(0)).toEqual({ behind: 3 });
    expect(await get("/events?after=0&limit=3")).toMatchObject({ events: [{ seq: 4 }] });
    expect(await late.ask(3)).toMatchObject({ events: [{ seq: 4 }] });
  });

  it("answers ping by itself", async () => {
    const viewer = await Viewer.open();
    viewer.send("ping");
    expect(await viewer.text()).toBe("pong");
  });

  it("accepts no viewer whose filter it cannot read", async () => {
    const asked = inbox().fetch("http://inbox/live?since=yesterday", { headers: { upgrade: "websocket" } });
    await expect(asked).rejects.toThrow("ISO 8601");
    expect(await inInbox((_instance, state) => state.getWebSockets())).toEqual([]);
    expect((await inbox().counts()).viewers).toBe(0);
  });

  it("forgets a viewer that closes", async () => {
    const viewer = await Viewer.open("?after=0");
    await untilSockets(1);
    await viewer.leave();
    await untilSockets(0);
    expect((await inbox().counts()).viewers).toBe(0);
  });
});

describe("a filtered socket", () => {
  const filters: [query: string, wanted: number[]][] = [
    ["type=order.*", [1, 3]],
    ["type=order.paid", [1]],
    ["source=default", [1, 2, 3]],
    ["source=elsewhere", []],
    ["q=EUR", [1, 3]],
    ["type=order.*&q=usd", []],
    [`since=${new Date(START).toISOString()}`, [1, 2, 3]],
    [`until=${new Date(START).toISOString()}`, []],
  ];
  it.each(filters)("gets of ?%s only %j, live and from the log", async (query, wanted) => {
    const [waiting, late] = [await Viewer.open(`?after=0&${query}`), await Viewer.open(`?${query}`)];
    for (const [index, type] of ["order.paid", "user.new", "order.refunded"].entries()) {
      await send(`msg_${index}`, JSON.stringify({ type, data: type.startsWith("order") ? "eur" : "usd" }));
    }
    const seen: number[] = [];
    for (let next = 0; seen.length < wanted.length; ) {
      const batch = await (next === 0 ? waiting.next() : waiting.ask(next));
      seen.push(...seqsOf(batch.events ?? []));
      next = batch.next ?? 0;
    }
    expect(seen).toEqual(wanted);
    late.send('{"more":0}');
    const text = await late.text(wanted.length === 0 ? QUIET_MS : 5000);
    expect(text === null ? [] : seqsOf(JSON.parse(text).events)).toEqual(wanted);
  });

  it("is told how far the filter has looked when nothing matched for 500 events", async () => {
    const viewer = await Viewer.open("?after=0&type=rare");
    await sendMany(499, "a");
    expect(await viewer.text(QUIET_MS)).toBeNull();
    await send("b");
    expect(await viewer.next()).toEqual({ events: [], next: 500, end: true });
    viewer.send('{"more":500}');
    await send("c", '{"type":"rare"}');
    expect(await viewer.next()).toMatchObject({ events: [{ seq: 501 }], next: 501 });
  });

  it("is behind when the tails moved on while it hibernated", async () => {
    const viewer = await Viewer.open("?after=0&type=rare");
    await sendMany(3, "a");
    expect(await viewer.text(QUIET_MS)).toBeNull();
    await evictDurableObject(inbox());
    await flushAll();
    await send("b", '{"type":"rare"}');
    expect(await viewer.next()).toEqual({ behind: 3 });
    expect(await viewer.ask(3)).toMatchObject({ events: [{ seq: 4 }] });
  });
});

describe("hibernation", () => {
  it("keeps a wait, its filter and its position", async () => {
    const long = (letter: string) => letter.repeat(256);
    const query = new URLSearchParams({ after: "0", type: "order.*", source: "default", q: "€" });
    const times = { after: "0", since: "1970-01-02T03:04:05.678Z", until: "2999-01-02T03:04:05.678Z" };
    const viewers = [
      await Viewer.open(`?${query}`),
      // The longest possible filter, in letters that take the most room.
      await Viewer.open(`?${new URLSearchParams({ ...times, type: long("Ж"), source: long("ß"), q: long("語") })}`),
    ];
    await evictDurableObject(inbox());
    await send("a", '{"type":"order.paid","data":"5 €"}');
    expect(await viewers[0]?.next()).toMatchObject({ events: [{ seq: 1 }], next: 1 });
    expect(await viewers[1]?.text(QUIET_MS)).toBeNull();
    expect((await inbox().counts()).viewers).toBe(2);
  });

  it("does not answer an answered request again", async () => {
    await send("a");
    const viewer = await Viewer.open("?after=0");
    await viewer.next();
    await evictDurableObject(inbox());
    await send("b");
    expect(await viewer.text(QUIET_MS)).toBeNull();
    viewer.send('{"more":0}');
    expect(await viewer.text(QUIET_MS)).toBeNull();
    expect(await viewer.ask(1)).toMatchObject({ events: [{ seq: 2 }], next: 2 });
  });

  it("does not bring back a viewer that was closed and has not answered the close", async () => {
    const { webSocket } = await call("/events/live?after=0", { headers: { upgrade: "websocket" } });
    webSocket?.accept({ allowHalfOpen: true });
    webSocket?.send("no question");
    await untilSockets(0);
    await evictDurableObject(inbox());
    expect((await inbox().counts()).viewers).toBe(0);
    webSocket?.close(1000);
  });

  it("does not bring back a viewer that has left", async () => {
    const viewer = await Viewer.open("?after=0");
    await viewer.leave();
    await untilSockets(0);
    await evictDurableObject(inbox());
    await send("a");
    expect((await inbox().counts()).viewers).toBe(0);
  });
});

describe("a socket is closed", () => {
  const malformed: [what: string, message: string | ArrayBuffer][] = [
    ["no JSON", "more"],
    ["no question", "{}"],
    ["null", "null"],
    ["a negative position", '{"more":-1}'],
    ["a fraction", '{"more":1.5}'],
    ["a text", '{"more":"1"}'],
    ["too large a number", '{"more":9007199254740993}'],
    ["too long a message", `{"more":1${" ".repeat(300)}}`],
    ["bytes", new TextEncoder().encode('{"more":1}').buffer as ArrayBuffer],
  ];
  it.each(malformed)("with 4400 for %s", async (_what, message) => {
    const viewer = await Viewer.open();
    viewer.send(message);
    expect(await viewer.closed).toEqual({ code: 4400, reason: expect.stringContaining('{"more": n}') });
    expect((await inbox().counts()).viewers).toBe(0);
  });

  it("with 4008 when it does not ask while events wait for more than a minute", async () => {
    await send("a");
    const [deaf, waiting, idle] = [await Viewer.open("?after=0"), await Viewer.open("?after=1"), await Viewer.open()];
    await deaf.next();
    pass(60 * SECOND);
    await send("b");
    expect(await waiting.next()).toMatchObject({ next: 2 });
    await untilSockets(3);
    pass(1);
    await send("c");
    expect(await deaf.closed).toEqual({ code: 4008, reason: expect.stringContaining("connect again") });
    expect((await idle.closed).code).toBe(4008);
    expect(await waiting.ask(2)).toMatchObject({ events: [{ seq: 3 }] });
  });

  it("not for asking late while nothing waits", async () => {
    await send("a");
    const viewer = await Viewer.open("?after=0");
    await viewer.next();
    pass(3600 * SECOND);
    viewer.send('{"more":1}');
    await send("b");
    expect(await viewer.next()).toMatchObject({ next: 2 });
  });
});

describe("a socket that returns no receipts", () => {
  const MIB = 1024 * 1024;
  const EVENTS = 40;
  /** Asks for what follows `more`; `receipt` is one that another client was given. */
  type Ask = (viewer: Viewer, more: number, receipt: string) => void;
  const plainly: Ask = (viewer, more) => viewer.send(JSON.stringify({ more }));
  const asks: [how: string, ask: Ask][] = [
    ["without receipts", plainly],
    ["with a receipt it made up", (viewer, more) => viewer.send(JSON.stringify({ more, receipt: "0123456789abcdef" }))],
    ["with another's receipts", (viewer, more, receipt) => viewer.send(JSON.stringify({ more, receipt }))],
  ];

  // All events together are one batch of 100 KiB.
  beforeEach(() => log(...Array.from({ length: EVENTS }, () => ({ type: "t".repeat(2440) }))));

  /** Asks for a batch again and again, at most `most` times, until the socket is closed; returns the bytes that came. */
  async function bytesSent(viewer: Viewer, ask: Ask, most = 1000): Promise<number> {
    const other = await Viewer.open("?after=1");
    let bytes = 0;
    for (let turn = 0; turn < most; turn++) {
      const [, receipt = ""] = /"receipt":"(\w+)"/.exec((await other.text()) ?? "") ?? [];
      other.put(turn % 2);
      ask(viewer, turn % 2, receipt);
      const text = await Promise.race([viewer.text(), viewer.closed.then(() => null)]);
      if (text === null) break;
      bytes += text.length;
    }
    return bytes;
  }

  it.each(asks)("is closed with 4029 after a mebibyte and a batch at most when it asks %s", async (_how, ask) => {
    const viewer = await Viewer.open();
    const bytes = await bytesSent(viewer, ask);
    expect(bytes).toBeGreaterThan(MIB - BATCH_BYTES);
    expect(bytes).toBeLessThan(MIB + BATCH_BYTES);
    expect(await viewer.closed).toEqual({ code: 4029, reason: expect.stringContaining("connect again") });
  });

  it("is not forgiven by hibernation, only by a receipt", async () => {
    const [viewer, honest] = [await Viewer.open(), await Viewer.open()];
    const before = [await bytesSent(viewer, plainly, 6), await bytesSent(honest, plainly, 6)];
    await evictDurableObject(inbox());
    await honest.ask(0);
    expect((before[0] ?? 0) + (await bytesSent(viewer, plainly))).toBeLessThan(MIB + BATCH_BYTES);
    honest.put(2);
    await honest.next();
    expect(await bytesSent(honest, plainly)).toBeGreaterThan(MIB - BATCH_BYTES);
  });

  it("goes on from its position with another socket", async () => {
    await bytesSent(await Viewer.open(), plainly);
    const again = await Viewer.open(`?after=${EVENTS - 1}`);
    expect(await again.next()).toMatchObject({ events: [{ seq: EVENTS }], next: EVENTS, end: true });
  });

  it("is closed when it asks without end, however little it gets", async () => {
    const viewer = await Viewer.open();
    for (let time = 0; time <= MIB / QUESTION_BYTES; time++) viewer.send(`{"more":${EVENTS + 1}}`);
    expect(await viewer.closed).toMatchObject({ code: 4029 });
  });
});

describe("a socket that returns its receipts", () => {
  it("may ask as long as it likes", async () => {
    await log(...Array.from({ length: 40 }, () => ({ type: "t".repeat(2440) })));
    const viewer = await Viewer.open();
    for (let turn = 0; turn < 60; turn++) expect(await viewer.ask(turn % 2)).toMatchObject({ next: 40 });
    expect(viewer.isOpen).toBe(true);
  });
});

describe("the live routes", () => {
  const token = { authorization: `Bearer ${env.API_TOKEN}` };
  const upgrade = { upgrade: "websocket" };
  const paths = ["/events/live", "/events/stream", "/events?after=0&wait=1"];

  it.each(paths)("%s refuses a client without a token before the log is touched", async (path) => {
    for (const headers of [{ ...upgrade }, { ...upgrade, authorization: "Bearer wrong" }]) {
      const changes = {
        LOCAL_DEV: "false",
        INBOX: { getByName: () => expect.unreachable() } as unknown as typeof env.INBOX,
      };
      expect((await callWith(changes, path, { headers })).status).toBe(401);
    }
    await send("a");
    const response = await callWith({ LOCAL_DEV: "false" }, path, { headers: { ...upgrade, ...token } });
    expect(response.status).toBeLessThan(400);
    await discard(response);
  });

  it.each([
    ["https://elsewhere.example", 403],
    ["null", 403],
    ["http://localhost:5000", 403],
    [ORIGIN, 101],
  ])("a socket of a page of %s is answered %i", async (origin, status) => {
    const response = await callWith({ LOCAL_DEV: "false" }, "/events/live", {
      headers: { ...upgrade, ...token, origin },
    });
    expect(response.status).toBe(status);
    expect(await openSockets()).toBe(status === 101 ? 1 : 0);
    await discard(response);
  });

  it("asks for an upgrade where there is none", async () => {
    const response = await call("/events/live");
    expect([response.status, response.headers.get("upgrade")]).toEqual([426, "websocket"]);
    expect(await response.json()).toMatchObject({ code: "upgrade_required" });
  });

  const refused: [path: string, status: number][] = [
    ["/events/live?after=x", 400],
    ["/events/live?colour=red", 400],
    ["/events/live?after=1&after=2", 400],
    ["/events/live?since=now", 400],
    ["/events/live?log=nowhere", 404],
    ["/events/stream?after=x", 400],
    ["/events/stream?limit=1", 400],
    ["/events/stream?log=nowhere", 404],
    ["/events/stream?after=1", 409],
    ["/events?after=0&wait=56", 400],
    ["/events?after=0&wait=", 400],
    ["/events?after=0&wait=-1", 400],
    ["/events?wait=5", 400],
    ["/events?before=1&wait=5", 400],
    ["/events?after=1&wait=5", 409],
  ];
  it.each(refused)("%s is answered %i", async (path, status) => {
    const response = await call(path, { headers: upgrade });
    expect([response.status, response.headers.get("content-type")]).toEqual([status, "application/problem+json"]);
    expect((await inboxOf(env, "main").counts()).viewers).toBe(0);
  });

  it.each(["/events/live", "/events/stream"])("POST %s is not allowed", async (path) => {
    expect((await call(path, { method: "POST" })).status).toBe(405);
  });
});
