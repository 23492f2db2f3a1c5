import { describe, expect, it } from "vitest";
import { type Ending, failingSince, nextDelivery, outcomeOf } from "../../workers/sender/outcome.ts";

const ending = (part: Partial<Ending>): Ending => ({
  ...{ status: 200, code: null, ms: 5, retryAfter: null, response: "ok" },
  ...part,
});
const open = { seq: 7, id: "msg_a", type: "a.b", body: "{}", attempts: [], mark: null, skip: 0 };
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
    [410, null, "gone"],
    [0, "dns_unavailable", "postponed"],
    [0, "dns_not_found", "retry"],
    [0, "address_forbidden", "retry"],
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
    const delivery = nextDelivery(open, { at: 1, ending: ending({}) }, turn);
    expect(delivery).toMatchObject({ seq: 7, state: "delivered", due: null, body: null });
    expect(delivery.attempts).toEqual([{ at: 1, ms: 5, status: 200, code: null, nextAt: null, response: null }]);
  });

  it("keeps the body and is due again after a failure", () => {
    const delivery = nextDelivery(open, { at: 1, ending: ending({ status: 500, response: "oops" }) }, turn);
    expect(delivery).toMatchObject({ state: "due", due: 1_005_000, body: "{}" });
    expect(delivery.attempts[0]).toMatchObject({ status: 500, nextAt: 1_005_000, response: "oops" });
  });

  it("is dead after the last attempt of the schedule, and says so in the last attempt", () => {
    const failed = { at: 1, ending: ending({ status: 0, code: "timeout" }) };
    const second = nextDelivery({ ...open, ...nextDelivery(open, failed, turn), body: "{}" }, failed, turn);
    const third = nextDelivery({ ...open, ...second, body: "{}" }, failed, turn);
    expect(second).toMatchObject({ state: "due", due: 1_060_000 });
    // Due once more: to be reported.
    expect(third).toMatchObject({ state: "dead", due: turn.now, body: "{}" });
    expect(third.attempts.map(({ nextAt }) => nextAt)).toEqual([1_005_000, 1_060_000, null]);
  });

  it.each([
    [429, 30_000],
    [503, 30_000],
    [500, 5000],
    [301, 5000],
  ])("hears a Retry-After of 30 s on %i as %i ms", (status, expected) => {
    const delivery = nextDelivery(open, { at: 1, ending: ending({ status, retryAfter: "30" }) }, turn);
    expect(delivery.due).toBe(turn.now + expected);
  });

  it.each(["endpoint.disabled", "delivery.failed", "webhook.test"])("does not report the death of %s", (type) => {
    const failed = { at: 1, ending: ending({ status: 500 }) };
    expect(nextDelivery({ ...open, type }, failed, { ...turn, delaysMs: [] })).toMatchObject({
      state: "dead",
      due: null,
    });
  });

  it("uses up no attempt while the resolver does not answer, and adds one line for all of it", () => {
    const unanswered = { at: 1, ending: ending({ status: 0, code: "dns_unavailable", response: null }) };
    let delivery = nextDelivery(open, unanswered, turn);
    for (let minute = 0; minute < 50; minute++)
      delivery = nextDelivery({ ...open, ...delivery, body: "{}" }, unanswered, turn);
    expect(delivery).toMatchObject({ state: "due", due: turn.now + 60_000, attempts: [{ code: "dns_unavailable" }] });
    const failed = nextDelivery({ ...open, ...delivery, body: "{}" }, { at: 1, ending: ending({ status: 500 }) }, turn);
    expect(failed).toMatchObject({ state: "due", due: turn.now + 5000, attempts: [{ status: 500 }] });
  });

  it("begins the schedule anew after a redelivery, keeping what was tried", () => {
    const failed = { at: 1, ending: ending({ status: 500 }) };
    const again = nextDelivery(
      {
        ...open,
        attempts: [1, 2, 3].map(() => nextDelivery(open, failed, turn).attempts[0]).filter((a) => a !== undefined),
        mark: "redelivery",
        skip: 3,
      },
      failed,
      turn,
    );
    expect(again).toMatchObject({ state: "due", due: turn.now + 5000, mark: "redelivery" });
    expect(again.attempts).toHaveLength(4);
  });

  it.each([[[5000]], [[]]])("keeps what drew a 410 due, even at the end of the schedule %j", (delaysMs) => {
    const gone = { at: 1, ending: ending({ status: 410 }) };
    expect(nextDelivery(open, gone, { ...turn, delaysMs })).toMatchObject({ state: "due", body: "{}" });
  });
});

describe("failingSince", () => {
  it.each([
    [null, "retry", 7],
    [3, "retry", 3],
    [3, "gone", 3],
    [null, "postponed", null],
    [3, "postponed", 3],
    [3, "delivered", null],
  ] as const)("%j after %s is %j", (known, outcome, expected) => {
    expect(failingSince(known, outcome, 7)).toBe(expected);
  });
});
