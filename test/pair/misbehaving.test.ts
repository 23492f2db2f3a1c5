import { createServer, type Server, type Socket } from "node:net";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { WorkerProcess } from "../../workers/dev/worker-process.ts";
import { getJson, postJson, publish } from "./client.ts";
import { until } from "./until.ts";
import { freePorts, runWorker, temporaryFolder } from "./workers.ts";

/** Endpoints that misbehave on the wire, each in its own way, beside a good one; all at once. */

const CHUNKED = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
const KIB = `400\r\n${"x".repeat(1024)}\r\n`;

type Row = { state: string; attempts: Record<string, unknown>[] };
type Way = {
  name: string;
  answer: (socket: Socket) => void;
  status: number;
  code: string | null;
  state: string;
  response?: string;
};

const ways: Way[] = [
  {
    name: "answers",
    answer: (s) => s.end("HTTP/1.1 204 No Content\r\n\r\n"),
    status: 204,
    code: null,
    state: "delivered",
  },
  {
    name: "resets the connection",
    answer: (s) => s.resetAndDestroy(),
    status: 0,
    code: "connection_failed",
    state: "due",
  },
  { name: "closes without a word", answer: (s) => s.end(), status: 0, code: "connection_failed", state: "due" },
  {
    name: "speaks no HTTP",
    answer: (s) => s.end("220 smtp.example ESMTP\r\n"),
    status: 0,
    code: "connection_failed",
    state: "due",
  },
  {
    name: "fails and promises more than it sends",
    answer: (s) => s.end("HTTP/1.1 500 No\r\ncontent-length: 100\r\n\r\nshort"),
    ...{ status: 500, code: "response_incomplete", state: "due", response: "short" },
  },
  {
    name: "fails and never ends its reason",
    answer: (s) => void s.write("HTTP/1.1 503 No\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbusy\r\n"),
    ...{ status: 503, code: "timeout", state: "due", response: "busy" },
  },
  {
    name: "is gone for good and breaks off while it says so",
    answer: (s) => s.end("HTTP/1.1 410 Gone\r\ncontent-length: 100\r\n\r\ngone"),
    ...{ status: 410, code: "response_incomplete", state: "due", response: "gone" },
  },
  {
    name: "redirects",
    answer: (s) => s.end("HTTP/1.1 307 Temporary Redirect\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"),
    ...{ status: 307, code: null, state: "due" },
  },
  {
    name: "answers 500 and a long reason",
    answer: (s) => s.end(`HTTP/1.1 500 No\r\ncontent-length: 10000\r\n\r\n${"é".repeat(5000)}`),
    ...{ status: 500, code: null, state: "due" },
  },
  ...taken(200, {
    "and a short length": (s) => s.end("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort"),
    "and a length, and stays open": (s) => void s.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort"),
    "and a length, and resets": (s) => {
      s.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort");
      setTimeout(() => s.resetAndDestroy(), 20);
    },
    "and an empty gzip": (s) => s.end(encoded("gzip", Buffer.alloc(0))),
    "and a cut gzip": (s) => s.end(encoded("gzip", gzipSync("x".repeat(10_000)).subarray(0, 20))),
    "and a gzip that is none": (s) => s.end(encoded("gzip", Buffer.from("plain text"))),
    "and a cut brotli": (s) => s.end(encoded("br", brotliCompressSync("x".repeat(10_000)).subarray(0, 4))),
    "and chunks without their end": (s) => s.end(`${CHUNKED}4\r\nopen\r\n`),
    "and a chunk that is none": (s) => s.end(`${CHUNKED}zz\r\nno\r\n`),
    "and never a byte of a body": (s) => void s.write(CHUNKED),
    "without end, fast": flood,
    "without end, slowly": drip,
  }),
  { name: "never answers", answer: () => {}, status: 0, code: "timeout", state: "due" },
];

/** The ways to answer a 2xx and then to misbehave: the event is taken, and is never sent again. */
function taken(status: number, answers: Record<string, Way["answer"]>): Way[] {
  const entries = Object.entries(answers);
  return entries.map(([how, answer]) => ({
    name: `answers ${status} ${how}`,
    ...{ answer, status, code: null, state: "delivered" },
  }));
}

function encoded(coding: string, body: Buffer): Buffer {
  const head = `HTTP/1.1 200 OK\r\ncontent-encoding: ${coding}\r\ncontent-length: ${body.byteLength}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

/** Sends far more than anyone should read; stops when the connection closes. */
function flood(socket: Socket): void {
  socket.write(CHUNKED);
  const write = () => {
    while (socket.writable && socket.write(KIB.repeat(64)));
  };
  socket.on("drain", write);
  write();
}

function drip(socket: Socket): void {
  socket.write(CHUNKED);
  const timer = setInterval(() => socket.write("1\r\nx\r\n"), 200);
  socket.on("close", () => clearInterval(timer));
}

describe("an endpoint that misbehaves", () => {
  const folder = temporaryFolder();
  const servers: Server[] = [];
  const ids = new Map<string, string>();
  const printed: string[] = [];
  /** The connections that each way has open. */
  const sockets = new Map<Way["answer"], Set<Socket>>();
  let url = "";
  let sender: WorkerProcess | undefined;

  beforeAll(async () => {
    const [port = 0, refused = 0] = await freePorts(2);
    url = `http://127.0.0.1:${port}`;
    sender = await runWorker("sender", {
      port,
      stateDir: folder.path,
      vars: { WEBHOOK_URL: "", RETRY_SECONDS: "600" },
      print: (line) => printed.push(line),
    });
    for (const way of ways) ids.set(way.name, await endpointAt(await listen(way.answer)));
    ids.set("refuses connections", await endpointAt(`http://127.0.0.1:${refused}/`));
    ids.set("speaks no TLS", await endpointAt((await listen((s) => s.end("no"))).replace("http:", "https:")));
    await publish(url, { id: "order_1", type: "order.paid", data: 1 });
  });

  afterAll(async () => {
    await sender?.stop();
    for (const server of servers) server.close();
    folder.remove();
  });

  async function listen(answer: Way["answer"]): Promise<string> {
    const open = new Set<Socket>();
    sockets.set(answer, open);
    const server = createServer((socket) => {
      open.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => open.delete(socket));
      socket.once("data", () => answer(socket));
    });
    servers.push(server);
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const address = server.address();
    return `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/`;
  }

  async function endpointAt(target: string): Promise<string> {
    const response = await postJson(`${url}/endpoints`, JSON.stringify({ url: target }));
    return ((await response.json()) as { id: string }).id;
  }

  const cases = [
    ...ways,
    { name: "refuses connections", status: 0, code: "connection_failed", state: "due" },
    { name: "speaks no TLS", status: 0, code: "request_failed", state: "due" },
  ];
  it.each(cases)("that $name is recorded with its own code", async ({ name, status, code, state, ...way }) => {
    const path = `/endpoints/${ids.get(name)}/deliveries`;
    const [row] = await until("the attempt is recorded", async () => {
      const { deliveries } = await getJson<{ deliveries: Row[] }>(`${url}${path}`);
      return deliveries.length > 0 ? deliveries : null;
    });
    expect(row).toMatchObject({ state, attempts: [{ status, code }] });
    const [attempt] = row?.attempts ?? [];
    expect(Number(attempt?.ms)).toBeLessThan(code === "timeout" ? 22_000 : 5000);
    expect(String(attempt?.response ?? "").length).toBeLessThanOrEqual(4096);
    if ("response" in way) expect(attempt?.response).toBe(way.response);
  });

  it("leaves no connection open of those that answered 2xx", async () => {
    const answered = ways.filter(({ status }) => status < 300 && status > 0);
    await until("the connections are closed", async () => {
      const open = answered.filter(({ answer }) => sockets.get(answer)?.size !== 0);
      return open.length === 0 ? true : null;
    });
  });

  it("is no burden: fifty events to one that leaves each 200 open are delivered at once", async () => {
    const seen: Socket[] = [];
    const answer = (s: Socket) => {
      seen.push(s);
      s.write(`${CHUNKED}4\r\nopen\r\n`);
    };
    const id = await endpointAt(await listen(answer));
    const events = Array.from({ length: 50 }, (_, n) => ({ type: "order.paid", data: n }));
    const start = Date.now();
    await postJson(`${url}/events`, JSON.stringify(events));
    await until("all are delivered", async () => {
      const { deliveries } = await getJson<{ deliveries: Row[] }>(`${url}/endpoints/${id}/deliveries?limit=200`);
      return deliveries.filter(({ state }) => state === "delivered").length === 50 ? true : null;
    });
    expect(Date.now() - start).toBeLessThan(15_000);
    expect(seen).toHaveLength(50);
    await until("the connections are closed", async () => (sockets.get(answer)?.size === 0 ? true : null));
  });

  it("makes the runtime complain of nothing", () => {
    expect(printed.filter((line) => /uncaught|exception|warning|hung|cancell?ed/i.test(line))).toEqual([]);
  });
});
