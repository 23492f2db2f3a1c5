import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { eventId, eventSeq, type IdKey, looksOwn, randomId } from "../../../workers/sender/model/event-id.ts";

const key: IdKey = [0x12345678, -0x6543210];
const at = Date.UTC(2026, 10, 23);
const times = fc.integer({ min: 0, max: 2 ** 43 });
const seqs = fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 2 ** 47 }));

describe("eventId", () => {
  it("leads back to its seq, and only under its own key", () => {
    fc.assert(
      fc.property(times, seqs, (time, seq) => {
        const id = eventId(key, time, seq);
        expect(looksOwn(id)).toBe(true);
        expect(eventSeq(key, id)).toBe(seq);
        expect(eventSeq([key[0] ^ 1, key[1]], id)).toBeNull();
      }),
    );
  });

  it("orders by time in its text", () => {
    fc.assert(
      fc.property(times, times, (a, b) => {
        fc.pre(a < b);
        expect(eventId(key, a, 2) < eventId(key, b, 1)).toBe(true);
      }),
    );
  });

  it("shows nothing of the seq: neighbours share no more of their tails than strangers", () => {
    const tails = Array.from({ length: 500 }, (_, index) => eventId(key, at, index + 1).slice(14));
    const same = tails.slice(1).map((tail, index) => [...tail].filter((char, i) => char === tails[index]?.[i]).length);
    expect(new Set(tails).size).toBe(500);
    expect(same.reduce((sum, n) => sum + n, 0) / same.length).toBeLessThan(1); // 16 / 32 expected by chance
  });

  it.each([
    "",
    "msg_",
    "order-1",
    "msg_01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "msg_81ARZ3NDEKTSV4RRFFQ69G5FAV",
    "msg_01arz3ndektsv4rrffq69g5fav",
  ])("finds no seq in %j", (id) => {
    expect(eventSeq(key, id)).toBeNull();
  });

  it("finds no seq in an id with any character changed", () => {
    const id = eventId(key, at, 42);
    for (let index = 4; index < id.length; index++) {
      const changed = `${id.slice(0, index)}${id[index] === "0" ? "1" : "0"}${id.slice(index + 1)}`;
      expect(eventSeq(key, changed)).toBeNull();
    }
  });
});

describe("randomId", () => {
  it("has the shape of ours and no dot", () => {
    const id = randomId("msg_", at, new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
    expect(looksOwn(id)).toBe(true);
    expect(id).not.toContain(".");
    expect(randomId("ep_", at, new Uint8Array(10))).toMatch(/^ep_[0-9A-Z]{26}$/);
  });
});
