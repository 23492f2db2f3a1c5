import { evictDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Page } from "../../../workers/receiver/event/page.ts";
import { accept, acceptMany, arrival } from "../support/arrivals.ts";
import { injectKv, realKv, refuse } from "../support/faulty-kv.ts";
import {
  armedAt,
  DAY,
  get,
  inbox,
  inInbox,
  runAlarm,
  SECOND,
  START,
  send,
  setTime,
  tables,
  useEmptyStorage,
  walk,
} from "../support/harness.ts";
import { checkInvariants, inKv } from "../support/invariants.ts";
import { segments } from "../support/logged.ts";

/** An Inbox whose clock was ahead: everything that it noted then must not hold anything up once the clock is right. */

const MINUTE = 60 * SECOND;
const AHEAD = 40 * DAY;

useEmptyStorage();

/** Lets time pass, with every alarm that falls due. */
async function wait(ms: number): Promise<void> {
  const end = Date.now() + ms;
  for (let next = await armedAt(); next !== null && next <= end; next = await armedAt()) {
    setTime(Math.max(next, Date.now()));
    await runAlarm();
  }
  setTime(end);
}

const back = () => setTime(Date.now() - AHEAD);
const ahead = () => setTime(Date.now() + AHEAD);
const receivedAt = async (seq: number) => Date.parse((await get<{ receivedAt: string }>(`/events/${seq}`)).receivedAt);

describe("an Inbox that lived through a clock 40 days ahead", () => {
  it("shows again what the wrong clock took for past, and lost no event and no key", async () => {
    await segments([{}, {}], [{}]);
    await send("id");
    await wait(20 * MINUTE);
    ahead();
    await send("ahead");
    await wait(20 * MINUTE);
    expect((await get<Page>("/events")).events.map(({ seq }) => seq)).toEqual([5]);
    back();
    expect(await walk("after", 2)).toEqual([1, 2, 3, 4, 5]);
    expect((await send("id")).headers.get("webhook-duplicate")).toBe("true");
    await wait(DAY);
    expect(await walk("before", 2)).toEqual([5, 4, 3, 2, 1]);
    await checkInvariants(await inKv());
  });

  it("stamps each event with the right time again, behind those of the wrong one", async () => {
    await accept("a");
    ahead();
    await accept("b");
    back();
    const times: number[] = [];
    for (const id of ["c", "d"]) {
      setTime(Date.now() + MINUTE);
      times.push(Date.now());
      await accept(id);
    }
    expect([await receivedAt(3), await receivedAt(4)]).toEqual(times);
    expect(await receivedAt(2)).toBe(START + AHEAD);
    expect(await walk("after", 1)).toEqual([1, 2, 3, 4]);
    const since = new Date((times[0] ?? 0) - 1).toISOString();
    const until = new Date((times[1] ?? 0) + 1).toISOString();
    const page = await get<Page>(`/events?since=${since}&until=${until}`);
    expect(page.events.map(({ seq }) => seq)).toEqual([4, 3]);
  });

  it("flushes in time what waited, also when only a reader comes", async () => {
    ahead();
    await accept("a");
    back();
    await get("/events");
    expect(await armedAt()).toBeLessThanOrEqual(Date.now() + MINUTE);
    await wait(15 * MINUTE);
    expect((await inKv()).size).toBe(1);
    expect(await tables("tail")).toEqual([2]);
    await checkInvariants(await inKv());
  });

  it("holds no retry until then: KV is asked again in time", async () => {
    injectKv({ put: refuse() });
    ahead();
    await accept("a");
    await wait(30 * MINUTE);
    back();
    injectKv({});
    await accept("b");
    await wait(20 * MINUTE);
    expect(await inbox().status()).toMatchObject({ waiting: 0, kvFailing: false });
    expect((await inKv()).size).toBe(2);
  });

  it("does not wait for a grace that ends in the wrong time", async () => {
    ahead();
    await accept("a");
    await wait(6 * MINUTE);
    expect(await tables("tail")).toHaveLength(2);
    back();
    await get("/events");
    await wait(15 * MINUTE);
    expect(await tables("tail")).toEqual([2]);
    await checkInvariants(await inKv());
  });

  it("is mended by the next life too, whose alarm is far ahead", async () => {
    ahead();
    injectKv({ put: refuse() });
    await accept("a");
    await wait(20 * MINUTE);
    back();
    injectKv({});
    await evictDurableObject(inbox());
    await inbox().counts();
    expect(await armedAt()).toBeLessThanOrEqual(Date.now() + MINUTE);
    await wait(20 * MINUTE);
    expect((await inKv()).size).toBe(1);
  });

  it("begins tables of seen keys in their turn again, and forgets none too late", async () => {
    injectKv({});
    await accept("before");
    ahead();
    await accept("meanwhile");
    expect(await tables("seen")).toHaveLength(2);
    back();
    await accept("after");
    expect(Math.max(...(await tables("seen")))).toBeLessThanOrEqual(Date.now() + SECOND);
    for (const id of ["before", "meanwhile", "after"]) {
      expect(await inbox().accept(arrival(id))).toMatchObject({ stored: true, duplicate: true });
    }
    for (let day = 0; day < 80; day += 4) {
      await wait(4 * DAY);
      await acceptMany([arrival(`day${day}`)]);
    }
    expect((await tables("seen")).length).toBeLessThanOrEqual(8);
    expect(await inbox().accept(arrival("meanwhile"))).toMatchObject({ duplicate: false });
  });

  it("forgets a segment once KV shows it no more, and not before", async () => {
    injectKv({});
    await segments([{}], [{}]);
    const rows = () =>
      inInbox((_instance, { storage }) => storage.sql.exec("SELECT firstSeq FROM seg").toArray().length);
    const kept = await realKv.list();
    expect(kept.keys).toHaveLength(2);
    // KV has a clock of its own, which is right.
    const calls = injectKv({
      get: (_next, key) => Promise.resolve(kept.keys.some(({ name }) => name === key) ? "x\n" : null),
    });
    ahead();
    for (let sent = 0; sent < 3; sent++) {
      await accept(`ahead${sent}`);
      await wait(6 * MINUTE);
    }
    expect(await rows()).toBeGreaterThanOrEqual(2);
    expect(calls.filter(({ verb }) => verb === "get").length).toBeLessThan(10);
    injectKv({});
    await accept("last");
    await wait(20 * MINUTE);
    expect(await walk("after", 9)).not.toContain(1);
    const left = await inInbox((_instance, { storage }) =>
      storage.sql.exec<{ firstSeq: number }>("SELECT firstSeq FROM seg").toArray(),
    );
    expect(left.map(({ firstSeq }) => firstSeq)).not.toContain(1);
  });

  it("keeps how often events came again, and deletes from KV what was cleared before", async () => {
    await segments([{}]);
    await send("id");
    await wait(20 * MINUTE);
    await send("id");
    injectKv({ delete: refuse() });
    await accept("x", { source: "other" });
    await wait(20 * MINUTE);
    await inbox().clear("other");
    await wait(MINUTE);
    ahead();
    await send("ahead");
    await send("ahead");
    await wait(20 * MINUTE);
    back();
    injectKv({});
    await evictDurableObject(inbox());
    expect(await get("/events/2")).toMatchObject({ repeated: { times: 1 } });
    await wait(20 * MINUTE);
    expect([...(await inKv()).values()].flat().map(({ source }) => source)).not.toContain("other");
    expect(await inbox().status()).toMatchObject({ keysToDelete: 0 });
  });

  it("is the same after a correction of minutes: receivedAt waits", async () => {
    await accept("a");
    setTime(START - 4 * MINUTE);
    await accept("b");
    expect(await receivedAt(2)).toBe(START);
    setTime(START - 6 * MINUTE);
    await accept("c");
    expect(await receivedAt(3)).toBe(START - 6 * MINUTE);
  });
});

describe("any clock that is ahead now and then", () => {
  type Step = { do: "send" } | { do: "clock"; ahead: number } | { do: "wait"; minutes: number } | { do: "evict" };
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.constant({ do: "send" as const }),
    fc.record({
      do: fc.constant("clock" as const),
      ahead: fc.constantFrom(0, MINUTE, 6 * MINUTE, DAY, AHEAD, 50 * DAY),
    }),
    fc.record({ do: fc.constant("wait" as const), minutes: fc.constantFrom(1, 6, 20, 1500) }),
    fc.constant({ do: "evict" as const }),
  );

  it("holds the invariants, and once it is right all is flushed in minutes and shown", {
    timeout: 120_000,
  }, async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
        run += 1;
        const sent: number[] = [];
        let error = 0;
        const set = (ahead: number) => {
          setTime(Date.now() + ahead - error);
          error = ahead;
        };
        for (const [index, next] of steps.entries()) {
          if (next.do === "send") sent.push(await accept(`${run}-${index}`));
          if (next.do === "wait") await wait(next.minutes * MINUTE);
          if (next.do === "clock") set(next.ahead);
          if (next.do === "evict") {
            await inbox().status(); // only a running object can be evicted
            await evictDurableObject(inbox());
          }
          await get("/events");
          await checkInvariants(await inKv());
        }
        set(0);
        sent.push(await accept(`${run}-last`));
        expect(Math.abs((await receivedAt(sent.at(-1) ?? 0)) - Date.now())).toBeLessThanOrEqual(6 * MINUTE);
        await wait(40 * MINUTE);
        expect(await inbox().status()).toMatchObject({ waiting: 0, kvFailing: false });
        const shown = await walk("after", 100);
        for (const seq of sent) expect(shown).toContain(seq);
        expect(shown).toEqual(shown.toSorted((one, other) => one - other));
      }),
      { numRuns: 15 },
    );
  });
});
