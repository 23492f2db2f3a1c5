import { describe, expect, it } from "vitest";
import type { Subscription } from "../../../workers/sender/model/subscription.ts";
import { RecentEvents } from "../../../workers/sender/outbox/recent-events.ts";

const ALL: Subscription = { endpointId: "ep_all", types: null, earlier: [] };
const ORDERS: Subscription = { endpointId: "ep_orders", types: ["order.*"], earlier: [] };
const LIMITS = { scanned: 100, limit: 100, maxBytes: 1024 };

/** Events from `first` on: every other one is an order. */
function recent(first: number, count: number, body = "{}"): RecentEvents {
  const events = new RecentEvents();
  for (let seq = first; seq < first + count; seq++) {
    const type = seq % 2 === 0 ? "order.paid" : "user.born";
    events.push({ seq, at: seq, id: `msg_${seq}`, type, body }, null);
  }
  return events;
}

const seqs = (found: ReturnType<RecentEvents["scan"]>) => found?.events.map(({ seq }) => seq);

describe("RecentEvents.scan", () => {
  it.each([
    ["all of them", 10, ALL, LIMITS, { upTo: 15, seqs: [11, 12, 13, 14, 15] }],
    ["those that are wanted", 10, ORDERS, LIMITS, { upTo: 15, seqs: [12, 14] }],
    ["nothing after the head", 15, ALL, LIMITS, { upTo: 15, seqs: [] }],
    ["as many as may be returned", 10, ORDERS, { ...LIMITS, limit: 1 }, { upTo: 13, seqs: [12] }],
    ["as many as may be looked at", 10, ORDERS, { ...LIMITS, scanned: 3 }, { upTo: 13, seqs: [12] }],
    ["as many as fit", 10, ALL, { ...LIMITS, maxBytes: 4 }, { upTo: 12, seqs: [11, 12] }],
    ["one that does not fit", 10, ALL, { ...LIMITS, maxBytes: 1 }, { upTo: 11, seqs: [11] }],
  ])("returns %s", (_name, after, subscription, limits, expected) => {
    const found = recent(11, 5).scan(after, subscription, limits);
    expect({ upTo: found?.upTo, seqs: seqs(found) }).toEqual(expected);
  });

  it("knows nothing before its first event, nor after it was cleared", () => {
    const events = recent(11, 5);
    expect(events.scan(9, ALL, LIMITS)).toBeNull();
    events.clear();
    expect(events.scan(15, ALL, LIMITS)).toBeNull();
    events.push({ seq: 40, at: 40, id: "msg_40", type: "user.born", body: "{}" }, "+ep_orders");
    expect(seqs(events.scan(39, ORDERS, LIMITS))).toEqual([40]);
    expect(seqs(events.scan(39, ALL, LIMITS))).toEqual([]);
  });

  it("keeps a thousand events, or fewer large ones, and always the newest", () => {
    expect(recent(1, 5000).scan(3999, ALL, LIMITS)).toBeNull();
    expect(recent(1, 5000).scan(4000, ALL, LIMITS)?.events).toHaveLength(100);
    const large = recent(1, 100, "x".repeat(256 * 1024));
    expect(large.scan(91, ALL, LIMITS)).toBeNull();
    expect(seqs(large.scan(92, ALL, LIMITS))).toEqual([93]);
    expect(seqs(recent(1, 3, "x".repeat(3 * 1024 * 1024)).scan(2, ALL, LIMITS))).toEqual([3]);
  });
});
