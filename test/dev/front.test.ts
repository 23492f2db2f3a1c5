import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { buffer, text } from "node:stream/consumers";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { localProof, PROOF_HEADER } from "../../shared/auth/local-proof.ts";
import { type Front, startFront } from "../../workers/dev/front.ts";
import { until } from "../pair/until.ts";
import { freePorts } from "../pair/workers.ts";

/** The front of `npm start`, with a server in wrangler's place that keeps what arrives. */

type Arrived = { method: string; url: string; headers: [string, string][]; body: Buffer };

const TOKEN = "test-token-of-24-letters";
let front: Front;
let port: number;
let behind: Server;
let proof: string;
let arrived: Arrived[] = [];
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeAll(async () => {
  [port = 0] = await freePorts(1);
  proof = await localProof(TOKEN);
  behind = createServer(async (request, response) => {
    const { method = "", url = "", rawHeaders } = request;
    const headers = rawHeaders.flatMap((name, index): [string, string][] =>
      index % 2 === 0 ? [[name, rawHeaders[index + 1] ?? ""]] : [],
    );
    arrived.push({ method, url, headers, body: await buffer(request).catch(() => Buffer.from("cut")) });
    answer(request, response);
  }).listen(0, "127.0.0.1");
  await once(behind, "listening");
  front = startFront(port, TOKEN);
  await front.listening;
});
afterAll(() => {
  front.close();
  behind.close();
});
beforeEach(() => {
  front.target = (behind.address() as AddressInfo).port;
  arrived = [];
  answer = (_request, response) => response.end("done");
});

/** Sends bytes and returns everything that comes back until the other side closes. */
async function raw(head: string, body: string | Buffer = ""): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(`${head.replaceAll("\n", "\r\n")}\r\n\r\n`);
  socket.write(body);
  return text(socket).catch(() => "");
}

const valuesOf = (name: string) => arrived[0]?.headers.filter(([given]) => given.toLowerCase() === name) ?? [];
const proofOf = () => valuesOf(PROOF_HEADER).map(([, value]) => value);

describe("the front vouches", () => {
  test.each([
    ["localhost", "/events", 1],
    ["localhost:5000", "/trigger", 1],
    ["LOCALHOST:5000", "/", 1],
    ["127.0.0.1:1", "/webhooks", 1],
    ["[::1]:8080", "/events?q=/webhook", 1],
    ["evil.example:5000", "/events", 0],
    ["localhost.evil.example", "/events", 0],
    ["evil.example#localhost", "/events", 0],
    ["localhost:80@evil.example", "/events", 0],
    ["evil.example/localhost", "/events", 0],
    ["localhost.", "/events", 0],
    ["", "/events", 0],
    ["localhost", "/webhook", 0],
    ["localhost", "/webhook/github", 0],
    ["localhost", "/webhook?a=b", 0],
  ])("for Host %s and %s: %d", async (host, path, count) => {
    await raw(`GET ${path} HTTP/1.1\nHost: ${host}\nConnection: close`);
    expect(proofOf()).toEqual(count === 1 ? [proof] : []);
    expect(valuesOf("host")).toEqual([["Host", host]]);
  });

  test.each([
    "MF-Original-URL: http://localhost:5000/endpoints",
    "mf-original-url: http://localhost/",
    "MF-Proxy-Shared-Secret: a",
    "MF-Route-Override: a",
    'MF-CF-Blob: {"clientIp":"127.0.0.1"}',
    "MF-Sec-Fetch-Mode: cors",
    "MF-Original-Hostname: localhost",
    "MF-Op: GET",
    "MF-Disable-Pretty-Error: 1",
    "MF-Anything-Else: 1",
  ])("for no request with %s, and hands that on to nobody", async (line) => {
    await raw(`GET /events HTTP/1.1\nHost: localhost\n${line}\nConnection: close`);
    expect(arrived[0]?.headers.map(([name]) => name)).toEqual(["Host", "Connection"]);
  });

  test("for itself alone: a proof that a client sends is dropped", async () => {
    await raw(
      `GET /events HTTP/1.1\nHost: evil.example\n${PROOF_HEADER}: ${proof}\nX-Local-Proof: a\nConnection: close`,
    );
    expect(proofOf()).toEqual([]);
  });

  test("for no name but those of loopback", async () => {
    const host = fc.oneof(fc.domain(), fc.ipV4(), fc.webAuthority({ withPort: true, withUserInfo: true }));
    const property = fc.asyncProperty(host, async (name) => {
      arrived = [];
      await raw(`GET /events HTTP/1.1\nHost: ${name}\nConnection: close`);
      expect(proofOf()).toEqual(/^(localhost|127\.0\.0\.1)(:\d+)?$/.test(name) ? [proof] : []);
    });
    await fc.assert(property, { numRuns: 50 });
  });
});

describe("the front hands on", () => {
  test.each([
    ["a whole URL as the path", "GET http://localhost/events HTTP/1.1\nHost: evil.example"],
    ["two Hosts", "GET /events HTTP/1.1\nHost: evil.example\nHost: localhost"],
    ["no Host", "GET /events HTTP/1.1\nX-Host: localhost"],
    ["a tunnel", "CONNECT localhost:5000 HTTP/1.1\nHost: localhost"],
    [
      "both framings of a body",
      "POST /events HTTP/1.1\nHost: localhost\nContent-Length: 1\nTransfer-Encoding: chunked",
    ],
  ])("nothing with %s", async (_name, head) => {
    expect(await raw(`${head}\nConnection: close`)).toMatch(/^(HTTP\/1\.1 400 |$)/);
    expect(arrived).toEqual([]);
  });

  test("the path, the headers and the body as they came", async () => {
    const body = Buffer.from([0, 255, 13, 10, 128]);
    const path = "/events/'?a='&b=%zz&c=%C3%BC&?";
    const lines = ["Host: localhost", "X-Twice: 1", "X-Twice: 2", "X-Latin: \u00fc", "Content-Length: 5"];
    await raw(`PATCH ${path} HTTP/1.1\n${lines.join("\n")}\nConnection: close`, body);
    expect(arrived[0]).toMatchObject({ method: "PATCH", url: path, body });
    const headers = lines.map((line) => Buffer.from(line).toString("latin1").split(": "));
    expect(arrived[0]?.headers).toEqual(expect.arrayContaining(headers));
  });

  test.each([
    ["no body", "POST", "", "", []],
    ["an empty body", "POST", "Content-Length: 0", "", [["Content-Length", "0"]]],
    ["chunks", "POST", "Transfer-Encoding: chunked", "2\r\nab\r\n0\r\n\r\n", [["Transfer-Encoding", "chunked"]]],
    ["a body on GET", "GET", "Content-Length: 2", "ab", [["Content-Length", "2"]]],
  ])("%s as %s", async (_name, method, line, body, framing) => {
    await raw(`${method} / HTTP/1.1\nHost: localhost${line && `\n${line}`}\nConnection: close`, body);
    expect([...valuesOf("content-length"), ...valuesOf("transfer-encoding")]).toEqual(framing);
    expect(arrived[0]?.body.toString()).toBe(body === "" ? "" : "ab");
  });

  test("an answer as it comes, part by part", async () => {
    const parts: string[] = [];
    answer = (_request, response) => {
      response
        .writeHead(207, "As it was", [
          ["X-Twice", "1"],
          ["X-Twice", "2"],
          ["X-Latin", "\u00fc"],
        ])
        .write("one");
      void until("the first part was read", async () => (parts.length > 0 ? true : null)).then(() =>
        response.end("two"),
      );
    };
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect(response.headers.get("x-latin")).toBe("\u00fc");
    for await (const part of response.body ?? []) parts.push(Buffer.from(part as Uint8Array).toString());
    expect({ status: response.status, text: response.statusText, twice: response.headers.get("x-twice") }).toEqual({
      ...{ status: 207, text: "As it was", twice: "1, 2" },
    });
    expect(parts).toEqual(["one", "two"]);
  });

  test("the end of a client, and a lost connection", async () => {
    const left = Promise.withResolvers<void>();
    answer = (request) => request.socket.once("close", () => left.resolve());
    const client = new AbortController();
    const asked = fetch(`http://127.0.0.1:${port}/`, { signal: client.signal });
    await until("it arrived", async () => arrived[0] ?? null);
    client.abort();
    await expect(asked).rejects.toThrow();
    await left.promise;
    answer = (request) => request.socket.destroy();
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
  });

  test("the head of a request whose body does not begin", async () => {
    const began = once(behind, "request");
    const socket = connect(port, "127.0.0.1");
    socket.write("POST /slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n");
    const [request] = (await began) as [IncomingMessage];
    expect(request.url).toBe("/slow");
    socket.destroy();
  });

  test("an answer that comes before the body has ended, and then no more of that body", async () => {
    behind.once("request", (request: IncomingMessage, response: ServerResponse) => {
      request.removeAllListeners("error");
      response.writeHead(413).end("too long");
    });
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    socket.write("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nab");
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 413 /);
  });

  test("a WebSocket, and the refusal of one", async () => {
    const server = new WebSocketServer({ server: behind, path: "/live" });
    server.on("connection", (socket) => socket.on("message", (message) => socket.send(`heard ${message}`)));
    const socket = new WebSocket(`ws://127.0.0.1:${port}/live`);
    await once(socket, "open");
    socket.send("hello");
    expect(String((await once(socket, "message"))[0])).toBe("heard hello");
    socket.close();
    await once(socket, "close");
    const refused = await raw("GET /other HTTP/1.1\nHost: localhost\nConnection: Upgrade\nUpgrade: websocket");
    expect(refused).toMatch(/^HTTP\/1\.1 400 /);
    server.close();
    behind.removeAllListeners("upgrade");
  });

  test("one request, not what follows it, when a client asks for another protocol", async () => {
    const second = `GET /second HTTP/1.1\r\nHost: evil.example\r\n${PROOF_HEADER}: ${proof}\r\n\r\n`;
    await raw("GET /first HTTP/1.1\nHost: localhost\nConnection: Upgrade\nUpgrade: h2c", second);
    expect(arrived.map(({ url }) => url)).toEqual(["/first"]);
    expect(valuesOf("upgrade")).toEqual([]);
  });
});

test("the front says that the Worker is starting, and takes the port with it when it closes", async () => {
  const [other = 0] = await freePorts(1);
  const starting = startFront(other, TOKEN);
  await starting.listening;
  const response = await fetch(`http://127.0.0.1:${other}/health`);
  expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
  await response.text();
  starting.close();
  await expect(fetch(`http://127.0.0.1:${other}/health`)).rejects.toThrow();
});
