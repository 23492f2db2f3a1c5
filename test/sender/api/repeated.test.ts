import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { fetchSender, head, moveTo, outbox, publishOne, useReceiver } from "../support.ts";

/** An event that is published again, also once the time it was to be delivered at has gone by. */

useReceiver();

const START = Date.UTC(2040, 5, 1);
const MINUTE = 60_000;

async function post(event: object): Promise<[status: number, body: unknown]> {
  const response = await fetchSender("http://localhost:5000/events", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ type: "order.paid", data: 1, ...event }),
  });
  const body = await response.json<{ code?: string }>();
  return [response.status, body.code ?? body];
}

describe("an event with a deliverAt, repeated", () => {
  it.each([-MINUTE, 0, MINUTE, 24 * 60 * MINUTE])(
    "gets the first answer before and after it was due, %i ms ahead",
    async (ahead) => {
      moveTo(START);
      const event = { id: "order-17", deliverAt: new Date(START + ahead).toISOString() };
      const first = await post(event);
      expect(first).toEqual([202, { id: "order-17", seq: ahead > 0 ? null : 1 }]);
      expect(await post(event)).toEqual(first);
      moveTo(START + Math.max(0, ahead) + 1);
      expect(await post(event)).toEqual(first);
      await runDurableObjectAlarm(outbox());
      for (const later of [MINUTE, 24 * 60 * MINUTE]) {
        moveTo(START + Math.max(0, ahead) + later);
        expect(await post(event)).toEqual(first);
      }
      expect(await head()).toBe(1);
      // The same moment, written otherwise.
      const zoned = `${new Date(START + ahead + 2 * 60 * MINUTE).toISOString().slice(0, -1)}+02:00`;
      expect(await post({ ...event, deliverAt: zoned })).toEqual(first);
      const other = new Date(START + ahead + 1000).toISOString();
      expect(await post({ ...event, deliverAt: other })).toEqual([422, "id_conflict"]);
    },
  );
});

describe("an event of version 0.1.0 whose data is nested deeper than is taken now", () => {
  it("is another event for each that is published under its id", async () => {
    // A number that must stay as it was written makes the comparison recurse.
    const deep = `${"[".repeat(100_000)}1.50${"]".repeat(100_000)}`;
    const { id, seq } = await publishOne({ type: "order.paid", data: deep });
    await runInDurableObject(outbox(), ({ store }) => expect(store.log.event(seq)?.body).toContain(deep));
    expect(await post({ id, data: 1 })).toEqual([422, "id_conflict"]);
    expect(await post({ id, data: [[1.5]] })).toEqual([422, "id_conflict"]);
    const shown = await fetchSender(`http://localhost:5000/events/${id}`);
    expect([shown.status, (await shown.text()).includes(`"data":${deep}`)]).toEqual([200, true]);
  });
});
