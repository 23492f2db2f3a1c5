import { reset, runDurableObjectAlarm } from "cloudflare:test";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type Faults, injectKv, type KvCall, laggingList, realKv, refuse } from "../support/faulty-kv.ts";
import { armedAt, call, DAY, evict, inbox, inInbox, pass, SECOND, START, setTime, walk } from "../support/harness.ts";
import { checkLooks } from "../support/invariants.ts";
import { PageReader } from "../support/page-reader.ts";
import { World } from "../support/world.ts";

/**
 * The Inbox as one machine: any interleaving of senders, time, crashes, faults of KV, clears and lost storage ends with
 * each acknowledged event in the log once, whole in KV. The invariants are checked after each step.
 */
afterEach(async () => {
  vi.restoreAllMocks();
  await reset();
});

const MINUTE = 60 * SECOND;
/** The delay of an alarm that is late: in a long wait not every retry is run. */
const WAIT_STEPS = 8;
/** The runs of one test; each takes 50 to 200 ms. Some hundreds were run when this was written. */
const RUNS = 25;
const SOURCES = ["a", "b", "c"];

const KV: Record<string, Faults> = {
  well: {},
  "refuses writes": { put: refuse("KV put() limit exceeded for the day.") },
  "says that it did not write": { put: async (next) => next().then(refuse()) },
  "does not show": { get: async () => null },
  "shows a part": { get: async (next) => (await next())?.replace(/\n.*/, "\n") ?? null },
  "throws at all": { get: refuse(), put: refuse(), delete: refuse() },
};

type Step =
  | { do: "send"; count: number; source: string }
  | { do: "repeat" | "evict" | "loseAlarm" | "alarm" | "walk" | "read" | "loseStorage" | "loseStorageLagging" }
  | { do: "wait"; minutes: number }
  | { do: "waitLong"; days: number }
  | { do: "kv"; as: string }
  | { do: "clear"; source: string | null };

const weighted = <T extends Step>(weight: number, arbitrary: fc.Arbitrary<T>) => ({
  weight,
  arbitrary: arbitrary as fc.Arbitrary<Step>,
});
const step: fc.Arbitrary<Step> = fc.oneof(
  weighted(
    8,
    fc.record({
      do: fc.constant("send" as const),
      count: fc.integer({ min: 1, max: 4 }),
      source: fc.constantFrom(...SOURCES),
    }),
  ),
  weighted(10, fc.record({ do: fc.constant("wait" as const), minutes: fc.constantFrom(1, 5, 6, 30) })),
  weighted(2, fc.record({ do: fc.constant("waitLong" as const), days: fc.constantFrom(6, 29, 31) })),
  weighted(3, fc.record({ do: fc.constantFrom("repeat" as const, "evict" as const, "walk" as const) })),
  weighted(4, fc.record({ do: fc.constant("read" as const) })),
  weighted(2, fc.record({ do: fc.constantFrom("loseAlarm" as const, "alarm" as const) })),
  weighted(3, fc.record({ do: fc.constant("kv" as const), as: fc.constantFrom("well", ...Object.keys(KV)) })),
  weighted(2, fc.record({ do: fc.constant("clear" as const), source: fc.constantFrom(null, ...SOURCES) })),
  weighted(1, fc.record({ do: fc.constantFrom("loseStorage" as const, "loseStorageLagging" as const) })),
);

class Machine {
  readonly world = new World();
  readonly reader = new PageReader();
  #kv: Faults = {};
  #lag: Faults = {};
  calls: KvCall[] = [];
  #sent = 0;

  use(kv: Faults, lag: Faults = this.#lag): void {
    this.#kv = kv;
    this.#lag = lag;
    const earlier = this.calls;
    this.calls = injectKv({ ...kv, ...lag });
    this.calls.unshift(...earlier);
  }

  async run(step: Step): Promise<void> {
    if (step.do === "send") {
      for (let count = 0; count < step.count; count++) await this.world.send(`m${this.#sent++}`, step.source);
    }
    if (step.do === "repeat") await this.#repeat();
    if (step.do === "wait") await this.#wait(step.minutes * MINUTE);
    if (step.do === "waitLong") await this.#wait(step.days * DAY, (step.days * DAY) / WAIT_STEPS);
    if (step.do === "read") await this.#read();
    if (step.do === "alarm") await runDurableObjectAlarm(inbox());
    if (step.do === "evict") await this.#evict();
    if (step.do === "loseAlarm") await this.#loseAlarm();
    if (step.do === "kv") this.use(KV[step.as] ?? {});
    if (step.do === "clear") await this.world.clear(step.source);
    if (step.do === "walk") await this.#walk();
    if (step.do === "loseStorage") await this.#loseStorage(() => false);
    if (step.do === "loseStorageLagging") {
      const [newest] = (await realKv.list()).keys.map(({ name }) => name);
      const until = Date.now() + 4 * MINUTE;
      await this.#loseStorage((key) => key === newest && Date.now() < until);
    }
  }

  async #evict(): Promise<void> {
    await this.world.isKnown(); // only a running object can be evicted
    await evict();
  }

  /** Loses the alarm with the process that should have run it; the next life finds the work that waits. */
  async #loseAlarm(): Promise<void> {
    await inInbox((_instance, { storage }) => storage.deleteAlarm());
    await evict();
  }

  async #loseStorage(hides: (key: string) => boolean): Promise<void> {
    const keys = (await realKv.list()).keys.map(({ name }) => name);
    // With its only segment hidden a log looks new, and may use the same seqs again.
    const lagging = keys.length > 1 && keys.some(hides);
    this.world.hidden ||= lagging;
    this.use(this.#kv, lagging ? { list: laggingList(hides) } : {});
    await this.world.loseStorage();
    this.reader.restart();
    this.calls.length = 0;
  }

  async #repeat(): Promise<void> {
    for (const [id, source] of this.world.ids.slice(-3)) await this.world.repeat(id, source);
  }

  /** Lets time pass. Alarms run `late` ms after they are due, together with those that fall due meanwhile. */
  async #wait(ms: number, late = 0): Promise<void> {
    const end = Date.now() + ms;
    let runs = 0;
    for (let next = await armedAt(); next !== null && next <= end; next = await armedAt()) {
      expect(runs++, "alarms that fall due").toBeLessThan(100);
      setTime(Math.min(Math.max(next, Date.now() + late), end));
      await runDurableObjectAlarm(inbox());
    }
    setTime(end);
  }

  /** Reads on, unless KV's lag hides something: that may appear behind the cursor later. */
  async #read(): Promise<void> {
    if (!this.world.hidden && (await this.world.isKnown())) await this.reader.read(3);
  }

  async finish(): Promise<void> {
    this.use({}, {});
    const wasHidden = this.world.hidden;
    await this.world.settle();
    if (wasHidden) this.reader.restart();
    await this.reader.finish();
    checkLooks(this.calls);
  }

  /** Checks that both ways show the same events, without a gap or a repetition. */
  async #walk(): Promise<void> {
    if (!(await this.world.isKnown())) return;
    const forward = await walk("after", 3);
    expect(await walk("before", 4)).toEqual(forward.toReversed());
    expect(forward).toEqual(forward.toSorted((a, b) => a - b));
    expect((await call(`/events?after=${forward.at(-1) ?? 0}`)).status).toBe(200);
  }
}

describe("the Inbox as a state machine", () => {
  it("holds every acknowledged event once, whatever happens on the way", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
        vi.restoreAllMocks();
        await reset();
        setTime(START);
        const machine = new Machine();
        machine.use({});
        for (const next of steps) {
          await machine.run(next);
          await machine.world.check();
          pass(SECOND);
        }
        await machine.finish();
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  });
});
