import { describe, expect, it } from "vitest";
import type { PeriodTable } from "../../../shared/durable/period-tables.ts";
import type { Space } from "../../../shared/durable/space.ts";
import type { Segment } from "../../../workers/receiver/archive/segments.ts";
import type { Tombstone } from "../../../workers/receiver/event/tombstone.ts";
import {
  clearedIn,
  DELETES_PER_DAY,
  housekeepingDue,
  isFull,
  readBackDue,
  retryDelay,
  SEGMENT_BYTES,
  SEGMENT_EVENTS,
  sealsForAge,
  sweptOn,
  wakeAt,
} from "../../../workers/receiver/inbox/state/rules.ts";
import {
  crowdedOut,
  expiredSeen,
  needsSeenTable,
  seenPeriod,
} from "../../../workers/receiver/inbox/state/space-rules.ts";
import type { Housekeeping, InboxState } from "../../../workers/receiver/inbox/state/state.ts";

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;
const NOW = 1_800_000_000_000;
const timing = { flushMs: 300 * SECOND, graceMs: 300 * SECOND, retentionMs: 30 * DAY };

function segment(putAt: number | null, more: Partial<Segment> = {}): Segment {
  return { firstSeq: 1, lastSeq: 1, epoch: "e", n: 1, bytes: 1, from: NOW, to: NOW, putAt, misses: 0, ...more };
}

function state(more: Partial<InboxState>): InboxState {
  const open = { firstSeq: 1, count: 0, bytes: 0, from: null };
  const verified = { complete: true, sources: {} };
  const empty = { next: 1, lastAt: 0, sealed: [], open };
  return { ...empty, retryAt: null, housekeeping: housekeeping({}), verified, ...more };
}

function housekeeping(more: Partial<Housekeeping>): Housekeeping {
  const none = {
    tombstones: [],
    saved: true,
    rebuilt: null,
    gone: 0,
    retryAt: null,
    notesDue: null,
    forgetAt: null,
    unread: [],
  };
  return { ...none, swept: { day: 0, deleted: 0 }, ...more };
}

const rebuilt = (relists: number[]) => ({ at: NOW, segments: 1, lostAfter: 1, firstSeq: 1_000_001, relists });

const filled = (from: number) => ({ firstSeq: 1, count: 1, bytes: 1, from });

describe("isFull", () => {
  const cases: [count: number, bytes: number, arriving: number, full: boolean][] = [
    [0, 0, 2 * SEGMENT_BYTES, false],
    [1, SEGMENT_BYTES - 10, 10, false],
    [1, SEGMENT_BYTES - 10, 11, true],
    [SEGMENT_EVENTS - 1, 0, 1, false],
    [SEGMENT_EVENTS, 0, 1, true],
  ];
  it.each(cases)("%i events, %i bytes, %i arriving: %s", (count, bytes, arriving, full) => {
    expect(isFull({ firstSeq: 1, count, bytes, from: NOW }, arriving)).toBe(full);
  });
});

describe("the puts of a day", () => {
  /**
   * Counts the events of one size within so many puts, in the worst order: one just in time for each seal for age, the
   * rest at once.
   */
  function eventsWithin(puts: number, bytes: number): number {
    const forAge = DAY / timing.flushMs;
    let open = { firstSeq: 1, count: 0, bytes: 0, from: NOW };
    let events = forAge;
    for (let sealed = forAge; ; events++) {
      if (isFull(open, bytes)) {
        sealed += 1;
        open = { ...open, count: 0, bytes: 0 };
      }
      if (sealed === puts) return events;
      open = { ...open, count: open.count + 1, bytes: open.bytes + bytes };
    }
  }

  // The numbers of the README, rounded down.
  const cases: [kib: number, within340: number, within1000: number][] = [
    [1, 26_000, 350_000],
    [2, 13_000, 180_000],
    [4, 6_900, 91_000],
    [12, 2_400, 30_000],
    [64, 700, 5_900],
    [256, 390, 1_700],
  ];
  it.each(cases)("of %i KiB an event: %i within 340, %i within 1,000", (kib, within340, within1000) => {
    const found = [340, 1000].map((puts) => String(eventsWithin(puts, kib * 1024)));
    expect(found.map((events) => Number(events.slice(0, 2).padEnd(events.length, "0")))).toEqual([
      within340,
      within1000,
    ]);
  });
});

describe("sealsForAge", () => {
  const cases: [name: string, state: Partial<InboxState>, seals: boolean][] = [
    ["nothing waits", {}, false],
    ["too young", { open: filled(NOW - timing.flushMs + 1) }, false],
    ["old enough", { open: filled(NOW - timing.flushMs) }, true],
    ["old enough, behind one that is put", { open: filled(0), sealed: [segment(NOW)] }, true],
    ["old enough, behind one that KV refused", { open: filled(0), sealed: [segment(NOW), segment(null)] }, false],
  ];
  it.each(cases)("%s: %s", (_name, given, seals) => expect(sealsForAge(state(given), NOW, timing)).toBe(seals));
});

describe("wakeAt", () => {
  const cases: [name: string, state: Partial<InboxState>, at: number | null][] = [
    ["nothing waits", {}, null],
    ["an open tail", { open: filled(NOW) }, NOW + timing.flushMs],
    ["a sealed tail", { sealed: [segment(null)] }, 0],
    ["a sealed tail after an error", { sealed: [segment(null)], retryAt: NOW + 5 }, NOW + 5],
    ["a put segment", { sealed: [segment(NOW)] }, NOW + timing.graceMs],
    ["a put segment, missed twice", { sealed: [segment(NOW, { misses: 2 })] }, NOW + 3 * timing.graceMs],
    ["a put segment after an error", { sealed: [segment(NOW)], retryAt: NOW + HOUR }, NOW + HOUR],
    ["an open tail after an error", { open: filled(0), sealed: [segment(NOW)], retryAt: NOW + HOUR }, NOW + HOUR],
    ["the earlier of tail and look", { open: filled(NOW - 9), sealed: [segment(NOW)] }, NOW - 9 + timing.flushMs],
    ["a task before a put segment", { sealed: [segment(NOW)], housekeeping: housekeeping({ saved: false }) }, 0],
    [
      "a task after a put segment",
      { sealed: [segment(0)], housekeeping: housekeeping({ rebuilt: rebuilt([NOW]) }) },
      300 * SECOND,
    ],
    ["an open tail behind one that KV refused", { open: filled(0), sealed: [segment(null)], retryAt: NOW }, NOW],
  ];
  it.each(cases)("%s", (_name, given, at) => expect(wakeAt(state(given), timing)).toBe(at));
});

describe("housekeepingDue", () => {
  const today = Math.floor(NOW / DAY);
  const cases: [name: string, housekeeping: Partial<Housekeeping>, at: number | null][] = [
    ["none", {}, null],
    ["tombstones that KV does not know", { saved: false }, 0],
    ["a relist", { rebuilt: rebuilt([NOW + 1, NOW + 2]) }, NOW + 1],
    ["a rebuild whose relists are done", { rebuilt: rebuilt([]) }, null],
    ["keys to delete", { gone: 1 }, 0],
    ["more deletes than the day has", { gone: 1, swept: { day: today, deleted: DELETES_PER_DAY } }, (today + 1) * DAY],
    ["the earliest of them", { gone: 1, rebuilt: rebuilt([NOW]) }, 0],
    ["not before the next try", { saved: false, retryAt: NOW }, NOW],
    ["none, after an error", { retryAt: NOW }, null],
  ];
  it.each(cases)("%s", (_name, given, at) => expect(housekeepingDue(housekeeping(given))).toBe(at));
});

describe("sweptOn", () => {
  const day = Math.floor(NOW / DAY);
  it.each([
    [day * DAY, { day, deleted: 7 }],
    [(day + 1) * DAY - 1, { day, deleted: 7 }],
    [(day + 1) * DAY, { day: day + 1, deleted: 0 }],
  ])("%i", (now, swept) => expect(sweptOn(now, { day, deleted: 7 })).toEqual(swept));
});

describe("readBackDue", () => {
  it("is never before the grace is over", () => {
    expect([readBackDue(segment(null), timing), readBackDue(segment(NOW), timing)]).toEqual([
      null,
      NOW + timing.graceMs,
    ]);
  });
});

describe("retryDelay", () => {
  const cases: [age: number, delay: number][] = [
    [0, 30 * SECOND],
    [240 * SECOND, 30 * SECOND],
    [480 * SECOND, 60 * SECOND],
    [8 * HOUR, HOUR],
    [9 * DAY, HOUR],
  ];
  it.each(cases)("waited %i ms: %i ms", (age, delay) => {
    expect(retryDelay([segment(NOW), segment(null, { to: NOW - age })], NOW)).toBe(delay);
  });
});

describe("the tables of seen keys", () => {
  const begun = (first: number): PeriodTable => ({ name: `seen_${first}`, first, sql: "" });

  it.each([1, 7, 30, 60, 365])("are never more than 8 with a retention of %i days, and keep it", (days) => {
    const own = { ...timing, retentionMs: days * DAY };
    let seen: PeriodTable[] = [];
    for (let now = NOW; now < NOW + 4 * own.retentionMs + 30 * DAY; now += DAY / 2) {
      if (needsSeenTable(seen, now, own, "ample")) seen = [...seen, begun(now)];
      seen = seen.slice(expiredSeen(seen, now, own).length);
      expect(seen.length).toBeLessThanOrEqual(8);
      const kept = Math.max(NOW, now - own.retentionMs);
      expect(seen[0]?.first).toBeLessThanOrEqual(kept);
    }
    expect(seen[0]?.first).toBeGreaterThan(NOW);
    expect(seenPeriod(own)).toBeGreaterThanOrEqual(5 * DAY);
  });

  const since = (...daysAgo: number[]) => daysAgo.map((days) => begun(NOW - days * DAY));

  const needed: [daysAgo: number[], space: Space, needed: boolean][] = [
    [[], "ample", true],
    [[4.9], "ample", false],
    [[5], "ample", true],
    [[0.9], "crowded", false],
    [[1], "crowded", true],
    [[9, 1], "full", true],
    [[9, 0.9], "full", false],
    [[0.9], "full", true],
    [[0], "full", false],
  ];
  it.each(needed)("begun %j days ago, with space that is %s: a new one is needed: %s", (daysAgo, space, needs) => {
    expect(needsSeenTable(since(...daysAgo), NOW, timing, space)).toBe(needs);
  });

  const crowding: [daysAgo: number[], space: Space, goes: number | null][] = [
    [[9, 4, 1], "ample", null],
    [[9, 4, 1], "crowded", 9],
    [[9, 4, 1], "full", 9],
    [[4, 1], "crowded", 4],
    [[4, 0.9], "full", null],
    [[9], "full", null],
    [[], "full", null],
  ];
  it.each(crowding)("begun %j days ago, with space that is %s: the one of %s goes", (daysAgo, space, goes) => {
    expect(crowdedOut(since(...daysAgo), NOW, space)).toEqual(goes === null ? null : since(goes)[0]);
  });
});

describe("clearedIn", () => {
  const whole = (seq: number): Tombstone => ({ source: null, seq });
  const of = (source: string, seq: number): Tombstone => ({ source, seq });
  const sealed = { firstSeq: 1, lastSeq: 10, epoch: "e", n: 10 };
  const counts = { a: 7, b: 3 };
  const cases: [
    name: string,
    tombstones: Tombstone[],
    counts: Record<string, number> | null,
    cleared: number | null,
  ][] = [
    ["none", [], counts, 0],
    ["all of it", [whole(10)], counts, 10],
    ["all of it, unknown", [whole(10)], null, 10],
    ["one source", [of("a", 10)], counts, 7],
    ["a source it does not hold", [of("c", 10)], counts, 0],
    ["both sources", [of("a", 10), of("b", 12)], counts, 10],
    ["one source, unknown", [of("a", 10)], null, null],
    ["a tombstone before its end", [whole(9), of("a", 9)], counts, 0],
  ];
  it.each(cases)("%s", (_name, tombstones, given, cleared) => {
    expect(clearedIn(tombstones, { ...sealed, counts: given })).toBe(cleared);
  });
});
