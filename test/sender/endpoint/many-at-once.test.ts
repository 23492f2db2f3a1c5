import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { deliveries, endpoint, fetchSender, outbox, publish, receiver, settled, useReceiver } from "../support.ts";

/** How many attempts are under way at once: as many as the endpoint takes, and no more than it asked for. */

useReceiver();

/** Makes each answer take `ms`, and returns the greatest number of requests that were under way at once. */
function slowly(ms: number, answer: () => Response = () => new Response("ok")) {
  const seen = { now: 0, most: 0 };
  receiver.answer = async () => {
    seen.now++;
    seen.most = Math.max(seen.most, seen.now);
    await scheduler.wait(ms);
    seen.now--;
    return answer();
  };
  return seen;
}

async function publishMany(count: number): Promise<void> {
  for (let done = 0; done < count; done += 100) await publish(...Array.from({ length: 100 }, () => ({})));
}

/** Writes rows of deliveries that have failed once and are due again. */
async function makeDue(count: number): Promise<void> {
  await runInDurableObject(endpoint(), ({ store }) => {
    const at = Date.now() - 60_000;
    const attempt = { at, ms: 1, status: 500, code: null, nextAt: at, response: null };
    const rest = { type: "order.paid", due: at, mark: null, skip: 0, until: null, attempts: [attempt], body: "{}" };
    for (let seq = 1; seq <= count; seq++) {
      store.deliveries.put({ seq: 1000 + seq, id: `msg_due_${seq}`, state: "due", ...rest }, true);
    }
  });
}

describe("retries of which more are due than the queue holds", () => {
  it("are read one by one as attempts end, not fifty for each", async () => {
    await outbox().update("ep_default", { concurrency: 1 });
    await makeDue(300);
    let [started, released] = [0, 0];
    receiver.answer = async () => {
      for (const mine = started++; mine >= released; ) await scheduler.wait(5);
      return new Response("", { status: 500 });
    };
    const read: number[] = [];
    await runInDurableObject(endpoint(), ({ store }) => {
      const get = store.deliveries.get.bind(store.deliveries);
      store.deliveries.get = (seq) => {
        read.push(seq);
        return get(seq);
      };
    });
    for (let wakes = 0; wakes < 5; wakes++) await endpoint().wake();
    expect(new Set(read).size).toBe(200);
    await vi.waitUntil(() => started === 1, { timeout: 10_000 });
    while (released < 3) {
      released++;
      await vi.waitUntil(() => started === released + 1, { timeout: 10_000 });
    }
    await vi.waitUntil(() => new Set(read).size >= 202, { timeout: 10_000 });
    expect(read.length).toBeLessThan(210);
    released = Number.POSITIVE_INFINITY;
  });
});

describe("attempts at once", () => {
  it("grow to 48 while the endpoint answers well, each event sent once", async () => {
    const seen = slowly(60);
    await publishMany(500);
    await settled(500);
    expect(seen.most).toBeGreaterThan(30);
    expect(seen.most).toBeLessThanOrEqual(48);
    expect(receiver.counts().size).toBe(500);
    expect(receiver.sent).toHaveLength(500);
  });

  it.each([1, 2, 100])("are at most %i where the endpoint asked for that", async (concurrency) => {
    await outbox().update("ep_default", { concurrency });
    const seen = slowly(concurrency > 10 ? 100 : 5);
    const count = concurrency > 10 ? 600 : 100;
    await publishMany(count);
    await settled(count);
    expect(seen.most).toBeLessThanOrEqual(concurrency);
    expect(seen.most).toBeGreaterThan(concurrency * 0.6);
  });

  it("fall when the endpoint says that it is too much, and nothing is lost", async () => {
    await outbox().update("ep_default", { concurrency: 192 });
    let underWay = 0;
    const refused: number[] = [];
    receiver.answer = async () => {
      underWay++;
      const tooMany = underWay > 20;
      await scheduler.wait(30);
      if (tooMany) refused.push(underWay);
      underWay--;
      return new Response("", { status: tooMany ? 429 : 200 });
    };
    await publishMany(300);
    await settled(300);
    await vi.waitUntil(async () => {
      await runDurableObjectAlarm(endpoint());
      return (await deliveries()).every(({ state }) => state !== "expired" && state !== "dead");
    });
    expect(refused.length).toBeGreaterThan(0);
    // Without the halving, each of the rounds of up to 192 would have brought refusals for all but 20.
    expect(refused.length).toBeLessThan(100);
    expect(receiver.counts().size).toBe(300);
  });

  it("is a member of the endpoint in the API", async () => {
    const url = "http://localhost:5000/endpoints/ep_default";
    const patch = (concurrency: unknown) =>
      fetchSender(url, {
        method: "PATCH",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ concurrency }),
      });
    expect(await (await fetchSender(url)).json()).toMatchObject({ concurrency: 48 });
    expect(await (await patch(192)).json()).toMatchObject({ concurrency: 192 });
    for (const wrong of [0, 193, 1.5, "6", null]) {
      const response = await patch(wrong);
      expect([response.status, await response.json()]).toMatchObject([
        422,
        { detail: expect.stringContaining("concurrency must be a whole number from 1 to 192") },
      ]);
    }
  });
});
