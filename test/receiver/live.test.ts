import { reset } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { START, send, sendMany, setTime } from "./harness.ts";
import { Stream, seqsOf, untilSockets, Viewer } from "./live-harness.ts";

beforeEach(() => setTime(START));
afterEach(() => reset());

describe("GET /events/live", () => {
  it("answers a question with what is there, and the next with what comes", async () => {
    await sendMany(3, "a");
    const viewer = await Viewer.open();
    expect(await viewer.ask(1)).toMatchObject({ events: [{ seq: 2, id: "a2" }, { seq: 3 }], next: 3, end: true });
    viewer.send('{"more":3}');
    expect(await viewer.text(50)).toBeNull();
    await send("b");
    expect(await viewer.next()).toMatchObject({ events: [{ seq: 4, id: "b" }], next: 4, end: true });
  });
});
describe("GET /events/stream", () => {
  it("streams", async () => {
    await sendMany(3, "a");
    const stream = await Stream.open("?after=1");
    expect(seqsOf(await stream.events(2))).toEqual([2, 3]);
    await untilSockets(1);
    await stream.cancel();
    await untilSockets(0);
  });
});
