import { describe, expect, it } from "vitest";
import { FailureLimiter } from "../../shared/rate-limiter.ts";

describe("FailureLimiter", () => {
  const fail = (limiter: FailureLimiter, name: string, ...times: number[]) =>
    times.map((time) => limiter.fail(name, time));

  it("says stop after so many failures in the window, and for how long", () => {
    expect(fail(new FailureLimiter(2, 60_000), "a", 0, 1000, 2000, 59_999)).toEqual([null, null, 58, 1]);
  });

  it("starts anew when the window has passed", () => {
    expect(fail(new FailureLimiter(1, 60_000), "a", 0, 1, 60_000, 60_001)).toEqual([null, 60, null, 60]);
  });

  it("counts each name by itself", () => {
    const limiter = new FailureLimiter(1, 60_000);
    expect([limiter.fail("a", 0), limiter.fail("b", 0), limiter.fail("a", 0)]).toEqual([null, null, 60]);
  });

  it("forgets the names that failed longest ago when there are too many", () => {
    const limiter = new FailureLimiter(1, 60_000);
    limiter.fail("first", 0);
    for (let i = 0; i < 999; i++) limiter.fail(`other ${i}`, 0);
    expect(limiter.fail("first", 1)).toBe(60);
    for (let i = 0; i < 1000; i++) limiter.fail(`another ${i}`, 1);
    expect(limiter.fail("first", 2)).toBeNull();
  });
});
