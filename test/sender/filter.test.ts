import { runInDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { conditionOf, wants, wantsType } from "../../workers/sender/filter.ts";
import { outbox, useReceiver } from "./support.ts";

useReceiver();

const ME = "ep_me";
const part = fc.constantFrom("a", "b", "webhook", "endpoint", "delivery", "a_b");
const type = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("."));
const wanted = fc.tuple(type, fc.boolean()).map(([name, prefix]) => (prefix ? `${name}.*` : name));
const types = fc.option(fc.array(wanted, { minLength: 1, maxLength: 5 }), { freq: 3 });
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
    [["endpoint.*"], "endpoint.disabled", true],
  ])("%j of %s is %s", (list, name, expected) => {
    expect(wantsType(list, name)).toBe(expected);
  });
});

describe("conditionOf", () => {
  it("decides in SQL as `wants` does in memory", async () => {
    await runInDurableObject(outbox(), (_instance, { storage }) => {
      fc.assert(
        fc.property(types, type, target, (list, name, to) => {
          const filter = { endpointId: ME, types: list };
          const condition = conditionOf(filter);
          const query = `SELECT count(*) AS n FROM (SELECT ? AS type, ? AS target) AS ev WHERE ${condition.sql}`;
          const { n } = storage.sql.exec<{ n: number }>(query, name, to, ...condition.params).one();
          expect(n === 1).toBe(wants(filter, { type: name, target: to }));
        }),
        { numRuns: 500 },
      );
    });
  });
});
