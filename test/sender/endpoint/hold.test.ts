import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import type { Endpoint } from "../../../workers/sender/endpoint/endpoint.ts";
import {
  deliveries,
  endpoint,
  fetchSender,
  moveTo,
  outbox,
  publish,
  publishOne,
  receiver,
  settled,
  useReceiver,
} from "../support.ts";

/** The wait that a server asks for by Retry-After, kept by all deliveries of its endpoint. */

useReceiver();

const START = Date.UTC(2040, 5, 1);
const busy = (status: number, retryAfter: string) => () =>
  new Response("busy", { status, headers: { "retry-after": retryAfter } });

const heldUntil = async () => (await endpoint().status()).heldUntil;
const soon = (check: () => boolean | Promise<boolean>) => vi.waitUntil(check, { timeout: 5000, interval: 5 });
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Publishes an event whose attempt is answered so, and returns when its row is written. */
async function answered(answer: () => Response): Promise<void> {
  moveTo(START);
  receiver.answer = answer;
  await publishOne();
  await settled(1);
  receiver.answer = () => new Response("ok");
}

describe("a Retry-After", () => {
  it.each([
    [429, "60", 60_000],
    [503, "60", 60_000],
    [429, "Friday, 01-Jun-40 00:01:00 GMT", 60_000],
    [503, "Fri Jun  1 00:01:00 2040", 60_000],
    [429, "99999999999999999999", 86_400_000],
  ])("of a %i, %s, holds every delivery until its end", async (status, retryAfter, wait) => {
    await answered(busy(status, retryAfter));
    const until = (await heldUntil()) ?? 0;
    expect(until - START).toBeGreaterThanOrEqual(wait);
    expect(until - START).toBeLessThanOrEqual(wait + Math.min(wait / 5, 60_000));
    await publish({}, {}, {});
    await soon(async () => (await outbox().endpoint("ep_default"))?.acked === 4);
    // The first delivery would be due by its own schedule.
    moveTo(START + 10_000);
    await runDurableObjectAlarm(endpoint());
    await endpoint().wake();
    await pause(50);
    expect(receiver.sent).toHaveLength(1);
    await runInDurableObject(endpoint(), async (_instance, state) => {
      expect(await state.storage.getAlarm()).toBeLessThanOrEqual(until + 500);
    });
    moveTo(until + 500);
    await endpoint().wake();
    await soon(async () => (await deliveries()).filter(({ state }) => state === "delivered").length === 4);
    // Those that waited used up no attempt.
    expect((await deliveries()).map(({ attempts }) => attempts.length)).toEqual([1, 1, 1, 2]);
    expect(await heldUntil()).toBeNull();
  });

  it.each([413, 301, 302, 307])("of a %i holds its own delivery alone", async (status) => {
    await answered(busy(status, "600"));
    expect(await heldUntil()).toBeNull();
    await publishOne();
    const [second, first] = await settled(2);
    expect(second).toMatchObject({ state: "delivered" });
    expect((first?.due ?? 0) - START).toBeGreaterThanOrEqual(600_000);
    expect((first?.due ?? 0) - START).toBeLessThanOrEqual(660_000);
  });

  it.each(["0", "soon", "Mon, 01 Jun 2020 00:00:00 GMT"])("of %s holds nothing", async (retryAfter) => {
    await answered(busy(503, retryAfter));
    expect(await heldUntil()).toBeNull();
    await publishOne();
    expect((await settled(2))[0]).toMatchObject({ state: "delivered" });
  });

  it("is kept by an Endpoint that was evicted, in one row however many attempts asked for it", async () => {
    moveTo(START);
    receiver.answer = busy(429, "3600");
    await publish(...Array.from({ length: 20 }, () => ({})));
    await settled(6);
    const until = await heldUntil();
    expect(until).toBeGreaterThanOrEqual(START + 3_600_000);
    expect(receiver.sent).toHaveLength(6);
    await runInDurableObject<Endpoint, void>(endpoint(), ({ store }) => {
      expect(store.meta.get("hold")).toBe(until);
    });
    await evictDurableObject(endpoint());
    expect(await heldUntil()).toBe(until);
    receiver.answer = () => new Response("ok");
    moveTo(START + 600_000);
    await endpoint().wake();
    await publishOne();
    await soon(async () => (await outbox().endpoint("ep_default"))?.acked === 21);
    expect(receiver.sent).toHaveLength(6);
    moveTo((until ?? 0) + 1);
    await endpoint().wake();
    await soon(async () => {
      await runDurableObjectAlarm(endpoint());
      return (await deliveries()).filter(({ state }) => state === "delivered").length === 21;
    });
  });

  it("is shown where an operator looks", async () => {
    await answered(busy(429, "60"));
    const answer = await fetchSender("http://localhost:5000/endpoints/ep_default");
    expect(Date.parse((await answer.json<{ heldUntil: string }>()).heldUntil)).toBe(await heldUntil());
    const page = await fetchSender("http://localhost:5000/dashboard/endpoints/ep_default");
    expect(await page.text()).toMatch(/Resting<\/span><div class="quiet">until <time/);
  });

  it.each([
    ["another URL", async () => void (await outbox().update("ep_default", { url: "http://localhost:9/other" }))],
    [
      "being enabled again",
      async () => {
        await outbox().update("ep_default", { enabled: false });
        await outbox().update("ep_default", { enabled: true });
      },
    ],
  ])("ends with %s", async (_name, change) => {
    await answered(busy(503, "3600"));
    expect(await heldUntil()).not.toBeNull();
    await change();
    expect(await heldUntil()).toBeNull();
    await publishOne();
    await soon(async () => (await deliveries())[0]?.state === "delivered");
    await evictDurableObject(endpoint());
    expect(await heldUntil()).toBeNull();
  });

  it("counts for nothing once the clock has gone back behind it", async () => {
    await answered(busy(503, "3600"));
    moveTo(START - 30 * 86_400_000);
    expect(await heldUntil()).toBeNull();
  });
});
