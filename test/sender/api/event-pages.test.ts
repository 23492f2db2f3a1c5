import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fetchSender, moveTo, publish, useReceiver } from "../support.ts";

useReceiver();

const DAY = 86_400_000;
const TYPES = ["order.paid", "order.sent", "user.made"];

type Row = { seq: number; type: string };
type Page = { events: Row[]; next: number | null; end?: true };
type Walk = { order: "after" | "before"; limit: number; type: string | null };

async function page({ order, limit, type }: Walk, cursor: number | null): Promise<Page> {
  const query = new URLSearchParams({ limit: String(limit) });
  if (type !== null) query.set("type", type);
  if (cursor !== null) query.set(order, String(cursor));
  const response = await fetchSender(`http://localhost:5000/events?${query}`);
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return response.json();
}

/** Follows `next` to the end, with a pause between two pages. */
async function walk(how: Walk, pause: (turn: number) => Promise<unknown> = async () => {}): Promise<number[]> {
  const seqs: number[] = [];
  let cursor = how.order === "after" ? 0 : null;
  for (let turn = 0; ; turn++) {
    const { events, next, end } = await page(how, cursor);
    expect(events.length).toBeLessThanOrEqual(how.limit);
    seqs.push(...events.map(({ seq }) => seq));
    if (next === null || end === true) return seqs;
    cursor = next;
    await pause(turn);
  }
}

/** A log of several tables: every batch comes six days after the one before. */
async function history(types: string[][]): Promise<Row[]> {
  const log: Row[] = [];
  let now = Date.parse("2030-01-01T00:00:00Z");
  for (const batch of types) {
    moveTo(now);
    await publish(...batch.map((type) => ({ type })));
    log.push(...batch.map((type, index) => ({ seq: log.length + index + 1, type })));
    now += 6 * DAY;
  }
  return log;
}

const anyTypes = fc.array(fc.array(fc.constantFrom(...TYPES), { minLength: 1, maxLength: 25 }), {
  minLength: 2,
  maxLength: 4,
});
const anyWalk = fc.record({
  order: fc.constantFrom("after" as const, "before" as const),
  limit: fc.integer({ min: 1, max: 30 }),
  type: fc.option(fc.constantFrom(...TYPES, "no.such")),
});

describe("GET /events, page by page", () => {
  it("shows exactly what matches, once and in order, across tables", async () => {
    const [types = []] = fc.sample(anyTypes, { numRuns: 1, seed: 7 });
    const log = await history(types);
    await fc.assert(
      fc.asyncProperty(anyWalk, async (how) => {
        const wanted = log.filter(({ type }) => how.type === null || type === how.type).map(({ seq }) => seq);
        expect(await walk(how)).toEqual(how.order === "after" ? wanted : wanted.toReversed());
      }),
      { numRuns: 60 },
    );
  });

  it.each(["after", "before"] as const)(
    "%s= comes in pages of a few megabytes, however large the events",
    async (order) => {
      const data = JSON.stringify("x".repeat(250_000));
      for (let batch = 0; batch < 14; batch++) await publish(...Array.from({ length: 10 }, () => ({ data })));
      const seqs = Array.from({ length: 140 }, (_, index) => index + 1);
      expect(await walk({ order, limit: 500, type: null })).toEqual(order === "after" ? seqs : seqs.toReversed());
    },
  );

  it.each(["after", "before"] as const)("%s= shifts nothing when events are published in between", async (order) => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 9 }), fc.option(fc.constantFrom(...TYPES)), async (limit, type) => {
        const before = await walk({ order: "after", limit: 500, type });
        await publish(...TYPES.map((each) => ({ type: each })), {});
        const known = await walk({ order: "after", limit: 500, type });
        const added: number[] = [];
        const seen = await walk({ order, limit, type }, async (turn) => {
          if (turn > 2) return;
          const published = await publish({ type: type ?? "order.paid" });
          if (published.ok) added.push(...published.events.flatMap(({ seq }) => seq ?? []));
        });
        expect(known.slice(0, before.length)).toEqual(before);
        expect(seen).toEqual(order === "after" ? [...known, ...added] : known.toReversed());
      }),
      { numRuns: 6 },
    );
  });
});
