import { describe, expect, it } from "vitest";
import { utf8 } from "../../../shared/bytes.ts";
import { NO_FILTER } from "../../../workers/receiver/event/filter.ts";
import type { EventSummary } from "../../../workers/receiver/event/record.ts";
import {
  BATCH_BYTES,
  batchMessage,
  charged,
  dueTogether,
  isAnswer,
  isDeaf,
  isDue,
  isOverdrawn,
  parseQuestion,
  QUESTION_BYTES,
  question,
  roundDelay,
  type Viewer,
  withReceipt,
} from "../../../workers/receiver/inbox/live/protocol.ts";

const viewer = (changes: Partial<Viewer> = {}): Viewer => {
  const nothing = { asked: null, after: 0, wants: false, sentAt: 0, receipt: null, unread: 0 };
  return { filter: NO_FILTER, relayed: false, ...nothing, ...changes };
};
const event = (seq: number, type: string | null = null): EventSummary => {
  const summary = { id: null, source: "default", bytes: 2, verification: "verified" as const };
  return { seq, type, receivedAt: "2040-01-01T00:00:00.000Z", ...summary };
};

describe("question", () => {
  const extent = { head: 9, floor: 4 };
  const now = 1000;
  const cases: [what: string, before: Partial<Viewer>, more: number, after: Partial<Viewer>, answer: object | null][] =
    [
      ["what the tails hold is waited for", {}, 4, { asked: 4, after: 4, wants: true }, null],
      ["so is what comes next", {}, 9, { asked: 9, after: 9, wants: true }, null],
      ["what came before the tails is paged", {}, 3, { after: 4, sentAt: now }, { behind: 4 }],
      ["beyond the head there is nothing", {}, 10, { after: 9, sentAt: now }, { reset: 9 }],
      [
        "a new question takes the place of an open one",
        { asked: 5, after: 8, wants: true },
        6,
        { asked: 6, after: 6, wants: true },
        null,
      ],
      [
        "an open question is not put again",
        { asked: 5, after: 8, wants: true },
        5,
        { asked: 5, after: 8, wants: true },
        null,
      ],
      ["nor one that was answered with events", { asked: 5, after: 8 }, 5, { asked: 5, after: 8 }, null],
    ];
  it.each(cases)("%s", (_what, before, more, after, answer) => {
    expect(question(viewer(before), more, extent, now)).toEqual({ viewer: viewer(after), answer });
  });
});

describe("parseQuestion", () => {
  const cases: [message: string, question: object | null][] = [
    ['{"more":0}', { more: 0, receipt: null }],
    ['{"more":7,"receipt":null}', { more: 7, receipt: null }],
    ['{"more":7,"receipt":"ab"}', { more: 7, receipt: "ab" }],
    ['{"more":7,"receipt":1}', null],
    ['{"receipt":"ab"}', null],
  ];
  it.each(cases)("%s", (message, question) => expect(parseQuestion(message)).toEqual(question));
});

describe("charged", () => {
  const cases: [what: string, given: string | null, receipt: string | null, unread: number][] = [
    ["the last receipt pays for all", "b", null, QUESTION_BYTES],
    ["an older one for nothing", "a", "b", 9000 + QUESTION_BYTES],
    ["nor does none", null, "b", 9000 + QUESTION_BYTES],
  ];
  it.each(cases)("%s", (_what, given, receipt, unread) => {
    expect(charged(viewer({ receipt: "b", unread: 9000 }), given)).toEqual(viewer({ receipt, unread }));
  });

  it("takes a receipt once", () => {
    const once = charged(viewer({ receipt: "a", unread: 9000 }), "a");
    expect(charged(once, "a").unread).toBe(2 * QUESTION_BYTES);
    expect(charged(charged(once, null), null).unread).toBe(3 * QUESTION_BYTES);
  });

  it("lets a question through as long as a mebibyte is not exceeded", () => {
    const overdrawn = (unread: number) => isOverdrawn(charged(viewer({ unread }), null));
    expect(overdrawn(1024 * 1024 - QUESTION_BYTES)).toBe(false);
    expect(overdrawn(1024 * 1024 - QUESTION_BYTES + 1)).toBe(true);
  });
});

describe("withReceipt", () => {
  it("adds the receipt, and no more than a question counts", () => {
    const largest = Number.MAX_SAFE_INTEGER;
    const { text, bytes } = batchMessage({ events: [], next: largest }, 0);
    const sent = withReceipt(text, "0123456789abcdef");
    expect(JSON.parse(sent)).toEqual({ events: [], next: largest, end: true, receipt: "0123456789abcdef" });
    expect([bytes, sent.length < QUESTION_BYTES]).toEqual([0, true]);
  });
});

describe("isDue, isDeaf", () => {
  const cases: [changes: Partial<Viewer>, due: boolean, deaf: boolean][] = [
    [{ wants: true, after: 8 }, true, false],
    [{ wants: true, after: 9 }, false, false],
    [{ wants: false, after: 8, sentAt: 40_000 }, false, false],
    [{ wants: false, after: 8, sentAt: 39_999 }, false, true],
    [{ wants: false, after: 9, sentAt: 0 }, false, false],
    [{ wants: true, after: 8, sentAt: 0 }, true, false],
  ];
  it.each(cases)("of %j", (changes, due, deaf) => {
    const extent = { head: 9, floor: 0 };
    expect([isDue(viewer(changes), extent), isDeaf(viewer(changes), extent, 100_000)]).toEqual([due, deaf]);
  });
});

describe("isAnswer", () => {
  const cases: [what: string, asked: number, events: number[], next: number, is: boolean][] = [
    ["any event", 10, [11], 11, true],
    ["nothing", 10, [], 10, false],
    ["nothing yet", 10, [], 509, false],
    ["nothing in 500 events", 10, [], 510, true],
  ];
  it.each(cases)("%s", (_what, asked, seqs, next, is) => {
    expect(isAnswer(viewer({ asked, after: 500, wants: true }), { events: seqs.map((seq) => event(seq)), next })).toBe(
      is,
    );
  });
});

describe("dueTogether", () => {
  it("groups by position and filter the viewers for whom something is to come", () => {
    const seat = (name: string, key: string, changes: Partial<Viewer>) => ({ name, key, viewer: viewer(changes) });
    const seats = [
      seat("a", "x", { wants: true, after: 1 }),
      seat("b", "y", { wants: true, after: 1 }),
      seat("c", "x", { wants: true, after: 1 }),
      seat("d", "x", { wants: true, after: 2 }),
      seat("e", "x", { wants: true, after: 3 }),
      seat("f", "x", { wants: false, after: 1 }),
    ];
    const groups = [...dueTogether(seats, { head: 3, floor: 0 })];
    expect(groups.map((group) => group.map(({ name }) => name).join(""))).toEqual(["ac", "b", "d"]);
  });
});

describe("batchMessage", () => {
  it("is a page with its end", () => {
    const events = [event(1), event(3)];
    expect(JSON.parse(batchMessage({ events, next: 4 }, 4).text)).toEqual({ events, next: 4, end: true });
    expect(JSON.parse(batchMessage({ events, next: 4 }, 5).text)).toEqual({ events, next: 4 });
    expect(JSON.parse(batchMessage({ events: [], next: 4 }, 4).text)).toEqual({ events: [], next: 4, end: true });
  });

  const large = "語".repeat(BATCH_BYTES / 8);
  it.each([
    ["as many as fit", [event(1, large), event(2, large), event(3, large)], [1, 2]],
    ["one, however large", [event(1, large.repeat(4)), event(2)], [1]],
  ])("holds %s, in bytes", (_what, events, seqs) => {
    const { text, next, bytes } = batchMessage({ events, next: 9 }, 9);
    const batch = JSON.parse(text) as { events: EventSummary[]; next: number };
    expect([batch.events.map(({ seq }) => seq), batch.next, next]).toEqual([seqs, seqs.at(-1), seqs.at(-1)]);
    expect(bytes).toBe(utf8(JSON.stringify(batch.events)).byteLength - 1);
    expect(batch).not.toHaveProperty("end");
  });
});

describe("roundDelay", () => {
  const direct = (count: number) => Array.from({ length: count }, () => viewer());
  const relayed = (count: number) => Array.from({ length: count }, () => viewer({ relayed: true }));
  const cases: [what: string, viewers: Viewer[], last: number, now: number, delay: number][] = [
    ["none after a quiet time", direct(200), 0, 1000, 0],
    ["little for one", direct(1), 1000, 1000, 0.25],
    ["50 ms between rounds for 200 sockets", direct(200), 1000, 1000, 50],
    ["what is left of them", direct(200), 1000, 1030, 20],
    ["more for streams and polls", relayed(200), 1000, 1000, 400],
    ["no longer than that when the clock is set back", direct(200), 1_000_000, 1000, 50],
  ];
  it.each(cases)("is %s", (_what, viewers, last, now, delay) => {
    expect(roundDelay(viewers, last, now)).toBe(delay);
  });
});
