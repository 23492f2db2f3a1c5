import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
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

/** An endpoint's own settings: retries, timeout, rate, form of the body, names of the signed headers. */

useReceiver();

const START = Date.UTC(2040, 5, 1);
const URL_A = "http://localhost:5000/endpoints/ep_default";
const patch = async (body: object) => {
  const headers = { "content-type": "application/json" };
  const response = await fetchSender(URL_A, { method: "PATCH", headers, body: JSON.stringify(body) });
  return { status: response.status, ...(await response.json<object>()) };
};

describe("an endpoint's settings", () => {
  it("are shown with what stands for none, changed, and taken back", async () => {
    const standard = { concurrency: 48, timeoutSeconds: 20, retrySeconds: null, payload: "standard" };
    expect(await (await fetchSender(URL_A)).json()).toMatchObject({ ...standard, signatureHeaders: null });
    const signatureHeaders = { id: "svix-id", timestamp: "svix-timestamp", signature: "svix-signature" };
    const change = { timeoutSeconds: 5, retrySeconds: [1, 60], payload: "data", signatureHeaders };
    expect(await patch(change)).toMatchObject({ status: 200, ...change });
    expect(await patch({ retrySeconds: null, signatureHeaders: null })).toMatchObject({
      ...{ status: 200, timeoutSeconds: 5, retrySeconds: null, payload: "data", signatureHeaders: null },
    });
  });

  it("name the headers and the form of the body, under the same signature", async () => {
    await patch({
      payload: "data",
      signatureHeaders: { id: "svix-id", timestamp: "svix-timestamp", signature: "svix-signature" },
    });
    await publishOne({ data: '{"n":1.10}' });
    const [sent] = await vi.waitUntil(() => receiver.sent.length === 1 && receiver.sent);
    expect(sent?.body).toBe('{"n":1.10}');
    expect(sent?.headers.get("webhook-id")).toBeNull();
    const [id, timestamp] = [sent?.headers.get("svix-id"), sent?.headers.get("svix-timestamp")];
    const key = await crypto.subtle.importKey(
      ...["raw", Uint8Array.from(atob("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), (c) => c.charCodeAt(0))],
      ...[{ name: "HMAC", hash: "SHA-256" }, false, ["sign"]],
    );
    const made = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(`${id}.${timestamp}.{"n":1.10}`));
    expect(sent?.headers.get("svix-signature")).toBe(`v1,${btoa(String.fromCharCode(...new Uint8Array(made)))}`);
  });

  it("retry after its own delays, and give up after them", async () => {
    moveTo(START);
    await patch({ retrySeconds: [100] });
    receiver.answer = () => new Response("", { status: 500 });
    await publishOne();
    const [first] = await settled(1);
    expect(first?.due).toBeGreaterThanOrEqual(START + 80_000);
    expect(first?.due).toBeLessThanOrEqual(START + 130_000);
    moveTo(START + 200_000);
    await runDurableObjectAlarm(endpoint());
    await vi.waitUntil(async () => (await deliveries())[0]?.state === "dead");
    expect(receiver.sent).toHaveLength(2);
  });

  it("make one attempt where there are no retries", async () => {
    await patch({ retrySeconds: [] });
    receiver.answer = () => new Response("", { status: 500 });
    await publishOne();
    expect((await settled(1))[0]).toMatchObject({ state: "dead", attempts: [{ status: 500 }] });
  });

  it("end an attempt after its own time", async () => {
    await patch({ timeoutSeconds: 1 });
    receiver.answer = async () => {
      await scheduler.wait(5000);
      return new Response("late");
    };
    vi.mocked(globalThis.fetch).mockImplementation((_input, init) => {
      const { promise, reject } = Promise.withResolvers<Response>();
      (init as RequestInit).signal?.addEventListener("abort", () => reject(new Error("aborted")));
      return promise;
    });
    await publishOne();
    const [delivery] = await settled(1);
    expect(delivery?.attempts).toMatchObject([{ status: 0, code: "timeout" }]);
    expect(delivery?.attempts[0]?.ms).toBeLessThan(4000);
  });

  it("keep a rate of a few an hour through a restart", async () => {
    moveTo(START);
    await patch({ rateLimit: { perHour: 2 } });
    await evictDurableObject(endpoint());
    await publish({}, {}, {});
    await vi.waitUntil(() => receiver.sent.length === 1);
    const began = Date.now();
    for (const wait of [1000, 1_700_000]) {
      moveTo(began + wait);
      await evictDurableObject(endpoint());
      await runDurableObjectAlarm(endpoint());
      await scheduler.wait(50);
      expect(receiver.sent).toHaveLength(1);
    }
    moveTo(began + 1_800_000);
    await evictDurableObject(endpoint());
    await runDurableObjectAlarm(endpoint());
    await vi.waitUntil(() => receiver.sent.length === 2);
    await outbox().update("ep_default", { rateLimit: null });
    await settled(3);
  });
});
