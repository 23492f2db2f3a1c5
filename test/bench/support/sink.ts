import { createServer, type IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * The endpoints of a measurement, in a process of their own. `/ok/…` answers at once, `/wait/<ms>/…` after a while,
 * `/fail` with 500, `/hang` never. `GET /arrivals?path=` answers the `Arrival`s below a path, and forgets them. Prints
 * its port when it listens.
 */

/** `at` in unix milliseconds; `ms`: from when the event was sent, as its data says. */
export type Arrival = { id: string; at: number; ms: number };

const arrivals = new Map<string, Arrival[]>();
const WAIT = /^\/wait\/(\d+)/;

const server = createServer(async (request, response) => {
  const url = new URL(request.url ?? "/", "http://localhost");
  if (request.method === "GET") {
    response.end(JSON.stringify(take(url.searchParams.get("path") ?? "/")));
    return;
  }
  await record(request, url.pathname);
  if (url.pathname === "/hang") return;
  const [, wait] = WAIT.exec(url.pathname) ?? [];
  if (wait !== undefined) await sleep(Number(wait));
  response.statusCode = url.pathname === "/fail" ? 500 : 200;
  response.end("ok");
});

async function record(request: IncomingMessage, path: string): Promise<void> {
  const chunks: Buffer[] = [];
  const at = Date.now();
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { data } = JSON.parse(Buffer.concat(chunks).toString()) as { data?: { sentAt?: number } };
  const known = arrivals.get(path);
  const arrival = { id: String(request.headers["webhook-id"]), at, ms: at - (data?.sentAt ?? 0) };
  if (known === undefined) arrivals.set(path, [arrival]);
  else known.push(arrival);
}

function take(prefix: string): Arrival[] {
  const found = [...arrivals].filter(([path]) => path.startsWith(prefix));
  for (const [path] of found) arrivals.delete(path);
  return found.flatMap(([, each]) => each);
}

server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(`${typeof address === "object" ? address?.port : ""}\n`);
});
process.on("disconnect", () => process.exit(0));
