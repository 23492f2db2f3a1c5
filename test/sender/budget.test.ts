import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import type { Endpoint } from "../../workers/sender/endpoint/endpoint.ts";
import type { Outbox } from "../../workers/sender/outbox/outbox.ts";
import { deliveries, endpoint, head, moveTo, outbox, publish, receiver, runAlarms, useReceiver } from "./support.ts";

useReceiver();

/** Rows that the platform bills, as the storage counts them, and the size of the storage. */
const DAY = 86_400_000;

/** Rows that one object has written since it started, its alarms included. */
function rowsOf(stub: DurableObjectStub<Outbox> | DurableObjectStub<Endpoint>): Promise<number> {
  return runInDurableObject(stub as DurableObjectStub<Outbox>, ({ store }) => store.sql.rowsWritten);
}

async function rowsWritten(): Promise<number> {
  return (await rowsOf(outbox())) + (await rowsOf(endpoint()));
}

async function allDelivered(count: number): Promise<void> {
  await vi.waitUntil(
    async () => {
      await runAlarms();
      return (await deliveries()).length >= count;
    },
    { timeout: 15_000, interval: 20 },
  );
}

/** Waits until the endpoint has taken the whole log and has nothing left to do. */
async function allIdle(): Promise<void> {
  await vi.waitUntil(
    async () => {
      await runAlarms();
      const { idle } = await endpoint().status();
      return idle && (await outbox().endpoint("ep_default"))?.acked === (await head());
    },
    { timeout: 10_000, interval: 10 },
  );
}

describe("rows written", () => {
  it("are at most 2.2 an event, delivered at once", async () => {
    await publish({});
    await allDelivered(1);
    const before = await rowsWritten();
    for (let batch = 0; batch < 10; batch++) await publish(...Array.from({ length: 100 }, () => ({})));
    await allDelivered(1001);
    const perEvent = ((await rowsWritten()) - before) / 1000;
    expect(perEvent).toBeGreaterThanOrEqual(2);
    expect(perEvent).toBeLessThanOrEqual(2.2);
  });

  it("are no more with the tables that retention makes and drops", async () => {
    const start = Date.UTC(2026, 0, 1);
    moveTo(start);
    await publish({});
    await allDelivered(1);
    const before = await rowsWritten();
    const oldest = async () => (await outbox().events({ after: 0, before: null, limit: 1, type: null })).oldest;
    for (const day of [6, 12, 50]) {
      moveTo(start + day * DAY);
      for (let batch = 0; batch < 10; batch++) await publish(...Array.from({ length: 100 }, () => ({})));
      await allIdle();
      await outbox().tick(Date.now());
    }
    await vi.waitUntil(async () => (await oldest()) > 1000);
    expect(((await rowsWritten()) - before) / 3000).toBeLessThanOrEqual(2.2);
  });

  it("are at most 3 more for each failed attempt", async () => {
    await publish({});
    await allDelivered(1);
    receiver.answer = () => new Response("", { status: 500 });
    const before = await rowsWritten();
    const events = 20;
    await publish(...Array.from({ length: events }, () => ({})));
    await allDelivered(1 + events);
    for (const seconds of [10, 400, 2500]) {
      moveTo(Date.now() + seconds * 1000);
      await runDurableObjectAlarm(endpoint());
      const wanted = (await deliveries())[0]?.attempts.length ?? 0;
      await vi.waitUntil(async () =>
        (await deliveries()).slice(0, events).every(({ attempts }) => attempts.length > wanted),
      );
    }
    const failed = (await deliveries()).reduce(
      (sum, { attempts }) => sum + attempts.filter(({ status }) => status === 500).length,
      0,
    );
    expect(failed).toBe(4 * events);
    const more = (await rowsWritten()) - before - 2 * events;
    expect(more / failed).toBeLessThanOrEqual(3);
  });

  it("are none for events that nobody wants, as memory shows", async () => {
    await publish({});
    await allDelivered(1);
    const before = await rowsOf(endpoint());
    await publish(...Array.from({ length: 50 }, () => ({ type: "order.paid" })));
    await allDelivered(51);
    const woken = await rowsOf(endpoint());
    await outbox().update("ep_default", { types: ["nothing.ever"] });
    const configured = await rowsOf(endpoint());
    await publish(...Array.from({ length: 50 }, () => ({ type: "order.paid" })));
    await runDurableObjectAlarm(outbox());
    expect(woken - before).toBeGreaterThanOrEqual(50);
    expect(await rowsOf(endpoint())).toBe(configured);
    expect(await outbox().endpoint("ep_default")).toMatchObject({ acked: 101 });
    expect(await head()).toBe(101);
  });
});

describe("storage", () => {
  it("stays flat after the retention through 90 days at a constant rate", { timeout: 60_000 }, async () => {
    const start = Date.UTC(2026, 0, 1);
    const sizes: { outbox: number; endpoint: number }[] = [];
    const size = (stub: DurableObjectStub) =>
      runInDurableObject(stub, (_instance, { storage }) => storage.sql.databaseSize);
    const data = JSON.stringify("x".repeat(2000));
    for (let day = 0; day < 90; day++) {
      moveTo(start + day * DAY);
      await publish(...Array.from({ length: 40 }, () => ({ data })));
      await allIdle();
      await outbox().tick(Date.now());
      await runAlarms();
      sizes.push({ outbox: await size(outbox()), endpoint: await size(endpoint()) });
    }
    // A table covers five days and goes thirty days after its end: from day 36 on a new table replaces an old one.
    for (const side of ["outbox", "endpoint"] as const) {
      const full = Math.max(...sizes.slice(30, 45).map((each) => each[side]));
      const late = Math.max(...sizes.slice(75).map((each) => each[side]));
      expect(late, side).toBeLessThanOrEqual(full * 1.05);
      expect(late, side).toBeGreaterThan((sizes[0]?.[side] ?? 0) * 2);
    }
  });
});
