import { describe, expect, it } from "vitest";
import { utf8 } from "../../../shared/bytes.ts";
import type { Page } from "../../../workers/receiver/event/page.ts";
import { call, callWith, get, signed, useLaterTime } from "../support/harness.ts";

useLaterTime();

const LIMIT = 1000;
const CHUNK = 100;

/** Returns a body of `count` chunks, which are made as they are asked for. */
function chunks(count: number) {
  const made = { count: 0 };
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (made.count === count) return controller.close();
        made.count += 1;
        controller.enqueue(new Uint8Array(CHUNK));
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, made };
}

/** Returns the Worker's answer to a genuine body of `count` chunks, and how many of them it took. */
async function arrive(count: number, headers: Record<string, string>): Promise<{ status: number; taken: number }> {
  const { stream, made } = chunks(count);
  const body = new Uint8Array(Math.min(count, 1000) * CHUNK);
  const init = { method: "POST", body: stream, headers: { ...(await signed("msg_1", body)), ...headers } };
  const { status } = await callWith({ MAX_BODY_BYTES: String(LIMIT) }, "/webhook", init);
  return { status, taken: made.count };
}

describe("MAX_BODY_BYTES", () => {
  const cases: [name: string, headers: Record<string, string>][] = [
    ["no length", {}],
    ["a length that is too small", { "content-length": "5" }],
    ["a length of nothing", { "content-length": "0" }],
    ["no number for a length", { "content-length": "many" }],
    ["two lengths", { "content-length": "5, 5" }],
  ];
  it.each(cases)("stops reading a body with %s as soon as the limit is passed", async (_name, headers) => {
    const { status, taken } = await arrive(Number.POSITIVE_INFINITY, headers);
    expect(status).toBe(413);
    expect(taken).toBeLessThanOrEqual(LIMIT / CHUNK + 2);
    expect(await get<Page>("/events")).toMatchObject({ events: [] });
    const { rejections } = await get<{ rejections: object[] }>("/rejections");
    expect(rejections).toMatchObject([{ reason: "body_too_large", bytes: null }]);
  });

  it.each(cases)("lets a body with %s through up to it", async (_name, headers) => {
    expect(await arrive(LIMIT / CHUNK, headers)).toMatchObject({ status: 200 });
    expect((await get<Page>("/events")).events).toMatchObject([{ bytes: LIMIT }]);
  });

  it("ends a body that is announced beyond it before any of it is taken", async () => {
    expect(await arrive(100, { "content-length": "1001" })).toEqual({ status: 413, taken: 0 });
  });
});

describe("content-encoding", () => {
  it("is kept as it came, and nothing is inflated", async () => {
    const packed = new Response("x".repeat(100_000)).body?.pipeThrough(new CompressionStream("gzip"));
    const bytes = new Uint8Array(await new Response(packed ?? null).arrayBuffer());
    const init = {
      method: "POST",
      body: bytes,
      headers: { ...(await signed("msg_1", bytes)), "content-encoding": "gzip" },
    };
    expect((await callWith({ MAX_BODY_BYTES: String(LIMIT) }, "/webhook", init)).status).toBe(200);
    const record = await get<{ headers: [string, string][] }>("/events/1");
    expect(record).toMatchObject({ bytes: bytes.byteLength, encoding: "base64" });
    expect(record.headers).toContainEqual(["content-encoding", "gzip"]);
    expect(new Uint8Array(await (await call("/events/1/body")).arrayBuffer())).toEqual(bytes);
  });

  it("does not make what was signed before it genuine", async () => {
    const packed = new Response("{}").body?.pipeThrough(new CompressionStream("gzip"));
    const bytes = new Uint8Array(await new Response(packed ?? null).arrayBuffer());
    const headers = { ...(await signed("msg_1", utf8("{}"))), "content-encoding": "gzip" };
    expect((await call("/webhook", { method: "POST", body: bytes, headers })).status).toBe(401);
  });
});
