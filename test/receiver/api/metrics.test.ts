import { describe, expect, it, vi } from "vitest";
import type { Env } from "../../../workers/receiver/log/logs.ts";
import { lintFamilies, type ReadFamily, readExposition } from "../../support/exposition.ts";
import {
  call,
  callWith,
  type env,
  pass,
  replaceKv,
  runAlarm,
  SECOND,
  send,
  sendMany,
  useEmptyStorage,
} from "../support/harness.ts";

useEmptyStorage();

async function scrape(changes: Partial<Env> = {}): Promise<Map<string, ReadFamily>> {
  const response = await callWith(changes, "/metrics");
  expect([response.status, response.headers.get("content-type")]).toEqual([
    200,
    "text/plain; version=0.0.4; charset=utf-8",
  ]);
  return readExposition(await response.text());
}

/** Returns the samples of a family as their labels beside `log`, and their values. */
async function values(name: string): Promise<unknown[]> {
  const samples = (await scrape()).get(`webhook_receiver_${name}`)?.samples ?? [];
  return samples.map(({ labels: { log: _log, ...labels }, value }) =>
    Object.keys(labels).length === 0 ? value : [labels, value],
  );
}

describe("GET /metrics", () => {
  it("keeps to the format and the conventions, with every family filled", async () => {
    await send("one");
    await call("/webhook", { method: "POST", body: "{}" });
    // A rejected request is reported after its answer.
    const families = await vi.waitUntil(
      async () => {
        const scraped = await scrape();
        return scraped.has("webhook_receiver_refusals_total") && scraped;
      },
      { timeout: 10_000, interval: 20 },
    );
    expect(lintFamilies(families)).toEqual([]);
    expect([...families.keys()].filter((name) => !name.startsWith("webhook_receiver_"))).toEqual([]);
    expect(families.size).toBe(16);
    const counters = [...families.values()].filter(({ type }) => type === "counter");
    expect(counters.every(({ help }) => help.includes("webhook_receiver_start_time_seconds"))).toBe(true);
  });

  it("needs the token", async () => {
    expect((await call("/metrics", { headers: { "x-forwarded-for": "203.0.113.1" } })).status).toBe(401);
  });

  it("counts what was logged, repeated and rejected, by reason", async () => {
    await sendMany(2, "event");
    await send("event1");
    expect(await values("events_total")).toEqual([2]);
    expect(await values("duplicates_total")).toEqual([1]);
    expect(await values("log_events")).toEqual([[{ source: "default" }, 2]]);
    expect(await values("refusals_total")).toEqual([]);
    pass(60 * SECOND);
    const { status } = await call("/webhook", { method: "POST", body: "{}" });
    expect(status).toBe(401);
    expect(await values("refusals_total")).toEqual([
      [{ reason: expect.stringMatching(/^[a-z_]+$/) }, expect.any(Number)],
    ]);
  });

  it("tells what waits for KV, since when, and that KV fails", async () => {
    await send("one");
    pass(3600 * SECOND);
    expect(await values("inbox_events")).toEqual([1]);
    expect(await values("inbox_age_seconds")).toEqual([3600]);
    expect(await values("kv_failing")).toEqual([0]);
    await replaceKv({ put: () => Promise.reject(new Error("KV is away")) });
    await runAlarm();
    expect(await values("kv_failing")).toEqual([1]);
    expect(await values("kv_failures_total")).toEqual([1]);
    expect(await values("inbox_events")).toEqual([1]);
  });

  it("says which log does not answer, and shows nothing else of it", async () => {
    const silent = { metrics: () => Promise.reject(new Error("lost")) };
    const families = await scrape({ INBOX: { getByName: () => silent } as unknown as typeof env.INBOX });
    expect([...families.keys()]).toEqual(["webhook_receiver_log_up"]);
    expect(families.get("webhook_receiver_log_up")?.samples).toMatchObject([{ labels: { log: "main" }, value: 0 }]);
  });
});
