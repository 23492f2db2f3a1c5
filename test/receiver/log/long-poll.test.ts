import { reset, runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { app } from "../../../workers/receiver/app.ts";
import type { Page } from "../../../workers/receiver/event/page.ts";
import { vouchedFor } from "../../support/vouched-for.ts";
import {
  call,
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
import { evictIdle, seqsOf, untilSockets } from "../support/live-harness.ts";

beforeEach(() => setTime(START));
afterEach(async () => {
  await untilSockets(0);
  await reset();
});

const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

describe("GET /events?after=&wait=", () => {
  const pages: [query: string][] = [["after=0"], ["after=2"], ["after=0&limit=2"], ["after=0&type=t"], ["after=0&q=x"]];
  it.each(pages)("answers ?%s at once with the page, when it is not empty", async (query) => {
    await sendMany(4, "a", '{"type":"t","text":"X"}');
    expect(await get(`/events?${query}&wait=30`)).toEqual(await get(`/events?${query}`));
  });

  it("answers as soon as there is an event", async () => {
    await send("a");
    const answer = get("/events?after=1&wait=30");
    await untilSockets(1);
    await send("b");
    expect(await answer).toMatchObject({ events: [{ seq: 2, id: "b" }], next: 2, end: true });
  });

  it("waits without keeping the Inbox awake", async () => {
    await send("a");
    const answer = get("/events?after=1&wait=30");
    await untilSockets(1);
    await evictIdle();
    await send("b");
    expect(await answer).toMatchObject({ events: [{ seq: 2, id: "b" }], next: 2, end: true });
  });

  it("waits as long between rounds when the polls of the last round are gone", async () => {
    const polls = upTo(40).map(() => get("/events?after=0&wait=30"));
    await untilSockets(40);
    await send("a");
    await Promise.all(polls);
    await untilSockets(0);
    const timers = vi.spyOn(globalThis, "setTimeout");
    const next = get("/events?after=1&wait=30");
    await untilSockets(1);
    await send("b");
    expect(await next).toMatchObject({ next: 2 });
    // Time stands still: rounds that answer 40 polls are 80 ms apart.
    expect(timers.mock.calls.map(([, ms]) => ms)).toContain(80);
    timers.mockRestore();
  });

  it("answers the empty page when the wait is over", async () => {
    await send("a");
    const began = performance.now();
    expect(await get("/events?after=1&wait=1")).toEqual({ events: [], next: 1, end: true });
    expect(performance.now() - began).toBeGreaterThan(950);
    expect(await get("/events?after=1&wait=0")).toEqual({ events: [], next: 1, end: true });
  });

  it("waits on while no event matches, and moves the cursor past the others", async () => {
    await sendMany(500, "a");
    expect(await get("/events?after=0&wait=1&type=rare")).toEqual({ events: [], next: 500, end: true });
    const next = get("/events?after=500&wait=30&type=rare");
    await untilSockets(1);
    await send("b");
    await send("c", '{"type":"rare"}');
    expect(await next).toMatchObject({ events: [{ seq: 502 }], next: 502 });
  });

  it("answers from KV for events that no tail holds any more", async () => {
    await sendMany(3, "a");
    for (let run = 0; run < 3; run++) {
      pass(300 * SECOND);
      await runDurableObjectAlarm(inbox());
    }
    expect(await get("/events?after=1&wait=30")).toEqual(await get("/events?after=1"));
  });

  it("walks a log that grows meanwhile, without gap or repeat", async () => {
    const growing = (async () => {
      for (let burst = 0; burst < 20; burst++) await sendMany(13, `b${burst}_`);
    })();
    const seen: number[] = [];
    for (let after = 0; seen.length < 260; ) {
      const { events, next } = await get<Page>(`/events?after=${after}&limit=50&wait=5`);
      seen.push(...seqsOf(events));
      after = next ?? 0;
    }
    await growing;
    expect(seen).toEqual(upTo(260));
  });

  it.each([1011, 1012, 4008, 4029])("does not take the Inbox's close %i for the end of the log", async (code) => {
    const answer = call("/events?after=0&wait=30");
    await untilSockets(1);
    await inInbox((_instance, state) => {
      for (const socket of state.getWebSockets()) socket.close(code, "");
    });
    const response = await answer;
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(await response.json()).toMatchObject({ code: "log_unavailable" });
  });

  it("closes its socket when the client leaves", async () => {
    const client = new AbortController();
    const request = new Request(`${ORIGIN}/events?after=0&wait=30`, { signal: client.signal });
    const answer = app.fetch(await vouchedFor(request, env.API_TOKEN), env);
    await untilSockets(1);
    client.abort();
    await untilSockets(0);
    expect(await (await answer).json()).toEqual({ events: [], next: 0, end: true });
  });
});
