import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex, utf8 } from "../../../shared/bytes.ts";
import { type DedupGrounds, dedupKeyOf } from "../../../workers/receiver/event/arrival.ts";

describe("dedupKeyOf", () => {
  const none: DedupGrounds = { source: "s", id: null, own: false, signed: false, dated: null, body: utf8("{}") };
  const digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
  // The first two are those of version 0.1.0: what it remembered still counts.
  const cases: [name: string, grounds: Partial<DedupGrounds>, key: string][] = [
    ["a signed id", { id: "msg 1", signed: true }, "id s msg 1"],
    ["an unsigned id", { id: "msg 1" }, `body+id s ${digest} msg 1`],
    ["a signed id of the source's own", { id: "msg 1", signed: true, own: true }, "own-id s msg 1"],
    ["an unsigned id of the source's own", { id: "msg 1", own: true }, `body+own-id s ${digest} msg 1`],
    ["an id and a signed time", { id: "msg 1", signed: true, dated: utf8("17.{}") }, "id s msg 1"],
    ["a signed time", { dated: utf8("{}"), body: utf8("else") }, `dated s ${digest}`],
  ];
  it.each(cases)("names %s", async (_name, grounds, key) => {
    const whole = new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(key)));
    expect(await dedupKeyOf({ ...none, ...grounds })).toEqual(whole.slice(0, 16));
  });

  it("names nothing without an id or a signed time, whatever the bytes", async () => {
    expect(await dedupKeyOf(none)).toBeNull();
    expect(await dedupKeyOf({ ...none, own: true, signed: true, body: utf8("") })).toBeNull();
  });

  it("keeps apart what differs in anything that the proof covers, or in the bytes where it covers nothing", async () => {
    const text = fc.constantFrom("", "a", "b", "a b", "id s a", `${digest} a`);
    const grounds = fc.record({
      source: fc.constantFrom("s", "t"),
      id: fc.option(text),
      own: fc.boolean(),
      signed: fc.boolean(),
      dated: fc.option(text.map(utf8)),
      body: text.map(utf8),
    });
    /** What a repetition has in common with the first request. */
    const sameness = ({ source, id, own, signed, dated, body }: DedupGrounds) =>
      JSON.stringify(
        id === null ? [source, dated && toHex(dated)] : [source, id, own, signed, signed ? null : toHex(body)],
      );
    const check = async (one: DedupGrounds, other: DedupGrounds) => {
      const [key, otherKey] = await Promise.all([dedupKeyOf(one), dedupKeyOf(other)]);
      if (key === null || otherKey === null) return;
      expect(toHex(key) === toHex(otherKey)).toBe(sameness(one) === sameness(other));
    };
    await fc.assert(fc.asyncProperty(grounds, grounds, check), { numRuns: 300 });
  });
});
