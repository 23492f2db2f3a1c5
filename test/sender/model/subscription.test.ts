import { runInDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { conditionOf, mayHaveGot, wants, wantsType, withEarlier } from "../../../workers/sender/model/subscription.ts";
import { outbox, useReceiver } from "../support.ts";

useReceiver();

const ME = "ep_me";
const part = fc.constantFrom("a", "b", "webhook", "endpoint", "delivery", "a_b", "a-b", "x".repeat(60));
const type = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("."));
const segment = fc.oneof({ weight: 2, arbitrary: part }, { weight: 1, arbitrary: fc.constant("*") });
const wanted = fc.tuple(part, fc.array(segment, { maxLength: 4 })).map((parts) => parts.flat().join("."));
const types = fc.option(fc.array(wanted, { minLength: 1, maxLength: 5 }), { freq: 3 });
const earlier = fc
  .array(fc.record({ upTo: fc.nat(9), types }), { maxLength: 3 })
  .map((spans) => spans.toSorted((a, b) => a.upTo - b.upTo));
const target = fc.constantFrom(null, "+ep_me", "-ep_me", "+ep_other", "-ep_other");

describe("wantsType", () => {
  it.each([
    [null, "order.paid", true],
    [null, "webhook.test", false],
    [null, "endpoint.disabled", false],
    [null, "delivery.failed", false],
    [null, "webhooks", true],
    [["order.paid"], "order.paid", true],
    [["order.paid"], "order.paid.twice", false],
    [["order.*"], "order.paid", true],
    [["order.*"], "order", false],
    [["order.*"], "orders.paid", false],
    [["a.b", "order.*"], "order.x.y", true],
    [["order.*.paid"], "order.web.paid", true],
    [["order.*.paid"], "order.paid", false],
    [["endpoint.*"], "endpoint.disabled", true],
  ])("%j of %s is %s", (list, name, expected) => {
    expect(wantsType(list, name)).toBe(expected);
  });
});

describe("conditionOf", () => {
  it("decides in SQL as `wants` does in memory", async () => {
    await runInDurableObject(outbox(), (_instance, { storage }) => {
      fc.assert(
        fc.property(types, earlier, type, target, fc.nat(9), (list, before, name, to, seq) => {
          const filter = { endpointId: ME, types: list, earlier: before };
          const condition = conditionOf(filter);
          const query = `SELECT count(*) AS n FROM (SELECT ? AS type, ? AS target, ? AS seq) AS ev WHERE ${condition.sql}`;
          const { n } = storage.sql.exec<{ n: number }>(query, name, to, seq, ...condition.params).one();
          expect(n === 1).toBe(wants(filter, { seq, type: name, target: to, body: "{}" }));
        }),
        { numRuns: 1000 },
      );
    });
  });

  it("takes as many earlier types as are kept", async () => {
    const log = { oldest: 1, head: 0 };
    let kept: ReturnType<typeof withEarlier> = [];
    for (log.head = 1; log.head <= 50; log.head++) kept = withEarlier(kept, { types: ["a.b", `t${log.head}.*`] }, log);
    expect(kept.map(({ upTo }) => upTo)).toEqual(Array.from({ length: 20 }, (_, index) => 31 + index));
    await runInDurableObject(outbox(), (_instance, { storage }) => {
      const { sql, params } = conditionOf({ endpointId: ME, types: ["a.b"], earlier: kept });
      const query = `SELECT count(*) AS n FROM (SELECT 'a.b' AS type, NULL AS target, 40 AS seq) AS ev WHERE ${sql}`;
      expect(storage.sql.exec(query, ...params).one()).toEqual({ n: 1 });
    });
  });
});

describe("wants", () => {
  const changed = { endpointId: ME, types: ["a", "b"], earlier: [{ upTo: 3, types: ["a", "c"] }] };
  it.each([
    ["what was wanted then and is now", 3, "a", true],
    ["not what was not wanted then", 3, "b", false],
    ["not what is not wanted now", 3, "c", false],
    ["what came after the change", 4, "b", true],
  ])("%s", (_name, seq, name, expected) => {
    expect(wants(changed, { seq, type: name, target: null, body: "{}" })).toBe(expected);
  });
});

describe("mayHaveGot", () => {
  it("is true for whoever wants an event, and for whoever wanted it when it was logged", () => {
    fc.assert(
      fc.property(types, types, earlier, type, target, fc.nat(9), (now, then, before, name, to, seq) => {
        const event = { seq, type: name, target: to, body: "{}" };
        const changed = { endpointId: ME, types: now, earlier: [...before, { upTo: 9, types: then }] };
        const atThatTime = {
          endpointId: ME,
          types: (before.find(({ upTo }) => seq <= upTo) ?? { types: then }).types,
          earlier: [],
        };
        if (wants(changed, event) || wants(atThatTime, event)) expect(mayHaveGot(changed, event)).toBe(true);
        if (to === "+ep_other") expect(mayHaveGot(changed, event)).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("withEarlier", () => {
  it("forgets what the log has forgotten, and keeps the first of two changes without an event between", () => {
    const first = withEarlier([], { types: ["a"] }, { oldest: 1, head: 5 });
    expect(first).toEqual([{ upTo: 5, types: ["a"] }]);
    expect(withEarlier(first, { types: ["b"] }, { oldest: 1, head: 5 })).toEqual(first);
    expect(withEarlier(first, { types: ["b"] }, { oldest: 6, head: 8 })).toEqual([{ upTo: 8, types: ["b"] }]);
    expect(withEarlier([], { types: ["a"] }, { oldest: 1, head: 0 })).toEqual([]);
  });
});
