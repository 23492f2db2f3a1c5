import { createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { WorkerProcess } from "../../workers/dev/worker-process.ts";
import { getJson, postJson, publish } from "./client.ts";
import { until } from "./until.ts";
import { freePorts, runWorker, temporaryFolder } from "./workers.ts";

/** Endpoints that misbehave on the wire, each in its own way, beside a good one; all at once. */

const CHUNKED = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
const KIB = `400\r\n${"x".repeat(1024)}\r\n`;

type Row = { state: string; attempts: Record<string, unknown>[] };
type Way = { name: string; answer: (socket: Socket) => void; status: number; code: string | null; state: string };

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
    name: "promises more than it sends",
    answer: (s) => s.end("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort"),
    ...{ status: 200, code: "response_incomplete", state: "due" },
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
  { name: "answers 200 without end, fast", answer: flood, status: 200, code: null, state: "delivered" },
  { name: "answers 200 without end, slowly", answer: drip, status: 200, code: "timeout", state: "due" },
  { name: "never answers", answer: () => {}, status: 0, code: "timeout", state: "due" },
];

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
  let url = "";
  let sender: WorkerProcess | undefined;

  beforeAll(async () => {
    const [port = 0, refused = 0] = await freePorts(2);
    url = `http://127.0.0.1:${port}`;
    sender = await runWorker("sender", {
      port,
      stateDir: folder.path,
      vars: { WEBHOOK_URL: "", RETRY_SECONDS: "600" },
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
    const server = createServer((socket) => {
      socket.on("error", () => {});
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
  it.each(cases)("that $name is recorded with its own code", async ({ name, status, code, state }) => {
    const path = `/endpoints/${ids.get(name)}/deliveries`;
    const [row] = await until("the attempt is recorded", async () => {
      const { deliveries } = await getJson<{ deliveries: Row[] }>(`${url}${path}`);
      return deliveries.length > 0 ? deliveries : null;
    });
    expect(row).toMatchObject({ state, attempts: [{ status, code }] });
    const [attempt] = row?.attempts ?? [];
    expect(Number(attempt?.ms)).toBeLessThan(code === "timeout" ? 22_000 : 5000);
    expect(String(attempt?.response ?? "").length).toBeLessThanOrEqual(4096);
  });
});
