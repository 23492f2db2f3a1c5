import { Hono } from "hono";
import { describe, expect, it, vi } from "vitest";
import { utf8 } from "../../../shared/bytes.ts";
import { ConfigError } from "../../../shared/config.ts";
import { answerError, answerMethodNotAllowed, answerNotFound } from "../../../shared/http/answers.ts";
import { readBody, readJson } from "../../../shared/http/body.ts";
import { Problem } from "../../../shared/http/problem.ts";

const URL_HERE = "http://localhost/";

function post(body: BodyInit | null, headers: Record<string, string> = {}): Request {
  return new Request(URL_HERE, { method: "POST", body, headers });
}

/** A body in chunks of `size`, whatever length is announced for it. `read` counts the chunks that were read. */
function chunked(chunks: number, size: number, headers: Record<string, string> = {}) {
  const count = { read: 0 };
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (count.read === chunks) return controller.close();
        count.read += 1;
        controller.enqueue(new Uint8Array(size).fill(count.read));
      },
    },
    { highWaterMark: 0 },
  );
  return { request: post(stream, headers), count };
}

/** A body from the network, in pieces of `size`. */
function network(bytes: Uint8Array, size: number, length?: string): Request {
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  const write = async () => {
    for (let at = 0; at < bytes.byteLength; at += size) await writer.write(bytes.slice(at, at + size));
    await writer.close();
  };
  void write().catch(() => {});
  return post(readable, length === undefined ? {} : { "content-length": length });
}

describe("readBody", () => {
  it.each([0, 1, 10])("gives %i bytes of an announced length", async (length) => {
    expect(await readBody(post(new Uint8Array(length).fill(200)), 10)).toEqual(new Uint8Array(length).fill(200));
  });
  it("gives no bytes when there is no body", async () => {
    expect(await readBody(new Request(URL_HERE), 10)).toEqual(new Uint8Array());
  });
  it("joins the chunks of a body without a length", async () => {
    expect(await readBody(chunked(3, 2).request, 6)).toEqual(new Uint8Array([1, 1, 2, 2, 3, 3]));
  });
  it("refuses a body announced as too large, unread", async () => {
    await expect(readBody(post(new Uint8Array(11)), 10)).rejects.toMatchObject({ code: "body_too_large" });
  });
  it("stops reading at the chunk that exceeds the limit", async () => {
    const { request, count } = chunked(1000, 4);
    await expect(readBody(request, 10)).rejects.toMatchObject({ code: "body_too_large" });
    expect(count.read).toBeLessThan(10);
  });
  it("refuses a body announced as too large before any of it arrives", async () => {
    const { request, count } = chunked(1000, 4, { "content-length": "11" });
    await expect(readBody(request, 10)).rejects.toMatchObject({ code: "body_too_large" });
    expect(count.read).toBe(0);
  });
  // Over HTTP the runtime refuses these; a caller in the same process can send them.
  const lengths = ["", "x", "-1", "+5", "5.0", "1e9", "0x5", "5, 5", "5", "0"];
  it.each(lengths)("holds no more than the limit when the length is said to be %j", async (length) => {
    const headers = { "content-length": length };
    const { request, count } = chunked(1000, 4, headers);
    await expect(readBody(request, 10)).rejects.toMatchObject({ code: "body_too_large" });
    expect(count.read).toBeLessThan(10);
    expect(await readBody(chunked(2, 4, headers).request, 10)).toHaveLength(8);
  });
  it("takes the bytes of a body from the network, and refuses more than were announced", async () => {
    const sevens = (count: number) => new Uint8Array(count).fill(7);
    expect(await readBody(network(sevens(5), 5, "5"), 10)).toEqual(sevens(5));
    expect(await readBody(network(sevens(5), 5, "9"), 10)).toEqual(sevens(5));
    const long = readBody(network(sevens(100_000), 100_000, "5"), 10);
    await expect(long).rejects.toMatchObject({ code: "bad_request" });
    const unknown = readBody(network(sevens(100_000), 100_000, "no"), 10);
    await expect(unknown).rejects.toMatchObject({ code: "body_too_large" });
  });
  it.each([0, 1, 4095, 4096, 4097, 8191, 8192, 8193, 100_000])(
    "joins the pieces of a body of %i bytes",
    async (length) => {
      const bytes = Uint8Array.from({ length }, (_, index) => index % 251);
      expect(await readBody(network(bytes, 700, String(length)), 100_000)).toEqual(bytes);
      expect(await readBody(network(bytes, 700), 100_000)).toEqual(bytes);
      const short = readBody(network(bytes, 700, String(length)), length - 1);
      await expect(short).rejects.toMatchObject({ code: "body_too_large" });
      const open = readBody(network(bytes, 700), length - 1);
      await expect(open).rejects.toMatchObject({ code: "body_too_large" });
    },
  );
  it.each([undefined, "100", "1000000"])(
    "asks for no more room than what arrived, of a length said to be %s",
    async (length) => {
      const rooms: number[] = [];
      const readAtLeast = ReadableStreamBYOBReader.prototype.readAtLeast;
      vi.spyOn(ReadableStreamBYOBReader.prototype, "readAtLeast").mockImplementation(function (
        this: ReadableStreamBYOBReader,
        least,
        view,
      ) {
        rooms.push(view.byteLength);
        return readAtLeast.call(this, least, view);
      } as typeof readAtLeast);
      await readBody(network(new Uint8Array(60), 7, length), 1_000_000);
      vi.restoreAllMocks();
      expect(rooms).toHaveLength(1);
      expect(rooms[0]).toBeLessThanOrEqual(4096);
    },
  );
  it.each([undefined, "8"])("gives up a body that stops coming, of a length said to be %s", async (length) => {
    const { readable, writable } = new IdentityTransformStream();
    const written = writable.getWriter().write(new Uint8Array(4));
    const headers: Record<string, string> = length === undefined ? {} : { "content-length": length };
    await expect(readBody(post(readable, headers), 10, 20)).rejects.toMatchObject({ code: "body_timeout" });
    await written.catch(() => {});
    const chunks = new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(4)) });
    await expect(readBody(post(chunks, headers), 10, 20)).rejects.toMatchObject({ code: "body_timeout" });
  });
  it.each([{}, { "content-length": "8" }])("says that a body broke off, with %j", async (headers) => {
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new Uint8Array(4));
      },
      pull(controller) {
        controller.error(new Error("Network connection lost."));
      },
    });
    await expect(readBody(post(stream, headers), 10)).rejects.toMatchObject({ code: "bad_request" });
  });
});

describe("readJson", () => {
  const json = { "content-type": "application/json" };
  it.each(["application/json", "Application/JSON; charset=utf-8"])("takes %s", async (type) => {
    expect(await readJson(post("[1]", { "content-type": type }), 10)).toEqual({ text: "[1]", value: [1] });
  });
  const refused: [name: string, request: () => Request, code: string][] = [
    [
      "text/plain, which a foreign page may send",
      () => post("{}", { "content-type": "text/plain" }),
      "unsupported_media_type",
    ],
    [
      "a media type that only begins like JSON",
      () => post("{}", { "content-type": "application/json5" }),
      "unsupported_media_type",
    ],
    ["no media type", () => post(utf8("{}")), "unsupported_media_type"],
    ["no JSON", () => post("{", json), "invalid_json"],
    ["no body", () => post("", json), "invalid_json"],
    ["bytes that are not UTF-8", () => post(new Uint8Array([0x22, 0xff, 0x22]), json), "invalid_json"],
    ["too much", () => post(`"${"x".repeat(10)}"`, json), "body_too_large"],
  ];
  it.each(refused)("refuses %s", async (_name, request, code) => {
    await expect(readJson(request(), 10)).rejects.toMatchObject({ code });
  });
});

describe("answerError", () => {
  const cases: [name: string, error: Error, status: number, code: string][] = [
    ["a problem as it is", new Problem("not_found", "No such thing."), 404, "not_found"],
    ["bad configuration without its values", new ConfigError("SECRET hunter2 is bad"), 500, "configuration_error"],
    ["anything else without its message", new Error("hunter2 at line 3"), 500, "internal_error"],
  ];
  it.each(cases)("answers %s", async (_name, error, status, code) => {
    const app = new Hono();
    app.get("/", () => {
      throw error;
    });
    app.onError(answerError);
    const response = await app.request("/");
    const text = await response.text();
    expect([response.status, response.headers.get("content-type")]).toEqual([status, "application/problem+json"]);
    expect(JSON.parse(text)).toMatchObject({ status, code });
    expect(text).not.toMatch(/hunter2|line 3|\.ts/);
  });

  it("adds a problem's members and headers", async () => {
    const app = new Hono();
    app.get("/", () => {
      throw new Problem("cursor_ahead", "Too far.", { extra: { head: 3 }, headers: { "retry-after": "5" } });
    });
    app.onError(answerError);
    const response = await app.request("/");
    expect(response.headers.get("retry-after")).toBe("5");
    expect(await response.json()).toMatchObject({ code: "cursor_ahead", head: 3, detail: "Too far." });
  });
});

describe("answerNotFound and answerMethodNotAllowed", () => {
  const app = new Hono();
  app.use(answerMethodNotAllowed(app));
  app.get("/here", (c) => c.text("ok"));
  app.notFound(answerNotFound);
  app.onError(answerError);
  it.each([
    ["GET", "/there", 404, "not_found", null],
    ["DELETE", "/here", 405, "method_not_allowed", "GET"],
  ])("%s %s", async (method, path, status, code, allow) => {
    const response = await app.request(path, { method });
    expect([response.status, response.headers.get("allow")]).toEqual([status, allow]);
    expect(await response.json()).toMatchObject({ code });
  });
});
