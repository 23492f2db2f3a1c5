import { runDurableObjectAlarm } from "cloudflare:test";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Page } from "../../../workers/receiver/event/page.ts";
import type { EventRecord, EventSummary } from "../../../workers/receiver/event/record.ts";
import { MAX_REPEATED, Repetitions } from "../../../workers/receiver/inbox/repetitions.ts";
import {
  call,
  get,
  inbox,
  inInbox,
  pass,
  runAlarm,
  SECOND,
  START,
  send,
  sendMany,
  useEmptyStorage,
} from "../support/harness.ts";
import { settle } from "../support/logged.ts";

useEmptyStorage();

/** Returns how often each event came again, by seq, as a page of the log says. */
async function repeated(path = "/events?after=0"): Promise<Record<number, number>> {
  const { events } = await get<{ events: EventSummary[] }>(path);
  return Object.fromEntries(events.flatMap((event) => (event.repeated ? [[event.seq, event.repeated.times]] : [])));
}

/** Ends the object's life, as a crash does: memory is gone, and no timer keeps it. */
async function die(): Promise<void> {
  await inInbox((_instance, state) => state.abort("killed by the test")).catch(() => {});
}

/** Tells whether repetitions stand in memory alone. */
function holdsNotes(): Promise<boolean> {
  return inInbox(({ memory }) => memory.state.housekeeping.notesDue !== null);
}

let sent = 0;

describe("a repetition", () => {
  it("is counted on the event that it repeats, with its time", async () => {
    await sendMany(3, "a");
    pass(5 * SECOND);
    await send("a2");
    pass(5 * SECOND);
    expect(await (await send("a2")).text()).toBe("Received (again; first logged as 2)");
    const again = { times: 2, lastAt: new Date(START + 10 * SECOND).toISOString() };
    const { events } = await get<Page>("/events");
    expect(events.map((event) => event.repeated)).toEqual([undefined, again, undefined]);
    expect((await get<EventRecord>("/events/2")).repeated).toEqual(again);
    expect(await get<EventRecord>("/events/1")).not.toHaveProperty("repeated");
    expect(await repeated("/events?after=1&wait=1")).toEqual({ 2: 2 });
  });

  it("is counted once for each of many that arrive at once", async () => {
    await Promise.all(Array.from({ length: 50 }, () => send("a")));
    expect(await repeated()).toEqual({ 1: 49 });
  });

  it("is counted once when its turn is tried again, because another arrival cannot be stored", async () => {
    await send("a");
    await inInbox((_instance, { storage }) => {
      storage.sql.exec(
        "CREATE TRIGGER refuse BEFORE INSERT ON tail_1 WHEN new.id = 'bad' BEGIN SELECT raise(ABORT, 'no'); END",
      );
    });
    const answers = await Promise.all(["a", "bad", "a"].map((id) => send(id)));
    expect(answers.map(({ status }) => status)).toEqual([200, 503, 200]);
    expect(await repeated()).toEqual({ 1: 2 });
  });

  it("is shown of an event whose tail has gone to KV, in either order, and by a filter", async () => {
    await sendMany(3, "a", '{"type":"t"}');
    await settle();
    await send("a2", '{"type":"t"}');
    for (const path of ["/events", "/events?after=0", "/events?type=t&q=type", "/events?before=3&limit=1"]) {
      expect(await repeated(path)).toEqual({ 2: 1 });
    }
    expect(await get("/events/2")).toMatchObject({ id: "a2", repeated: { times: 1 } });
    expect(await (await call("/events/export")).text()).not.toContain("repeated");
  });

  it("survives the object's memory up to the last save, which comes within a minute", async () => {
    await sendMany(2, "a");
    await send("a1");
    await send("a2");
    await send("a2");
    await die();
    expect(await repeated()).toEqual({ 1: 1 });
    await send("a2");
    pass(60 * SECOND);
    await runAlarm();
    await die();
    expect(await repeated()).toEqual({ 1: 1, 2: 1 });
    pass(60 * SECOND);
    await send("a1");
    await die();
    expect(await repeated()).toEqual({ 1: 2, 2: 1 });
  });

  it("is saved after a clock that was ahead is set back", async () => {
    await send("a");
    pass(3600 * SECOND);
    await send("a");
    pass(-3600 * SECOND);
    await send("a");
    await die();
    expect(await repeated()).toEqual({ 1: 2 });
  });

  it("is answered although it cannot be saved, and saved with the next", async () => {
    await send("a");
    await inInbox((_instance, { storage }) => {
      storage.sql.exec("CREATE TRIGGER refuse BEFORE INSERT ON meta BEGIN SELECT raise(ABORT, 'no'); END");
    });
    expect((await send("a")).status).toBe(200);
    expect(await repeated()).toEqual({ 1: 1 });
    await inInbox((_instance, { storage }) => void storage.sql.exec("DROP TRIGGER refuse"));
    pass(60 * SECOND);
    await send("a");
    await die();
    expect(await repeated()).toEqual({ 1: 2 });
  });

  it("is shown as it was last saved, whatever comes between repetitions", async () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ repeat: fc.integer({ min: 1, max: 4 }) }) },
      fc.constantFrom("death", "minute", "settle" as const),
    );
    const run = async (steps: readonly (string | { repeat: number })[]) => {
      await call("/events", { method: "DELETE" });
      const ids = [1, 2, 3, 4].map(() => `r${sent++}`);
      const first = (await inbox().status()).head;
      for (const one of ids) await send(one);
      const counts = new Map<number, number>();
      let saved = new Map(counts);
      const shown = () => repeated(`/events?after=${first}`);
      for (const now of steps) {
        if (typeof now === "object") {
          await send(ids[now.repeat - 1] ?? "");
          const seq = first + now.repeat;
          counts.set(seq, (counts.get(seq) ?? 0) + 1);
          if (!(await holdsNotes())) saved = new Map(counts);
        } else if (now === "death") {
          await die();
          counts.clear();
          for (const [seq, times] of saved) counts.set(seq, times);
        } else {
          if (now === "settle") await settle();
          else pass(60 * SECOND);
          await runDurableObjectAlarm(inbox());
          expect(await holdsNotes()).toBe(false);
          saved = new Map(counts);
        }
        expect(await shown()).toEqual(Object.fromEntries(counts));
      }
    };
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), run), { numRuns: 12 });
  });
});

describe("Repetitions", () => {
  it("forgets first the event whose last repetition is oldest", () => {
    const repetitions = new Repetitions();
    repetitions.add(1, START);
    for (let seq = 2; seq <= MAX_REPEATED; seq++) repetitions.add(seq, START + 1);
    repetitions.add(1, START + 2);
    repetitions.add(MAX_REPEATED + 1, START + 3);
    expect(repetitions.bySeq.size).toBe(MAX_REPEATED);
    expect([repetitions.bySeq.has(1), repetitions.bySeq.has(2), repetitions.bySeq.has(3)]).toEqual([true, false, true]);
  });

  it("fits into 128 KiB as it is saved, and comes back the same", () => {
    const repetitions = new Repetitions();
    for (let event = 0; event < MAX_REPEATED; event++) repetitions.add(900_000_000_000_000 + event, START + event);
    const saved = JSON.stringify(repetitions.save(START, 0));
    expect(saved.length).toBeLessThan(128 * 1024);
    const loaded = new Repetitions();
    loaded.load(JSON.parse(saved));
    expect([...loaded.bySeq]).toEqual([...repetitions.bySeq]);
  });

  it("saves nothing of events that are past", () => {
    const repetitions = new Repetitions();
    repetitions.add(1, START);
    repetitions.add(2, START + 1);
    expect(repetitions.save(START + 2, START + 1).list).toEqual([[2, 1, START + 1]]);
  });
});
