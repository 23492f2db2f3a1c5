import { reset } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { DAY, SECOND } from "../support/harness.ts";
import { RETENTION, stored } from "../support/invariants.ts";
import {
  clear,
  dropped,
  evict,
  flushed,
  killEverywhere,
  lose,
  type Step,
  send,
  sleep,
  wait,
  wake,
} from "../support/kill-steps.ts";

/** The time that one table of seen keys takes keys: a sixth of the retention. */
const SEEN_PERIOD = 5 * DAY;

afterEach(async () => {
  vi.restoreAllMocks();
  await reset();
});

/** Checks that a log that was just flushed keeps no row of an expired segment. */
const forgotten: Step = async () => {
  const now = await stored();
  const oldest = Date.now() - RETENTION;
  expect(now?.segments.filter(({ to }) => to < oldest)).toEqual([]);
  expect(now?.seen.filter((begun) => begun + SEEN_PERIOD <= oldest)).toEqual([]);
  expect(now?.gone).toEqual([]);
  return true;
};

const paged: Step = (world) => world.checkPages();

const scenarios: [name: string, before: Step[], killed: Step[]][] = [
  [
    "accept, seal, put, look, drop, and repetitions at each stage",
    [],
    [send("1"), send("2", "b"), send("1"), flushed, send("1"), send("3"), dropped, send("1")],
  ],
  [
    "clear of segments and tails",
    [send("1"), flushed, dropped, send("2"), flushed, send("3")],
    [clear(null), send("4"), dropped],
  ],
  [
    "clear of one source",
    [send("1"), flushed, send("2", "b"), send("3"), dropped, send("4", "b")],
    [clear("a"), clear("b"), send("5"), dropped],
  ],
  [
    "rebuild",
    [send("1"), flushed, dropped, send("2", "b"), flushed, lose],
    [wake, send("3"), dropped, wait(3600 * SECOND)],
  ],
  [
    "rebuild of what was cleared",
    [send("1"), send("2", "b"), flushed, dropped, send("3"), flushed, dropped, clear("a"), flushed, lose],
    [wake, send("4"), clear("b"), dropped, wait(3600 * SECOND)],
  ],
  ["restart", [send("1"), flushed, evict], [wake, send("2"), evict, wake, dropped, evict, wake]],
  [
    // On day 31 the first event is forgotten and its id may come again; on day 35 its table of keys is forgotten.
    "expiry of segments and seen ids",
    [send("1"), dropped, wait(6 * DAY), send("2", "b"), dropped, wait(25 * DAY)],
    [
      ...[paged, send("1"), send("2", "b"), dropped, send("2", "b"), forgotten, wait(4.5 * DAY)],
      ...[send("3"), send("1"), send("2", "b"), flushed, forgotten],
    ],
  ],
  [
    "expiry while the log slept, of what was cleared too",
    [send("1"), send("2", "b"), dropped, send("3"), dropped, clear("a"), send("4"), sleep(RETENTION + 3 * DAY)],
    [paged, send("5"), send("1"), flushed, clear("a"), dropped, forgotten],
  ],
  [
    "rebuild while KV still shows what has expired",
    [send("1"), dropped, wait(3 * DAY), send("2", "b"), dropped, wait(RETENTION - 2.5 * DAY), lose],
    [wake, send("3"), dropped, wait(DAY), send("4"), flushed, forgotten],
  ],
];

describe("killed at every step of", () => {
  it.each(scenarios)(
    "%s, the log holds what was acknowledged, once",
    { timeout: 60_000 },
    async (_name, before, killed) => {
      const points = await killEverywhere({ before, killed: () => killed, after: (world) => world.settle() });
      expect(points.length).toBeGreaterThan(10);
    },
  );
});
