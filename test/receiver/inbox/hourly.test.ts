import { describe, expect, it } from "vitest";
import { HOUR_MS } from "../../../shared/time.ts";
import { HOURS, spreadOverHours } from "../../../workers/receiver/inbox/queries/hourly.ts";

describe("spreadOverHours", () => {
  const now = 1000 * HOUR_MS + 5;
  const start = (1000 - HOURS + 1) * HOUR_MS;
  const at = (hour: number, ms = 0) => start + hour * HOUR_MS + ms;

  const cases: [
    name: string,
    runs: Parameters<typeof spreadOverHours>[0],
    hours: Record<number, number>,
    exact: boolean,
  ][] = [
    ["nothing", [], {}, true],
    ["one event now", [{ n: 1, from: now, to: now }], { 23: 1 }, true],
    [
      "runs within an hour",
      [
        { n: 5, from: at(3), to: at(3, HOUR_MS - 1) },
        { n: 2, from: at(3, 7), to: at(3, 7) },
      ],
      { 3: 7 },
      true,
    ],
    [
      "a run over two hours, evenly",
      [{ n: 10, from: at(1, HOUR_MS / 2), to: at(2, HOUR_MS / 2) }],
      { 1: 5, 2: 5 },
      false,
    ],
    ["one that began before", [{ n: 8, from: at(-2), to: at(2) }], { 0: 2, 1: 2 }, false],
    ["one that is over", [{ n: 8, from: at(-9), to: at(-8, 5) }], {}, false],
  ];
  it.each(cases)("counts %s", (_name, runs, hours, exact) => {
    const counts = spreadOverHours(runs, now);
    expect(counts.from).toBe(start);
    expect(counts.hours).toEqual(Array.from({ length: HOURS }, (_, hour) => hours[hour] ?? 0));
    expect(counts.exact).toBe(exact);
  });

  it("loses and invents no event", () => {
    for (let n = 1; n < 200; n++) {
      const run = { n, from: at(0, n * 7919), to: at(5 + (n % 17), (n * 104_729) % HOUR_MS) };
      expect(
        spreadOverHours([run], now).hours.reduce((sum, count) => sum + count, 0),
        `${n}`,
      ).toBe(n);
      expect(Math.min(...spreadOverHours([run], now).hours), `${n}`).toBeGreaterThanOrEqual(0);
    }
  });
});
