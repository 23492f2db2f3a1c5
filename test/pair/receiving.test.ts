import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { WorkerProcess } from "../../workers/dev/worker-process.ts";
import { configuredRoot, freePorts, runWorker, temporaryFolder, variables } from "./workers.ts";

/** The receiver on real sockets: requests written byte by byte, and forwards. */

const LIMIT = 1000;
const FORWARD_SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;

const folder = temporaryFolder();
let worker: WorkerProcess | undefined;
let url: URL;

beforeAll(async () => {
  const [port = 0] = await freePorts(1);
  const root = configuredRoot(folder.path, { secrets: ["FORWARD_SECRET"] });
  const vars = { MAX_BODY_BYTES: String(LIMIT), FORWARD_SECRET };
  worker = await runWorker("receiver", { port, stateDir: join(folder.path, "state"), vars, root });
  url = new URL(worker.url);
});
afterAll(async () => {
  await worker?.stop();
  folder.remove();
});

type Part = string | Buffer;

let sent = 0;
const newId = () => `msg_${++sent}`;

/** Returns the head of a request that is genuine with `body`. */
function head(id: string, body: Part, ...lines: string[]): string {
  const timestamp = Math.floor(Date.now() / 1000);
  const signature = signatureOf(variables.WEBHOOK_SECRET, { id, timestamp: String(timestamp) }, Buffer.from(body));
  const own = [`webhook-id: ${id}`, `webhook-timestamp: ${timestamp}`, `webhook-signature: v1,${signature}`];
  return ["POST /webhook HTTP/1.1", "host: localhost", "connection: close", ...own, ...lines, "", ""].join("\r\n");
}

function signatureOf(secret: string, { id, timestamp }: { id: string; timestamp: string }, body: Buffer): string {
  const hmac = createHmac("sha256", Buffer.from(secret.slice("whsec_".length), "base64"));
  return hmac.update(`${id}.${timestamp}.`).update(body).digest("base64");
}

/**
 * Writes the parts to a socket, each once the one before is on its way. Resolves to the status that comes back. A head
 * that is refused by itself must be the only part: the other side closes at once, and a later write would fail.
 */
async function write(...parts: Part[]): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  // wrangler's own port: the front of `npm start` takes no request with two framings.
  const socket = connect(worker?.innerPort() ?? 0, url.hostname);
  let answer = "";
  socket.setNoDelay(true).on("data", (data) => {
    answer += data;
    const [, status] = /^HTTP\/1\.1 ([2-5]\d\d) /m.exec(answer) ?? [];
    if (status !== undefined) resolve(Number(status));
  });
  socket.on("error", reject).on("close", () => reject(new Error(`the connection ended with ${answer}`)));
  const answered = promise.finally(() => socket.destroy());
  // The answer is awaited below, once everything is written.
  answered.catch(() => {});
  for (const part of parts) await new Promise((done) => socket.write(part, done));
  return answered;
}

async function logged(id: string): Promise<{ seq: number; bytes: number } | null> {
  const response = await fetch(new URL("/events?limit=500", url));
  const { events } = (await response.json()) as { events: { id: string; seq: number; bytes: number }[] };
  return events.find((event) => event.id === id) ?? null;
}

async function bodyOf(id: string): Promise<Buffer> {
  const response = await fetch(new URL(`/events/${(await logged(id))?.seq}/body`, url));
  return Buffer.from(await response.arrayBuffer());
}

const chunk = (data: Part): Buffer =>
  Buffer.concat([Buffer.from(`${data.length.toString(16)}\r\n`), Buffer.from(data), Buffer.from("\r\n")]);
const CHUNKED = "transfer-encoding: chunked";
const END = "0\r\n\r\n";
const full = "x".repeat(LIMIT);

describe("POST /webhook over a socket", () => {
  const taken: [name: string, body: Part, parts: (id: string) => Part[]][] = [
    ["of an announced length", "hello", (id) => [head(id, "hello", "content-length: 5"), "he", "llo"]],
    ["in chunks", "hello", (id) => [head(id, "hello", CHUNKED), chunk("he"), chunk("llo"), END]],
    ["byte by byte", "hello", (id) => [head(id, "hello", CHUNKED), ...[..."hello"].map(chunk), END]],
    ["of no length and no bytes", "", (id) => [head(id, "")]],
    ["at the limit, announced", full, (id) => [head(id, full, `content-length: ${LIMIT}`), full]],
    ["at the limit, in chunks", full, (id) => [head(id, full, CHUNKED), chunk(full), END]],
    [
      "in chunks beside a length",
      "hello",
      (id) => [head(id, "hello", CHUNKED, "content-length: 2"), chunk("hello"), END],
    ],
    ["shorter than what follows", "hello", (id) => [head(id, "hello", "content-length: 5"), "hello, and more"]],
    ["asked for first", "hello", (id) => [head(id, "hello", "content-length: 5", "expect: 100-continue"), "hello"]],
  ];
  it.each(taken)("takes a body %s", async (_name, body, parts) => {
    const id = newId();
    expect(await write(...parts(id))).toBe(200);
    expect(await bodyOf(id)).toEqual(Buffer.from(body));
  });

  const over = `${full}x`;
  const refused: [name: string, status: number, parts: (id: string) => Part[]][] = [
    ["announced beyond the limit", 413, (id) => [head(id, over, `content-length: ${LIMIT + 1}`) + over]],
    ["beyond the limit in chunks, and not at an end", 413, (id) => [head(id, over, CHUNKED), chunk(full), chunk("x")]],
    [
      "of which a smaller length is announced beside chunks",
      413,
      (id) => [head(id, over, CHUNKED, "content-length: 5"), chunk(over)],
    ],
    ["signed with what follows it", 401, (id) => [head(id, "hello, and more", "content-length: 5"), "hello, and more"]],
    ...["x", "-5", "+5", "5.0", "0x5", "5e0", "5, 5", "", "5 5"].map(
      (length): [string, number, (id: string) => Part[]] => [
        `of the length ${JSON.stringify(length)}`,
        400,
        (id) => [head(id, "hello", `content-length: ${length}`)],
      ],
    ),
    ["of two lengths", 400, (id) => [head(id, "hello", "content-length: 5", "content-length: 6")]],
    ["in an unknown transfer coding", 400, (id) => [head(id, "hello", "transfer-encoding: x")]],
  ];
  it.each(refused)("refuses a body %s with %i", async (_name, status, parts) => {
    const id = newId();
    expect(await write(...parts(id))).toBe(status);
    expect(await logged(id)).toBeNull();
  });

  it("logs nothing of a body that breaks off, and takes it when it comes whole", async () => {
    const id = newId();
    // wrangler's own port: the front of `npm start` takes no request with two framings.
    const socket = connect(worker?.innerPort() ?? 0, url.hostname);
    await new Promise((done) => socket.write(`${head(id, "hello", "content-length: 5")}hel`, done));
    socket.destroy();
    expect(await write(head(id, "hello", "content-length: 5"), "hello")).toBe(200);
    expect(await bodyOf(id)).toEqual(Buffer.from("hello"));
  });

  it("keeps what is compressed as it came, however large it would be", async () => {
    const bomb = gzipSync(Buffer.alloc(LIMIT * 500));
    const lines = ["content-encoding: gzip", `content-length: ${bomb.byteLength}`];
    const id = newId();
    expect(await write(head(id, bomb, ...lines), bomb)).toBe(200);
    expect(await bodyOf(id)).toEqual(bomb);
    const plain = newId();
    const small = gzipSync("hello");
    expect(
      await write(head(plain, "hello", "content-encoding: gzip", `content-length: ${small.byteLength}`), small),
    ).toBe(401);
  });
});

describe("POST /events/:seq/forward over a socket", () => {
  type Received = { headers: IncomingHttpHeaders; body: Buffer };
  const received: Received[] = [];
  let answer = (response: ServerResponse): unknown => response.end("thank you");
  const target = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      received.push({ headers: request.headers, body: Buffer.concat(parts) });
      answer(response);
    });
  });
  beforeAll(() => once(target.listen(0, "127.0.0.1"), "listening"));
  afterAll(() => target.close());
  afterEach(() => {
    received.length = 0;
    answer = (response) => response.end("thank you");
  });

  async function forward(id: string, path = "/hook"): Promise<unknown> {
    const { port } = target.address() as AddressInfo;
    const response = await fetch(new URL(`/events/${(await logged(id))?.seq}/forward`, url), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ url: `http://127.0.0.1:${port}${path}` }),
    });
    return response.json();
  }

  async function arrive(body: Buffer, ...lines: string[]): Promise<string> {
    const id = newId();
    expect(await write(head(id, body, ...lines, `content-length: ${body.byteLength}`), body)).toBe(200);
    return id;
  }

  it("sends the bytes on as they came, compressed or not, under any header", async () => {
    const body = gzipSync("hello");
    const id = await arrive(body, "content-encoding: gzip", "content-type: text/x-own", "cookie: a=b", "x-text: café");
    expect(await forward(id)).toEqual({ status: 200, code: null, ms: expect.any(Number), response: "thank you" });
    const [one] = received;
    expect(one?.body).toEqual(body);
    expect(one?.headers).toMatchObject({ "content-type": "text/x-own", "content-encoding": "gzip", "webhook-id": id });
    expect(one?.headers).not.toHaveProperty("cookie");
    expect(one?.headers).not.toHaveProperty("cf-connecting-ip");
    const timestamp = String(one?.headers["webhook-timestamp"]);
    expect(one?.headers["webhook-signature"]).toBe(`v1,${signatureOf(FORWARD_SECRET, { id, timestamp }, body)}`);
  });

  it("sends no content type where there was none, and follows no redirect", async () => {
    answer = (response) => response.writeHead(307, { location: "/elsewhere" }).end();
    expect(await forward(await arrive(Buffer.from([0, 255])))).toMatchObject({ status: 307, code: null });
    expect(received.map(({ headers, body }) => [headers["content-type"], [...body]])).toEqual([[undefined, [0, 255]]]);
  });

  it("reads no more of an endless answer than it keeps", async () => {
    answer = (response) => {
      const go = () => {
        while (response.write("x".repeat(65_536)));
      };
      response.on("drain", go).on("error", () => {});
      go();
    };
    const answered = (await forward(await arrive(Buffer.from("{}")))) as { response: string };
    expect(answered).toMatchObject({ status: 200, code: null, response: "x".repeat(4096) });
  });

  it("says when nobody listens", async () => {
    const id = await arrive(Buffer.from("{}"));
    answer = (response) => response.socket?.resetAndDestroy();
    expect(await forward(id)).toMatchObject({ status: 0, code: "connection_failed", response: null });
  });
});
