import { describe, expect, it } from "vitest";
import type { Inbox } from "../../../workers/receiver/inbox/inbox.ts";
import { arrival } from "../support/arrivals.ts";
import { injectKv } from "../support/faulty-kv.ts";
import { DAY, env, inInbox, SECOND, START, setTime, useEmptyStorage } from "../support/harness.ts";

/** The cost of a day, in moved time, through the Inbox's own accept and alarm. */

const MINUTE = 60 * SECOND;

useEmptyStorage();

/** The Inbox from within: a day of turns from outside would take minutes. */
class Day {
  readonly #instance: Inbox;
  readonly #storage: DurableObjectStorage;
  accepted = 0;

  constructor(instance: Inbox, storage: DurableObjectStorage) {
    this.#instance = instance;
    this.#storage = storage;
  }

  /** Accepts `count` arrivals of one turn. */
  async accept(count: number): Promise<void> {
    const arrivals = Array.from({ length: count }, () => arrival(`e${this.accepted++}`));
    const answers = await Promise.all(arrivals.map((one) => this.#instance.accept(one)));
    if (answers.some((answer) => !answer.stored || answer.duplicate)) throw new Error("not logged");
  }

  /** Lets time pass, with every alarm that falls due, as the platform runs it: none is armed while it runs. */
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
    return this.#instance.memory.store.sql.rowsWritten;
  }

  get bytes(): number {
    return this.#storage.sql.databaseSize;
  }

  get tails(): number {
    return this.#storage.sql.exec("SELECT name FROM sqlite_master WHERE name GLOB 'tail_*'").toArray().length;
  }

  get segments(): number {
    return this.#storage.sql.exec<{ n: number }>("SELECT count(*) AS n FROM seg").one().n;
  }

  get ids(): number {
    return this.#storage.sql.exec<{ n: number }>(`SELECT count(*) AS n FROM ${this.#seen}`).one().n;
  }

  /** The size without seen keys: their table is dropped to be measured, and put back. */
  get bytesWithoutIds(): number {
    let bytes = Number.NaN;
    const undone = new Error("undone");
    try {
      this.#storage.transactionSync(() => {
        this.#storage.sql.exec(`DROP TABLE ${this.#seen}`).toArray();
        bytes = this.bytes;
        throw undone;
      });
    } catch (error) {
      if (error !== undone) throw error;
    }
    return bytes;
  }

  get #seen(): string {
    const query = "SELECT name FROM sqlite_master WHERE name GLOB 'seen_*'";
    return this.#storage.sql.exec<{ name: string }>(query).one().name;
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
  /** The size of an id in the table of seen keys, which is kept for the retention. */
  const ID_BYTES = 34;
  /** By then the first segments have lost their tails, and as much is freed as is added. */
  const SETTLED_MINUTES = 15;
  /** Beside the ids: pages, and a row of some 90 bytes for each segment, which stays for the retention. */
  const FLAT = 1.05;
  const SEGMENT_ROW_BYTES = 100;

  it(`of 10 a second for ${hours} h leaves nothing in the Inbox but ids and a row a segment`, {
    timeout: 600_000,
  }, async () => {
    await live(async (day) => {
      const samples: { bytes: number; tails: number }[] = [];
      const before = day.rows;
      for (let minute = 0; minute < hours * 60; minute++) {
        await day.accept(A_MINUTE);
        await day.pass(MINUTE);
        samples.push({ bytes: minute % 5 === 0 ? day.bytesWithoutIds : 0, tails: day.tails });
      }
      const first = samples.slice(0, SETTLED_MINUTES);
      const rest = samples.slice(SETTLED_MINUTES);
      const most = (of: typeof samples, key: "bytes" | "tails") => Math.max(...of.map((sample) => sample[key]));
      const idBytes = (day.bytes - day.bytesWithoutIds) / day.accepted;
      const rows = (day.rows - before) / day.accepted;
      console.log(
        `${day.accepted} events: ${idBytes.toFixed(1)} bytes an id; without ids at most ${most(first, "bytes")} bytes ` +
          `in the first ${SETTLED_MINUTES} min, ${most(rest, "bytes")} after, with ${day.segments} segments; ` +
          `${rows.toFixed(3)} rows an event; at most ${most(samples, "tails")} tails`,
      );
      expect(most(rest, "tails")).toBeLessThanOrEqual(most(first, "tails"));
      expect(most(rest, "bytes")).toBeLessThanOrEqual(most(first, "bytes") * FLAT + day.segments * SEGMENT_ROW_BYTES);
      expect(idBytes).toBeLessThanOrEqual(ID_BYTES);
      expect(rows).toBeLessThanOrEqual(2.1);
      expect(day.ids).toBe(day.accepted);
    });
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
