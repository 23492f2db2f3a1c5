import { describe, expect, it } from "vitest";
import { keepLogLines } from "../../support/log-lines.ts";
import { acceptMany, arrival } from "../support/arrivals.ts";
import { inInbox, pass, SECOND, send, sendMany, useEmptyStorage } from "../support/harness.ts";

useEmptyStorage();

const arrivals = (count: number) => Array.from({ length: count }, (_, index) => arrival(`id${index}`));

/** Ends the second that a summary of the receiver's log waits for. */
const endSummary = () => inInbox(({ arrivalLog }) => arrivalLog.flush());

describe("the receiver's log", () => {
  it.each([1, 5, 6, 100])("has no line twice for a turn of %d arrivals", async (count) => {
    const lines = keepLogLines();
    await acceptMany(arrivals(count));
    await endSummary();
    // The first is logged by itself.
    const rest = { count: count - 1, duplicates: 0, firstSeq: 2, lastSeq: count, sources: { default: count - 1 } };
    expect(lines).toEqual(count <= 5 ? [] : [{ event: "events.received", ...rest }]);
  });

  it("tells how many of a turn came again, and from where", async () => {
    await acceptMany(arrivals(8));
    await endSummary();
    const lines = keepLogLines();
    await acceptMany([...arrivals(6), arrival("new", { source: "github" })]);
    await endSummary();
    const summary = { count: 7, duplicates: 6, firstSeq: 1, lastSeq: 9, sources: { default: 6, github: 1 } };
    expect(lines).toEqual([{ event: "events.received", ...summary }]);
  });

  it("has a line of its own for an event that comes alone", async () => {
    const lines = keepLogLines();
    await send("alone");
    expect(lines).toMatchObject([{ event: "event.received", seq: 1, id: "alone", duplicate: false }]);
  });

  it("has one line for all that follow five in a second, and begins anew in the next", async () => {
    const lines = keepLogLines();
    for (let index = 1; index <= 8; index++) await send(`one${index}`);
    await endSummary();
    const alone = lines.filter(({ event }) => event === "event.received");
    expect(alone.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
    expect(lines.at(-1)).toMatchObject({ event: "events.received", count: 3, firstSeq: 6, lastSeq: 8 });
    pass(SECOND);
    await send("later");
    expect(lines.at(-1)).toMatchObject({ event: "event.received", seq: 9 });
  });

  it("writes the line by itself within a second or so", async () => {
    const lines = keepLogLines();
    await acceptMany(arrivals(7));
    await expect.poll(() => lines, { timeout: 10_000 }).toMatchObject([{ event: "events.received", count: 6 }]);
  });

  it("counts each of many webhooks once, in fewer lines", async () => {
    const lines = keepLogLines();
    await sendMany(200, "many");
    await endSummary();
    const alone = lines.filter(({ event }) => event === "event.received").length;
    const together = lines.filter(({ event }) => event === "events.received");
    expect(together.reduce((sum, { count }) => sum + Number(count), alone)).toBe(200);
    expect(lines.length).toBeLessThan(20);
  });
});
