import { describe, expect, it } from "vitest";
import { RateLimiter } from "../../shared/rate-limiter.ts";

describe("RateLimiter", () => {
  const fail = (limiter: RateLimiter, name: string, ...times: number[]) =>
    times.map((time) => limiter.count(name, time));

  it("says stop after so many failures in the window, and for how long", () => {
    expect(fail(new RateLimiter(2, 60_000), "a", 0, 1000, 2000, 59_999)).toEqual([null, null, 58, 1]);
  });

  it("says how long to wait without counting", () => {
    const limiter = new RateLimiter(2, 60_000);
    expect(limiter.wait("a", 0)).toBeNull();
    limiter.count("a", 0);
    expect(limiter.wait("a", 1000)).toBeNull();
    limiter.count("a", 1000);
    expect([limiter.wait("a", 2000), limiter.wait("a", 59_999), limiter.wait("b", 2000)]).toEqual([58, 1, null]);
    expect(limiter.wait("a", 60_000)).toBeNull();
  });

  it("starts anew when the window has passed", () => {
    expect(fail(new RateLimiter(1, 60_000), "a", 0, 1, 60_000, 60_001)).toEqual([null, 60, null, 60]);
  });

  it("counts each name by itself", () => {
    const limiter = new RateLimiter(1, 60_000);
    expect([limiter.count("a", 0), limiter.count("b", 0), limiter.count("a", 0)]).toEqual([null, null, 60]);
  });

  it("forgets the names that failed longest ago when there are too many", () => {
    const limiter = new RateLimiter(1, 60_000);
    limiter.count("first", 0);
    for (let i = 0; i < 999; i++) limiter.count(`other ${i}`, 0);
    expect(limiter.count("first", 1)).toBe(60);
    for (let i = 0; i < 1000; i++) limiter.count(`another ${i}`, 1);
    expect(limiter.count("first", 2)).toBeNull();
  });
});
