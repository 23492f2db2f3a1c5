import { describe, expect, it } from "vitest";
import { keepLogLines } from "../../support/log-lines.ts";
import { acceptMany, arrival } from "../support/arrivals.ts";
import { send, sendMany, useEmptyStorage } from "../support/harness.ts";

useEmptyStorage();

const arrivals = (count: number) => Array.from({ length: count }, (_, index) => arrival(`id${index}`));

describe("the receiver's log", () => {
  it.each([1, 5, 6, 100])("has no line twice for a turn of %d arrivals", async (count) => {
    const lines = keepLogLines();
    await acceptMany(arrivals(count));
    // The first is logged by itself.
    const expected = [{ event: "events.received", count: count - 1, duplicates: 0, firstSeq: 2, lastSeq: count }];
    expect(lines).toEqual(count - 1 < 5 ? [] : expected);
  });

  it("tells how many of a turn came again", async () => {
    await acceptMany(arrivals(8));
    const lines = keepLogLines();
    await acceptMany([...arrivals(6), arrival("new")]);
    expect(lines).toEqual([{ event: "events.received", count: 7, duplicates: 6, firstSeq: 1, lastSeq: 9 }]);
  });

  it("has a line of its own for an event that comes alone", async () => {
    const lines = keepLogLines();
    await send("alone");
    expect(lines).toMatchObject([{ event: "event.received", seq: 1, id: "alone", duplicate: false }]);
  });

  it("counts each of many webhooks once, in fewer lines", async () => {
    const lines = keepLogLines();
    await sendMany(200, "many");
    const alone = lines.filter(({ event }) => event === "event.received").length;
    const together = lines.filter(({ event }) => event === "events.received");
    expect(together.reduce((sum, { count }) => sum + Number(count), alone)).toBe(200);
    expect(lines.length).toBeLessThan(100);
  });
});
