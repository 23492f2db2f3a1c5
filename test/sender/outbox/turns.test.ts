import { afterEach, describe, expect, it, vi } from "vitest";
import { Turns } from "../../../workers/sender/outbox/turns.ts";

afterEach(() => vi.restoreAllMocks());

/** Turns on a clock that only their waits move; each of these ends as late as `lateMs` says. */
function turnsOn(lateMs: () => number) {
  let now = 0;
  const gaps: number[] = [];
  vi.spyOn(scheduler, "wait").mockImplementation(async (ms) => {
    gaps.push(ms);
    now += ms + lateMs();
  });
  const turns = new Turns(() => now, 2);
  const take = (count: number) => Promise.all(Array.from({ length: count }, () => turns.next()));
  return { gaps, take };
}

describe("Turns", () => {
  it("come as quickly as can be where nothing is late, and ever further apart where all are", async () => {
    let late = 0;
    const { gaps, take } = turnsOn(() => late);
    await take(60);
    expect(gaps[0]).toBe(10);
    expect(gaps.at(-1)).toBe(1);
    late = 5;
    await take(60);
    expect(gaps.at(-1)).toBe(100);
    expect(Math.max(...gaps)).toBe(100);
  });

  it.each([3, 8, 20])(
    "settle where about a fifth of them are late, when one takes %d ms of the thread",
    async (busyMs) => {
      const random = randomFrom(busyMs);
      let lateOnes = 0;
      const { gaps, take } = turnsOn(() => {
        // A turn's work ends `busyMs` after it began: a timer that fires within that time waits for the rest.
        const gap = gaps.at(-1) ?? 0;
        const late = random() < busyMs / (busyMs + gap) ? 5 : 0;
        if (late > 0) lateOnes++;
        return late;
      });
      await take(200);
      lateOnes = 0;
      await take(2000);
      expect(lateOnes / 2000).toBeGreaterThan(0.1);
      expect(lateOnes / 2000).toBeLessThan(0.3);
    },
  );

  it("come in the order in which they were asked for", async () => {
    const turns = new Turns(Date.now, 2);
    const order: number[] = [];
    await Promise.all([1, 2, 3].map((n) => turns.next().then(() => order.push(n))));
    expect(order).toEqual([1, 2, 3]);
  });
});

/** Returns a generator of numbers from 0 to 1, the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}
