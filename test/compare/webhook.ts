import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { Consumer, Seen } from "./consumers.ts";
import type { Wire } from "./wire.ts";

/** Starts a server that the sender calls, and that does nothing otherwise. `register` tells the sender its URL. */
export async function webhook(
  wire: Wire,
  seen: Seen,
  register: (url: string) => Promise<() => Promise<void>>,
): Promise<Consumer> {
  const known = new Set<string>();
  let empty = 0;
  const server = createServer(async (request, response) => {
    await text(request);
    const now = performance.now();
    response.end();
    const id = String(request.headers["webhook-id"]);
    if (known.has(id)) empty++;
    else seen(id, request, (since) => now - since);
    known.add(id);
  });
  wire.watch(server);
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const remove = await register(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const run = async (signal: AbortSignal) => {
    if (!signal.aborted) await once(signal, "abort");
    await remove();
    server.close();
    server.closeAllConnections();
  };
  return { run, empty: () => empty };
}
