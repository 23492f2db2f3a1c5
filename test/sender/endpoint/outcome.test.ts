import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  askedWait,
  countedAttempts,
  type Failing,
  failingAfter,
  hasFailedTooLong,
  longestGap,
  nextDelivery,
  outcomeOf,
} from "../../../workers/sender/endpoint/outcome.ts";
import { RETRY_DELAYS_SECONDS } from "../../../workers/sender/model/retry-schedule.ts";
import type { Ending } from "../../../workers/sender/protocol.ts";

const ending = (part: Partial<Ending>): Ending => ({
  ...{ status: 200, code: null, ms: 5, retryAfter: null, response: "ok" },
  ...part,
});
const open = { seq: 7, id: "msg_a", type: "a.b", body: "{}", attempts: [], mark: null, skip: 0 };
const turn = { now: 1_000_000, notBefore: null, delaysMs: [5000, 60_000], random: 0.5 };

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
    [200, "timeout", "delivered"],
    [200, "response_incomplete", "delivered"],
    [410, "timeout", "gone"],
    [410, "response_incomplete", "gone"],
    [500, "response_incomplete", "retry"],
    [522, "connect_timeout", "retry"],
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
    const headers = { server: "x" };
    const delivery = nextDelivery(open, { at: 1, ending: ending({ status: 500, response: "oops", headers }) }, turn);
    expect(delivery).toMatchObject({ state: "due", due: 1_005_000, body: "{}" });
    expect(delivery.attempts[0]).toMatchObject({ status: 500, nextAt: 1_005_000, response: "oops", headers });
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
    ["a longer", 30_000, 30_000],
    ["a shorter", 1000, 5000],
    ["no", null, 5000],
  ])("comes back no sooner than asked, with %s wait than its own", (_name, wait, expected) => {
    const notBefore = wait === null ? null : turn.now + wait;
    const delivery = nextDelivery(open, { at: 1, ending: ending({ status: 429 }) }, { ...turn, notBefore });
    expect(delivery.due).toBe(turn.now + expected);
  });

  it("is dead after its last attempt, whatever wait was asked for", () => {
    const asked = { ...turn, notBefore: turn.now + 60_000, delaysMs: [] };
    expect(nextDelivery(open, { at: 1, ending: ending({ status: 429 }) }, asked)).toMatchObject({ state: "dead" });
  });

  it.each([
    [500, null],
    [429, null],
    [410, null],
    [0, "timeout"],
    [0, "dns_unavailable"],
  ])("sends a test once, also after %i %s", (status, code) => {
    const failed = { at: 1, ending: ending({ status, code, response: "no" }) };
    const delivery = nextDelivery({ ...open, type: "webhook.test" }, failed, { ...turn, notBefore: turn.now + 5 });
    expect(delivery).toMatchObject({ state: "dead", due: null, attempts: [{ status, code, nextAt: null }] });
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

describe("askedWait", () => {
  it.each([
    [429, "30", { waitMs: 30_000, holds: true }],
    [503, "30", { waitMs: 30_000, holds: true }],
    [503, "Thu, 01 Jan 1970 00:17:10 GMT", { waitMs: 30_000, holds: true }],
    [413, "30", { waitMs: 30_000, holds: false }],
    [301, "30", { waitMs: 30_000, holds: false }],
    [302, "30", { waitMs: 30_000, holds: false }],
    [307, "30", { waitMs: 30_000, holds: false }],
    [503, "0", null],
    [503, null, null],
    [503, "soon", null],
    [200, "30", null],
    [400, "30", null],
    [410, "30", null],
    [500, "30", null],
    [0, "30", null],
  ])("on %i with Retry-After: %s is %j", (status, retryAfter, expected) => {
    expect(askedWait({ status, retryAfter }, turn.now)).toEqual(expected);
  });
});

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe("failingAfter", () => {
  const known = { since: 0, until: 10 * HOUR, ms: 10 * HOUR };
  it.each<
    [name: string, before: Failing | null, outcome: ReturnType<typeof outcomeOf>, at: number, after: Failing | null]
  >([
    ["begins with a failure", null, "retry", 7, { since: 7, until: 7, ms: 0 }],
    ["begins with a 410", null, "gone", 7, { since: 7, until: 7, ms: 0 }],
    ["does not begin with what was not sent", null, "postponed", 7, null],
    ["ends with a success", known, "delivered", DAY, null],
    ["is as it was after what was not sent", known, "postponed", DAY, known],
    ["is not noted again within the hour", known, "retry", 10 * HOUR + 59 * 60_000, known],
    ["counts the time between two failures", known, "retry", 20 * HOUR, { since: 0, until: 20 * HOUR, ms: 20 * HOUR }],
    ["counts no silence", known, "retry", 26 * DAY, { since: 0, until: 26 * DAY, ms: 10 * HOUR }],
    ["counts nothing when the clock goes back", known, "retry", 5 * HOUR, { since: 0, until: 5 * HOUR, ms: 10 * HOUR }],
  ])("%s", (_name, before, outcome, at, after) => {
    expect(failingAfter(before, outcome, { at, gapMs: longestGap([DAY]) })).toEqual(after);
  });
});

describe("an endpoint that fails", () => {
  const gapMs = longestGap(RETRY_DELAYS_SECONDS.map((seconds) => seconds * 1000));
  const run = (times: readonly number[]) => {
    let failing: Failing | null = null;
    for (const at of times) failing = failingAfter(failing, "retry", { at, gapMs });
    return failing !== null && hasFailedTooLong(failing);
  };

  /** The times of failures that lie so far apart. */
  const timesOf = (gaps: readonly number[]) => {
    let at = 0;
    return [0, ...gaps.map((gap) => (at += gap))];
  };

  it("is not disabled by silence: one failure, 26 days, one 503", () => {
    expect(run([0, 26 * DAY])).toBe(false);
    // Ten attempts over three days, and the same a month later.
    const attempts = [0, 1, 3, 6, 11, 21, 35, 55, 75].map((hours) => hours * HOUR);
    expect(run([...attempts, 30 * DAY])).toBe(false);
    expect(run([...attempts, ...attempts.map((at) => at + 30 * DAY)])).toBe(true);
  });

  it("is disabled by five days of failures that are as far apart as retries, and not before", () => {
    const gap = fc.integer({ min: 1, max: gapMs - HOUR });
    fc.assert(
      fc.property(fc.array(gap, { minLength: 1, maxLength: 200 }), (gaps) => {
        const times = timesOf(gaps);
        const span = times.at(-1) ?? 0;
        if (span < 5 * DAY) expect(run(times)).toBe(false);
        if (span > 5 * DAY + HOUR) expect(run(times)).toBe(true);
      }),
    );
  });

  it("is not disabled by any silences between short failures", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: gapMs + HOUR, max: 365 * DAY }), { maxLength: 50 }), (silences) => {
        expect(run(timesOf(silences))).toBe(false);
      }),
    );
  });
});

describe("any sequence of attempts", () => {
  const delaysMs = RETRY_DELAYS_SECONDS.map((seconds) => seconds * 1000);
  const codes = [
    "timeout",
    "connection_failed",
    "response_incomplete",
    "dns_not_found",
    "dns_unavailable",
    "tls_failed",
  ];
  const anyEnding = fc
    .record({
      status: fc.oneof(fc.integer({ min: 100, max: 599 }), fc.constantFrom(200, 204, 410, 429, 503, 0)),
      code: fc.option(fc.constantFrom(...codes), { freq: 2 }),
      ms: fc.nat(20_000),
      retryAfter: fc.option(
        fc.oneof(fc.string(), fc.nat(200_000).map(String), fc.constant("Thu, 01 Jan 2099 00:00:00 GMT")),
      ),
      response: fc.option(fc.string()),
    })
    // The resolver is asked before a request is made, so there is no status then.
    .map((ended) => (ended.code === "dns_unavailable" ? { ...ended, status: 0 } : ended));
  const steps = fc.array(fc.tuple(anyEnding, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })), {
    minLength: 1,
    maxLength: 40,
  });

  it("ends delivered by a 2xx alone, dead by the tenth failure that counts, and else is due in time", () => {
    fc.assert(
      fc.property(steps, fc.constantFrom("a.b", "endpoint.disabled", "delivery.failed"), (made, type) => {
        let delivery = { ...open, type } as Parameters<typeof nextDelivery>[0];
        let now = 1_700_000_000_000;
        // A 410 at the end of the schedule is followed by one more attempt, once the endpoint is enabled again.
        let last = delaysMs.length + 1;
        for (const [ended, random] of made) {
          const before = countedAttempts(delivery.attempts, delivery.skip);
          const next = nextDelivery(delivery, { at: now, ending: ended }, { now, notBefore: null, delaysMs, random });
          const counted = countedAttempts(next.attempts, next.skip);
          const good = ended.status >= 200 && ended.status < 300;
          const postponed = ended.code === "dns_unavailable";
          expect(next.state === "delivered").toBe(good);
          expect(counted).toBe(before + (postponed ? 0 : 1));
          expect(next.body === null).toBe(good);
          expect(next.attempts.at(-1)?.response).toBe(good ? null : ended.response);
          if (next.state === "due") {
            const wait = (next.due ?? 0) - now;
            const scheduled = delaysMs[before] ?? delaysMs[0] ?? 0;
            expect(wait).toBe(next.attempts.at(-1)?.nextAt === next.due ? wait : -1);
            if (postponed) expect(wait).toBe(60_000);
            else expect(wait).toBeGreaterThanOrEqual(Math.floor(scheduled * 0.8));
            expect(wait).toBeLessThanOrEqual(postponed ? 60_000 : Math.ceil(scheduled * 1.2));
          }
          if (next.state === "dead") {
            expect(counted).toBe(last);
            expect(next.due).toBe(type === "a.b" ? now : null);
          }
          if (!good && !postponed && counted > delaysMs.length && ended.status !== 410) expect(next.state).toBe("dead");
          if (next.state !== "due") return;
          if (counted === last && !postponed) last++;
          now = next.due ?? now;
          delivery = { ...delivery, ...next, body: next.body ?? "" };
        }
      }),
    );
  });
});
