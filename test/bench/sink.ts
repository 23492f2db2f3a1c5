import { createServer } from "node:http";

/**
 * The endpoints of a measurement, in a process of their own. `/ok/…` answers at once, `/fail` with 500, `/hang` never.
 * `GET /latencies?path=` answers the milliseconds that each event took to arrive, and forgets them. Prints its port
 * when it listens.
 */

const arrivals = new Map<string, number[]>();

const server = createServer((request, response) => {
  const url = new URL(request.url ?? "/", "http://localhost");
  if (request.method === "GET") {
    const prefix = url.searchParams.get("path") ?? "/";
    const found = [...arrivals].filter(([path]) => path.startsWith(prefix));
    for (const [path] of found) arrivals.delete(path);
    response.end(JSON.stringify(found.flatMap(([, latencies]) => latencies)));
    return;
  }
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const { data } = JSON.parse(Buffer.concat(chunks).toString()) as { data: { sentAt?: number } };
    arrivals.set(url.pathname, [...(arrivals.get(url.pathname) ?? []), Date.now() - (data.sentAt ?? 0)]);
    if (url.pathname === "/hang") return;
    response.statusCode = url.pathname === "/fail" ? 500 : 200;
    response.end("ok");
  });
});

server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(`${typeof address === "object" ? address?.port : ""}\n`);
});
process.on("disconnect", () => process.exit(0));
