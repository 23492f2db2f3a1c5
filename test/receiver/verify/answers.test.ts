import { describe, expect, it, vi } from "vitest";
import type { Page } from "../../../workers/receiver/event/page.ts";
import type { EventRecord } from "../../../workers/receiver/event/record.ts";
import { forwardedHeaders } from "../../../workers/receiver/forward/request.ts";
import type { Env } from "../../../workers/receiver/log/logs.ts";
import { readSources } from "../../../workers/receiver/verify/source.ts";
import { callWith } from "../support/harness.ts";

/** Answers that a source's table names. */

/** Calls a source of this name and log. Each test has one of its own: the isolate counts calls by name. */
function caller(name: string, table: object) {
  const changes = { SOURCES: { [name]: { scheme: "none", log: name, ...table } } } as unknown as Partial<Env>;
  const call = (path: string, init?: RequestInit) => callWith(changes, path, init);
  return {
    post: (headers: Record<string, string> = {}) => call(`/webhook/${name}`, { method: "POST", body: "{}", headers }),
    records: async () => {
      const { events } = await (await call(`/events?log=${name}`)).json<Page>();
      const records = events.map(async ({ seq }) => (await call(`/events/${seq}?log=${name}`)).json<EventRecord>());
      return (await Promise.all(records)).toReversed();
    },
  };
}

const answered = ({ headers }: EventRecord) => headers.filter(([name]) => name === "webhook-answered");

describe("a source's answer", () => {
  it.each([
    [{ status: 202, contentType: "application/json", body: '{"ok":true}' }, 202, "application/json", '{"ok":true}'],
    [{ body: "[accepted]" }, 200, "text/plain", "[accepted]"],
    [{ status: 204 }, 204, "text/plain", ""],
  ])("is %j", async (answer, status, type, body) => {
    const { post, records } = caller(`answer-${status}-${body.length}`, { answer });
    const response = await post({ "webhook-answered": "500" });
    expect([response.status, response.headers.get("content-type"), await response.text()]).toEqual([
      status,
      type,
      body,
    ]);
    // Only a source that tests its sender says what was answered: here the header is the sender's own.
    expect((await records()).map(answered)).toEqual([[["webhook-answered", "500"]]]);
  });

  it("marks a repetition", async () => {
    const { post } = caller("answer-again", { answer: { status: 202 }, idHeader: "x-id" });
    const marks = [await post({ "x-id": "1" }), await post({ "x-id": "1" })];
    expect(marks.map(({ headers }) => headers.get("webhook-duplicate"))).toEqual([null, "true"]);
  });

  it("fails every third call of a test, and each record says what was answered", async () => {
    const { post, records } = caller("answer-third", { test: true, answer: { status: 503, every: 3 } });
    const statuses: number[] = [];
    for (let call = 0; call < 6; call++) statuses.push((await post({ "webhook-answered": "200, 418" })).status);
    expect(statuses).toEqual([200, 200, 503, 200, 200, 503]);
    const logged = await records();
    expect(logged.map(answered)).toEqual(statuses.map((status) => [["webhook-answered", String(status)]]));
    expect(forwardedHeaders(logged[2]?.headers ?? [], [])).not.toHaveProperty("webhook-answered");
  });

  it("comes late in a test, after the event is logged", async () => {
    const { post, records } = caller("answer-late", { test: true, answer: { status: 500, delayMs: 21 } });
    const held: number[] = [];
    const { setTimeout: wait } = globalThis;
    vi.spyOn(globalThis, "setTimeout").mockImplementation(((work: () => void, ms?: number) => {
      if (ms !== 21) return wait(work, ms);
      return wait(async () => {
        held.push((await records()).length);
        work();
      }, ms);
    }) as typeof setTimeout);
    expect((await post()).status).toBe(500);
    vi.restoreAllMocks();
    expect(held).toEqual([1]);
  });

  it.each([
    [{ answer: 200 }, "answer is not a table"],
    [{ answer: { code: 200 } }, "answer.code is unknown"],
    [{ answer: { status: 503 } }, "answer.status is not a whole number from 200 to 299; any other needs test = true"],
    [{ answer: { delayMs: 5 } }, "answer.delayMs needs test = true"],
    [{ answer: { every: 2 } }, "answer.every needs test = true"],
    [{ answer: { contentType: "text/html" } }, "answer.contentType is not one of text/plain"],
    [{ answer: { body: 1 } }, "answer.body is not a text"],
    [{ answer: { body: "a".repeat(4097) } }, "answer.body is not a text of at most 4096"],
    [{ answer: { status: 204, body: "a" } }, "answer.body is given, and status 204 has none"],
    [{ test: "yes" }, "test is not true or false"],
    [{ test: true, answer: { status: 199 } }, "answer.status is not a whole number from 200 to 599"],
    [{ test: true, answer: { delayMs: 30_001 } }, "answer.delayMs is not a whole number from 0 to 30000"],
    [{ test: true, answer: { every: 0 } }, "answer.every is not a whole number from 1 to 1000"],
  ])("names the mistake in %j", (table, fault) => {
    const source = readSources({ x: { scheme: "none", ...table } }, {}, [])?.get("x");
    expect(source?.fault).toContain(fault);
  });
});
