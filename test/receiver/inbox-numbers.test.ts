import { reset } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Inbox } from "../../workers/receiver/inbox.ts";
import { arrival } from "./arrivals.ts";
import { injectKv } from "./faulty-kv.ts";
import { DAY, env, inInbox, keys, SECOND, START, setTime } from "./harness.ts";

/** What a day costs, in moved time, through the Inbox's own accept and alarm. */

const MINUTE = 60 * SECOND;

beforeEach(() => setTime(START));
afterEach(async () => {
  vi.restoreAllMocks();
  await reset();
});

/** The Inbox from within: a day of turns from outside would take minutes. */
class Day {
  readonly #instance: Inbox;
  readonly #storage: DurableObjectStorage;
  accepted = 0;

  constructor(instance: Inbox, storage: DurableObjectStorage) {
    this.#instance = instance;
    this.#storage = storage;
  }

  /** `count` arrivals of one turn. */
  async accept(count: number): Promise<void> {
    const arrivals = Array.from({ length: count }, () => arrival(`e${this.accepted++}`));
    const answers = await Promise.all(arrivals.map((one) => this.#instance.accept(one)));
    if (answers.some((answer) => !answer.stored || answer.duplicate)) throw new Error("not logged");
  }

  /** Lets time pass, with every alarm that falls due, as the platform runs it: none stands while it runs. */
  async pass(ms: number): Promise<void> {
    const end = Date.now() + ms;
    for (let next = await this.#storage.getAlarm(); next !== null && next <= end; ) {
      setTime(Math.max(next, Date.now()));
      await this.#storage.deleteAlarm();
      await this.#instance.alarm();
      next = await this.#storage.getAlarm();
    }
    setTime(end);
  }

  get rows(): number {
    return this.#instance.stats().rowsWritten;
  }

  get bytes(): number {
    return this.#storage.sql.databaseSize;
  }

  get tails(): number {
    return this.#storage.sql.exec("SELECT name FROM sqlite_master WHERE name GLOB 'tail_*'").toArray().length;
  }

  get ids(): number {
    const [seen] = this.#storage.sql
      .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE name GLOB 'seen_*'")
      .toArray();
    return this.#storage.sql.exec<{ n: number }>(`SELECT count(*) AS n FROM ${seen?.name}`).one().n;
  }
}

const live = <Result>(work: (day: Day) => Promise<Result>) =>
  inInbox((instance, { storage }) => work(new Day(instance, storage)));

describe("puts a day", () => {
  it("are at most 340 with 25,000 events: half of them evenly, half at once", async () => {
    const calls = injectKv({});
    await live(async (day) => {
      const turns = 288; // each is sealed for its age
      for (let turn = 0; turn < turns; turn++) {
        await day.accept(Math.round((12_500 * (turn + 1)) / turns) - Math.round((12_500 * turn) / turns));
        if (turn === turns / 2) await day.accept(12_500);
        await day.pass(DAY / turns);
      }
      expect(day.accepted).toBe(25_000);
    });
    const puts = calls.filter(({ verb }) => verb === "put").length;
    console.log(`puts on that day: ${puts}`);
    expect(Date.now() - START).toBe(DAY);
    expect(puts).toBeLessThanOrEqual(340);
    expect(puts).toBeGreaterThan(280);
  });
});

describe("a steady stream", () => {
  const hours = Number((env as unknown as { INBOX_HOURS: string }).INBOX_HOURS);
  const A_MINUTE = 600;
  /** What an id takes in the table of those seen, which is kept for the retention. */
  const ID_BYTES = 90;
  /** By then the first segments have lost their tails, and as much is freed as is added. */
  const SETTLED_MINUTES = 15;

  it(`of 10 a second for ${hours} h leaves nothing in the Inbox but ids`, { timeout: 600_000 }, async () => {
    await live(async (day) => {
      const samples: { bytes: number; tails: number }[] = [];
      const before = day.rows;
      for (let minute = 0; minute < hours * 60; minute++) {
        await day.accept(A_MINUTE);
        await day.pass(MINUTE);
        samples.push({ bytes: day.bytes, tails: day.tails });
      }
      const [settled, last] = [samples[SETTLED_MINUTES], samples.at(-1)];
      if (settled === undefined || last === undefined) throw new Error("too short a day");
      const idBytes = (last.bytes - settled.bytes) / ((samples.length - 1 - SETTLED_MINUTES) * A_MINUTE);
      const rows = (day.rows - before) / day.accepted;
      const tails = Math.max(...samples.map((sample) => sample.tails));
      console.log(
        `${day.accepted} events: ${settled.bytes} bytes after ${SETTLED_MINUTES} min, ${last.bytes} at the end, ` +
          `${idBytes.toFixed(1)} an event; ${rows.toFixed(3)} rows an event; at most ${tails} tails`,
      );
      expect(Math.max(...samples.slice(0, SETTLED_MINUTES).map((sample) => sample.tails))).toBe(tails);
      expect(idBytes).toBeLessThanOrEqual(ID_BYTES);
      expect(rows).toBeLessThanOrEqual(2.1);
      expect(day.ids).toBe(day.accepted);
    });
    expect((await keys()).length).toBeGreaterThan(0);
  });

  it("of one per 10 s writes at most 2.4 rows an event, its alarms and flushes among them", async () => {
    await live(async (day) => {
      const before = day.rows;
      for (let sent = 0; sent < 360; sent++) {
        await day.accept(1);
        await day.pass(10 * SECOND);
      }
      const rows = (day.rows - before) / day.accepted;
      console.log(`rows an event at one per 10 s: ${rows.toFixed(3)}`);
      expect(rows).toBeLessThanOrEqual(2.4);
    });
  });
});
