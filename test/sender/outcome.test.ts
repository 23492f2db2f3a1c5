import { describe, expect, it } from "vitest";
import type { AttemptResult } from "../../shared/attempt.ts";
import { nextDelivery, outcomeOf } from "../../workers/sender/outcome.ts";

const result = (part: Partial<AttemptResult>): AttemptResult => ({
  ...{ status: 200, code: null, ms: 5, retryAfter: null, response: "ok" },
  ...part,
});
const open = { seq: 7, id: "msg_a", type: "a.b", body: "{}", attempts: [], mark: null };
const turn = { now: 1_000_000, delaysMs: [5000, 60_000], random: 0.5 };

describe("outcomeOf", () => {
  it.each([
    [200, null, "delivered"],
    [204, null, "delivered"],
    [299, null, "delivered"],
    [199, null, "retry"],
    [301, null, "retry"],
    [302, null, "retry"],
    [304, null, "retry"],
    [400, null, "retry"],
    [404, null, "retry"],
    [429, null, "retry"],
    [500, null, "retry"],
    [503, null, "retry"],
    [0, "timeout", "retry"],
    [0, "connection_failed", "retry"],
    [200, "timeout", "retry"],
    [200, "response_incomplete", "retry"],
  ] as const)("%i with code %s is %s", (status, code, expected) => {
    expect(outcomeOf({ status, code })).toBe(expected);
  });
});

describe("nextDelivery", () => {
  it("lets go of the body and the response once delivered", () => {
    const delivery = nextDelivery(open, { at: 1, result: result({}) }, turn);
    expect(delivery).toMatchObject({ seq: 7, state: "delivered", due: null, body: null });
    expect(delivery.attempts).toEqual([{ at: 1, ms: 5, status: 200, code: null, nextAt: null, response: null }]);
  });

  it("keeps the body and is due again after a failure", () => {
    const delivery = nextDelivery(open, { at: 1, result: result({ status: 500, response: "oops" }) }, turn);
    expect(delivery).toMatchObject({ state: "due", due: 1_005_000, body: "{}" });
    expect(delivery.attempts[0]).toMatchObject({ status: 500, nextAt: 1_005_000, response: "oops" });
  });

  it("is dead after the last attempt of the schedule, and says so in the last attempt", () => {
    const failed = { at: 1, result: result({ status: 0, code: "timeout" }) };
    const second = nextDelivery({ ...open, ...nextDelivery(open, failed, turn), body: "{}" }, failed, turn);
    const third = nextDelivery({ ...open, ...second, body: "{}" }, failed, turn);
    expect(second).toMatchObject({ state: "due", due: 1_060_000 });
    expect(third).toMatchObject({ state: "dead", due: null, body: "{}" });
    expect(third.attempts.map(({ nextAt }) => nextAt)).toEqual([1_005_000, 1_060_000, null]);
  });

  it.each([
    [429, 30_000],
    [503, 30_000],
    [500, 5000],
    [301, 5000],
  ])("hears a Retry-After of 30 s on %i as %i ms", (status, expected) => {
    const delivery = nextDelivery(open, { at: 1, result: result({ status, retryAfter: "30" }) }, turn);
    expect(delivery.due).toBe(turn.now + expected);
  });
});
