import { describe, expect, it } from "vitest";
import { fetchSender, moveTo, outbox, receiver, settled, useReceiver } from "../support.ts";

/** The time when an event happened, as its publisher names it. */

useReceiver();

const NOW = Date.UTC(2030, 0, 2);
const event = { type: "order.paid", data: { n: 1 }, timestamp: "2025-12-31T23:59:59.123456+01:00" };

async function post(body: object) {
  const headers = { "content-type": "application/json" };
  const init = { method: "POST", body: JSON.stringify(body), headers };
  const response = await fetchSender("http://localhost:5000/events", init);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe("POST /events with a timestamp", () => {
  it.each([
    ["standard", { timestamp: "2025-12-31T22:59:59.123Z" }],
    ["cloudevents", { time: "2025-12-31T22:59:59.123Z" }],
    ["data", { n: 1 }],
  ] as const)("sends that time in the form %s, and logs by the clock", async (payload, expected) => {
    moveTo(NOW);
    await outbox().update("ep_default", { payload });
    const { status, body } = await post(event);
    expect(status).toBe(202);
    await settled(1);
    expect(JSON.parse(receiver.sent[0]?.body ?? "")).toMatchObject(expected);
    const shown = await (await fetchSender(`http://localhost:5000/events/${body.id}`)).json();
    expect(shown).toMatchObject({ loggedAt: "2030-01-02T00:00:00.000Z", timestamp: "2025-12-31T22:59:59.123Z" });
  });

  it("takes a repetition with the same time alone", async () => {
    const first = await post({ ...event, id: "order-1" });
    expect(await post({ ...event, id: "order-1", timestamp: "2025-12-31T22:59:59.123Z" })).toEqual(first);
    for (const timestamp of [null, "2025-12-31T22:59:59.124Z"]) {
      const { status, body } = await post({ ...event, id: "order-1", timestamp });
      expect([status, body.code]).toEqual([422, "id_conflict"]);
    }
    const own = await post(event);
    expect(await post({ ...event, id: own.body.id })).toEqual(own);
    const other = await post({ ...event, id: own.body.id, timestamp: "2025-01-01T00:00:00Z" });
    expect(other.body.code).toBe("id_conflict");
  });

  it("is refused by name", async () => {
    const { status, body } = await post({ ...event, timestamp: "yesterday" });
    expect([status, body.code]).toEqual([422, "invalid_event"]);
    expect(body.detail).toContain("timestamp must be an ISO 8601 time");
  });
});
