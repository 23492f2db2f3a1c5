import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { app } from "../../../workers/sender/app.ts";
import { LongPoll, MAX_WAITERS } from "../../../workers/sender/outbox/long-poll.ts";
import type { WaitQuery } from "../../../workers/sender/protocol.ts";
import { vouchedFor } from "../../support/vouched-for.ts";
import { bindings, fetchSender, outbox, publish, publishOne, settled, useReceiver } from "../support.ts";

const ORIGIN = "http://localhost:5000";

describe("LongPoll", () => {
  type Row = { seq: number; type: string };
  let log: Row[];
  let reads: number;
  let longPoll: LongPoll<{ events: Row[]; last: number; head: number }>;
  const query: WaitQuery = { after: 0, type: null, limit: 10 };

  const append = (type: string) => {
    log.push({ seq: log.length + 1, type });
    longPoll.wake();
  };
  /** Asks, and collects the answers in the order in which they come. */
  const asked = (...queries: Partial<WaitQuery>[]) => {
    const answers: [asker: number, seqs: number[]][] = [];
    for (const [asker, part] of queries.entries()) {
      void Promise.resolve(longPoll.page({ ...query, ...part }, 1000)).then(({ events }) =>
        answers.push([asker, events.map(({ seq }) => seq)]),
      );
    }
    return answers;
  };

  beforeEach(() => {
    vi.useFakeTimers();
    log = [];
    reads = 0;
    longPoll = new LongPoll(({ after, type, limit }) => {
      reads++;
      const events = log.filter(({ seq, type: its }) => seq > after && (type === null || its === type));
      return { events: events.slice(0, limit), last: Math.max(after, log.length), head: log.length };
    });
  });
  afterEach(() => vi.useRealTimers());

  it("answers at once what is there, and a cursor that is ahead", () => {
    append("a");
    expect(longPoll.page(query, 1000)).toMatchObject({ events: [{ seq: 1 }] });
    expect(longPoll.page({ ...query, after: 7 }, 1000)).toMatchObject({ events: [], head: 1 });
    expect(longPoll.page({ ...query, after: 1 }, 0)).toMatchObject({ events: [], last: 1 });
  });

  it("answers all who wait with one read when something comes, and once", async () => {
    const answers = asked(...Array.from({ length: 100 }, () => ({})));
    reads = 0;
    append("a");
    append("b");
    await vi.advanceTimersByTimeAsync(1);
    expect(answers).toHaveLength(100);
    expect(answers).toContainEqual([99, [1, 2]]);
    expect(reads).toBe(1);
    await vi.advanceTimersByTimeAsync(2000);
    expect(answers).toHaveLength(100);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("answers at the deadline, and no sooner, when nothing comes", async () => {
    const answers = asked({});
    await vi.advanceTimersByTimeAsync(999);
    expect(answers).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(answers).toEqual([[0, []]]);
    append("late");
    expect(vi.getTimerCount()).toBe(0);
  });

  it("ends the wait of whoever leaves, and no other", async () => {
    const waits = ["a", "b"].map((id) => Promise.resolve(longPoll.page(query, 1000, id)));
    const answered: number[] = [];
    for (const [index, wait] of waits.entries()) void wait.then(() => answered.push(index));
    longPoll.leave("a");
    longPoll.leave("unknown");
    await vi.advanceTimersByTimeAsync(0);
    expect(answered).toEqual([0]);
    append("late");
    await vi.advanceTimersByTimeAsync(1);
    expect(answered).toEqual([0, 1]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("lets those wait on whose filter leaves out what came, and reads on for them from there", async () => {
    const answers = asked({ type: "b" }, { type: "a" }, { type: "b", limit: 1 });
    append("a");
    await vi.advanceTimersByTimeAsync(1);
    expect(answers).toEqual([[1, [1]]]);
    // Whoever comes now has another position and the same filter.
    const later = asked({ type: "b" });
    append("b");
    await vi.advanceTimersByTimeAsync(1);
    expect(answers.slice(1)).toEqual([
      [0, [2]],
      [2, [2]],
    ]);
    expect(later).toEqual([[0, [2]]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it(`lets ${MAX_WAITERS} wait, and answers more at once`, async () => {
    const answers = asked(...Array.from({ length: MAX_WAITERS + 1 }, () => ({})));
    await vi.advanceTimersByTimeAsync(0);
    expect(answers).toEqual([[MAX_WAITERS, []]]);
    await vi.advanceTimersByTimeAsync(1000);
    const again = asked({});
    await vi.advanceTimersByTimeAsync(0);
    expect(again).toEqual([]);
  });

  it("lets those who wait know when the log cannot be read", async () => {
    let broken = false;
    const failing = new LongPoll(() => {
      if (broken) throw new Error("disk");
      return { events: [], last: 0, head: 0 };
    });
    const waits = [failing.page(query, 500), failing.page(query, 1000)].map((page) => Promise.resolve(page));
    const outcomes = Promise.allSettled(waits);
    broken = true;
    await vi.advanceTimersByTimeAsync(500);
    failing.wake();
    await vi.advanceTimersByTimeAsync(1);
    expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });
});

describe("GET /events?after=&wait=", () => {
  useReceiver();

  type Page = { events: { seq: number }[]; next: number; end?: true; code?: string };

  async function get(query: string): Promise<Page & { status: number }> {
    return read(await fetchSender(`${ORIGIN}/events?${query}`));
  }

  async function read(response: Response): Promise<Page & { status: number }> {
    return { status: response.status, ...((await response.json()) as Page) };
  }

  /** Asks, and resolves once the log's object holds the call back. */
  async function waiting(query: string, ask = get): Promise<{ answer: ReturnType<typeof get> }> {
    const { mock } = vi.spyOn(LongPoll.prototype, "page");
    const before = mock.calls.length;
    const answer = ask(query);
    await vi.waitUntil(() => mock.calls.length > before, { interval: 1 });
    return { answer };
  }

  it("answers when an event is published, of the type that is asked for", async () => {
    await publishOne();
    const all = await waiting("after=1&wait=55");
    const typed = await waiting("after=1&wait=55&type=order.sent");
    await publishOne({ type: "order.paid" });
    expect(await all.answer).toMatchObject({ status: 200, events: [{ seq: 2 }], next: 2, end: true });
    await publish({ type: "order.sent" }, { type: "order.sent" });
    expect(await typed.answer).toMatchObject({ events: [{ seq: 3 }, { seq: 4 }], next: 4, end: true });
  });

  it("answers when a scheduled event becomes due, and when the sender announces one", async () => {
    const { answer } = await waiting("after=0&wait=55");
    await publish({ deliverAt: Date.now() + 1, digest: "d" });
    await vi.waitUntil(() => runDurableObjectAlarm(outbox()));
    expect(await answer).toMatchObject({ events: [{ seq: 1 }] });
    const test = await waiting("after=1&wait=55");
    await outbox().publishTest("ep_default");
    expect(await test.answer).toMatchObject({ events: [{ seq: 2, type: "webhook.test" }] });
  });

  it("answers an empty page with the cursor when nothing came in time", async () => {
    await publishOne();
    await settled(1);
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { answer } = await waiting("after=1&wait=25");
    await runInDurableObject(outbox(), async () => void vi.advanceTimersByTime(25_000));
    expect(await answer).toEqual({ status: 200, events: [], next: 1, end: true });
  });

  it("waits no longer than its client", async () => {
    const client = new AbortController();
    const ask = async (query: string) => {
      const request = new Request(`${ORIGIN}/events?${query}`, { signal: client.signal });
      return read(await app.fetch(await vouchedFor(request, bindings.API_TOKEN ?? ""), bindings));
    };
    const { answer } = await waiting("after=0&wait=55", ask);
    client.abort();
    expect(await answer).toEqual({ status: 200, events: [], next: 0, end: true });
  });

  it("goes on waiting when the log's object is moved meanwhile", async () => {
    const { answer } = await waiting("after=0&wait=55");
    // As the platform does when it moves an object, or when an update replaces it.
    await runInDurableObject(outbox(), (_object, state) => state.abort("moved")).catch(() => {});
    await publishOne();
    expect(await answer).toMatchObject({ status: 200, events: [{ seq: 1 }], next: 1 });
  });

  it.each([
    ["after=0&wait=56", 400, "invalid_parameter"],
    ["after=0&wait=-1", 400, "invalid_parameter"],
    ["after=0&wait=soon", 400, "invalid_parameter"],
    ["wait=5", 400, "invalid_parameter"],
    ["before=5&wait=5", 400, "invalid_parameter"],
    ["after=7&wait=55", 409, "cursor_ahead"],
    ["after=0&wait=0", 200, undefined],
    ["wait=0", 200, undefined],
  ])("%s answers %d at once", async (query, status, code) => {
    expect(await get(query)).toMatchObject({ status, ...(code && { code }) });
  });
});
