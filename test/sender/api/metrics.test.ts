import { evictDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { lintFamilies, type ReadFamily, readExposition } from "../../support/exposition.ts";
import { endpoint, fetchSender, outbox, publish, receiver, settled, useReceiver } from "../support.ts";

useReceiver();

const ORIGIN = "http://localhost:5000";

async function scrape(): Promise<Map<string, ReadFamily>> {
  const response = await fetchSender(`${ORIGIN}/metrics`);
  expect([response.status, response.headers.get("content-type")]).toEqual([
    200,
    "text/plain; version=0.0.4; charset=utf-8",
  ]);
  return readExposition(await response.text());
}

async function values(name: string, labels: Record<string, string> = {}): Promise<number[]> {
  const samples = (await scrape()).get(`webhook_sender_${name}`)?.samples ?? [];
  const fits = (given: Readonly<Record<string, string>>) =>
    Object.entries(labels).every(([label, value]) => given[label] === value);
  return samples.filter((sample) => fits(sample.labels)).map(({ value }) => value);
}

describe("GET /metrics", () => {
  it("keeps to the format and the conventions, with every family filled", async () => {
    receiver.answer = ({ id }) => new Response("", { status: id === "bad" ? 500 : 200 });
    await publish({}, { id: "bad", digest: "a" });
    await publish({ id: "bad", digest: "b" });
    await settled(2);
    const families = await scrape();
    expect(lintFamilies(families)).toEqual([]);
    expect([...families.keys()].filter((name) => !name.startsWith("webhook_sender_"))).toEqual([]);
    expect(families.size).toBe(18);
    // The reader knows what forgets its counts.
    const counters = [...families.values()].filter(({ type }) => type !== "gauge");
    expect(counters.every(({ help }) => help.includes("webhook_sender_start_time_seconds"))).toBe(true);
  });

  it("needs the token", async () => {
    const response = await fetchSender(`${ORIGIN}/metrics`, { headers: { "x-forwarded-for": "203.0.113.1" } });
    expect(response.status).toBe(401);
  });

  it("counts events, repetitions and refusals", async () => {
    await publish({}, { id: "one", digest: "a" });
    await publish({ id: "one", digest: "a" });
    await publish({ id: "one", digest: "b" });
    expect(await values("events_published_total")).toEqual([2]);
    expect(await values("duplicates_total")).toEqual([1]);
    expect(await values("refusals_total", { reason: "id_conflict" })).toEqual([1]);
    expect(await values("log_events")).toEqual([2]);
  });

  it("counts attempts by outcome, and never back: not when the endpoint's object starts again", async () => {
    await publish({}, {});
    await settled(2);
    expect(await values("attempts_total", { outcome: "delivered" })).toEqual([2]);
    await evictDurableObject(endpoint());
    receiver.answer = () => new Response("", { status: 500 });
    await publish({});
    await settled(3);
    expect(await values("attempts_total")).toEqual([2, 1]);
    expect(await values("endpoint_attempts_total", { endpoint: "ep_default" })).toEqual([2, 1]);
    expect(await values("deliveries_total")).toEqual([2, 0]);
    expect((await values("attempt_duration_seconds")).at(-1)).toBe(3);
  });

  it("tells what waits for an endpoint, since when, and for how long it fails", async () => {
    receiver.answer = () => new Response("", { status: 500 });
    await publish({});
    await settled(1);
    await vi.waitUntil(async () => ((await values("endpoint_failing_seconds"))[0] ?? 0) > 0);
    expect(await values("endpoint_queue_events")).toEqual([1]);
    expect(await values("endpoint_retrying_events")).toEqual([1]);
    expect((await values("endpoint_queue_age_seconds"))[0]).toBeGreaterThan(0);
    expect(await values("endpoints", { state: "failing" })).toEqual([1]);
  });

  it("gives series to a hundred endpoints, those that fail first, and counts the others", async () => {
    receiver.answer = () => new Response("", { status: 500 });
    await publish({});
    await settled(1);
    const row = await outbox().endpoint("ep_default");
    if (row === null) throw new Error("there is no ep_default");
    const config = { ...row.row.config, types: ["never.sent"] };
    for (let n = 0; n < 101; n++) {
      await outbox().create(`ep_0${String(n).padStart(3, "0")}`, config, { at: "now" });
    }
    const samples = (await scrape()).get("webhook_sender_endpoint_queue_events")?.samples ?? [];
    expect(samples).toHaveLength(100);
    expect(samples[0]?.labels).toEqual({ endpoint: "ep_default" });
    expect(await values("endpoints_omitted")).toEqual([2]);
  });
});
