import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AttemptResult, attempt, RESPONSE_BYTES } from "../../../shared/outgoing/attempt.ts";
import { parseSigningKey } from "../../../shared/signing/secret.ts";

/** One attempt against a server that answers as it likes. */

/** Over at once, for what never ends; and never, for what must end by itself. */
const SHORT_MS = 60;
const LONG_MS = 60_000;
const parsed = parseSigningKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
const KEYS = parsed.ok ? [parsed.key] : [];

type Answer = (init: RequestInit) => Response | Promise<Response>;

async function run(
  answer: Answer,
  deadlineMs = LONG_MS,
  headers: Record<string, string> = {},
  keepsAll = false,
): Promise<AttemptResult> {
  const fetcher = async (_url: unknown, init?: RequestInit) => answer(init ?? {});
  const request = { url: "https://example.com/", id: "msg_1", timestamp: 1, body: "{}", headers, keys: KEYS, keepsAll };
  return attempt(request, { fetch: fetcher as typeof fetch, now: Date.now }, deadlineMs);
}

/** As fetch does: pending until the signal says stop. */
function untilAborted<Value>(signal: AbortSignal | null | undefined): Promise<Value> {
  return new Promise((_resolve, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason));
  });
}

/** A body whose next part comes when `next` gives it. */
function body(next: () => Promise<Uint8Array | null>, cancel: () => Promise<void> = async () => {}) {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const part = await next();
        if (part === null) controller.close();
        else controller.enqueue(part);
      },
      cancel,
    },
    { highWaterMark: 0 },
  );
}

const part = (size: number) => new Uint8Array(size).fill(97);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("attempt", () => {
  const late: [name: string, answer: Answer, status: number][] = [
    ["no connection", ({ signal }) => untilAborted(signal), 0],
    [
      "no end of a failure's body",
      ({ signal }) =>
        new Response(
          body(() => untilAborted(signal)),
          { status: 500 },
        ),
      500,
    ],
    [
      "a failure's body of a byte now and then",
      ({ signal }) =>
        new Response(
          body(() => Promise.race([pause(5).then(() => part(1)), untilAborted<null>(signal)])),
          {
            status: 410,
          },
        ),
      410,
    ],
  ];
  it.each(late)("ends at the deadline with %s", async (_name, answer, status) => {
    const result = await run(answer, SHORT_MS);
    expect(result).toMatchObject({ status, code: "timeout" });
    expect(result.ms).toBeGreaterThanOrEqual(SHORT_MS - 1);
  });

  it("reads and keeps 4 KiB of a body without end, and lets go of the rest", async () => {
    let read = 0;
    let cancelled = false;
    const endless = body(
      async () => {
        read += 1000;
        return part(1000);
      },
      async () => {
        cancelled = true;
      },
    );
    const result = await run(() => new Response(endless, { status: 500 }));
    expect(result).toMatchObject({ status: 500, code: null, response: "a".repeat(RESPONSE_BYTES) });
    expect(read).toBe(5000);
    expect(cancelled).toBe(true);
  });

  it("keeps 4 KiB of one huge part", async () => {
    const result = await run(
      () =>
        new Response(
          body(async () => part(10_000_000)),
          { status: 500 },
        ),
    );
    expect(result).toMatchObject({ code: null, response: "a".repeat(RESPONSE_BYTES) });
  });

  it("does not wait for a server that will not let go", async () => {
    const result = await run(
      () =>
        new Response(
          body(
            async () => part(5000),
            () => new Promise<never>(() => {}),
          ),
          { status: 500 },
        ),
    );
    expect(result).toMatchObject({ status: 500, code: null });
  });

  const texts: [name: string, bytes: Uint8Array, response: string | null][] = [
    ["nothing", new Uint8Array(), ""],
    ["text", new TextEncoder().encode("é"), "é"],
    [
      "a character that the limit cuts",
      new TextEncoder().encode(`${"a".repeat(RESPONSE_BYTES - 1)}é`),
      "a".repeat(RESPONSE_BYTES - 1),
    ],
    ["what is not text", new Uint8Array([0xff, 0xfe, 0x00]), null],
  ];
  it.each(texts)("keeps %s", async (_name, bytes, response) => {
    expect(await run(() => new Response(bytes, { status: 400 }))).toMatchObject({ status: 400, response });
  });

  const failures: [name: string, answer: Answer, expected: Partial<AttemptResult>][] = [
    [
      "a lost connection",
      () => Promise.reject(new Error("Network connection lost.")),
      { status: 0, code: "connection_failed" },
    ],
    [
      "anything else that fetch throws",
      () => Promise.reject(new TypeError("internal error")),
      { status: 0, code: "request_failed" },
    ],
    [
      "a body that breaks off",
      () =>
        new Response(
          body(() => Promise.reject(new Error("Network connection lost."))),
          { status: 500 },
        ),
      { status: 500, code: "response_incomplete", response: "" },
    ],
    [
      "the edge's word for a refused connection",
      () => new Response("", { status: 521 }),
      { status: 521, code: "connection_refused" },
    ],
    [
      "a redirect, which is not followed",
      ({ redirect }) => new Response("", { status: 302, headers: { location: `/${redirect}` } }),
      { status: 302, code: null },
    ],
    [
      "a request to come back later",
      () => new Response("", { status: 503, headers: { "retry-after": "7" } }),
      { status: 503, retryAfter: "7" },
    ],
  ];
  it.each(failures)("tells %s", async (_name, answer, expected) => {
    expect(await run(answer)).toMatchObject(expected);
  });

  const successes: [name: string, broken: (signal?: AbortSignal | null) => ReadableStream<Uint8Array>][] = [
    ["never ends", (signal) => body(() => untilAborted<null>(signal))],
    ["breaks off", () => body(() => Promise.reject(new Error("Network connection lost.")))],
    ["is not what its encoding says", () => body(() => Promise.reject(new TypeError("Gzip decompression failed.")))],
    ["has no end to it", () => body(async () => part(1000))],
    [
      "cannot be cancelled",
      () =>
        body(
          async () => part(1),
          () => Promise.reject(new Error("no")),
        ),
    ],
  ];
  it.each(successes)("believes a 2xx whose body %s, and reads none of it", async (_name, broken) => {
    for (const status of [200, 201, 202, 207, 299]) {
      const sent = broken();
      expect(await run(() => new Response(sent, { status }))).toMatchObject({ status, code: null, response: null });
      expect(sent.locked).toBe(false);
      // Cancelled: the connection is free.
      expect(
        await sent
          .getReader()
          .read()
          .catch(() => "cancelled"),
      ).toMatchObject({ done: true });
    }
  });

  it.each(successes)("keeps what it can of a 2xx whose body %s, for a person who asks", async (_name, broken) => {
    const { status, code } = await run(({ signal }) => new Response(broken(signal)), SHORT_MS, {}, true);
    expect({ status, code }).toEqual({ status: 200, code: null });
  });

  it("keeps what came of a failure that broke off, up to the character it cut", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme", maxLength: 40 }), fc.nat(160), async (text, at) => {
        const bytes = new TextEncoder().encode(text).subarray(0, at);
        const parts = [bytes];
        const broken = body(async () => parts.pop() ?? Promise.reject(new Error("lost")));
        const result = await run(() => new Response(broken, { status: 503 }));
        expect(result).toMatchObject({ status: 503, code: "response_incomplete" });
        expect(text.startsWith(result.response ?? "none")).toBe(true);
        expect(bytes.byteLength - new TextEncoder().encode(result.response ?? "").byteLength).toBeLessThan(4);
      }),
    );
  });

  it("follows no redirect, and lets no header of the endpoint's replace ours", async () => {
    let sent: RequestInit = {};
    await run(
      (init) => {
        sent = init;
        return new Response("ok");
      },
      LONG_MS,
      { "webhook-id": "forged", "x-key": "k" },
    );
    expect(sent).toMatchObject({
      method: "POST",
      redirect: "manual",
      headers: { "webhook-id": "msg_1", "x-key": "k" },
    });
  });
});
