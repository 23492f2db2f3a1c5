import { WebSocket } from "ws";

/**
 * The runtime's inspector, asked by the Chrome DevTools protocol: the memory of one isolate, garbage included, as the
 * runtime does not collect on demand.
 */

export type Inspector = { heapBytes(): Promise<number>; close(): void };

/** `backingStorageSize`: array buffers, which stand beside the heap. */
type HeapUsage = { usedSize: number; backingStorageSize?: number };
type Message = { id?: number; result?: unknown; error?: { message: string } };

type Target = { id: string; webSocketDebuggerUrl: string };

/** Attaches to a Worker behind an inspector's port, among those of the runtime's own. */
export async function inspect(port: number, worker: string): Promise<Inspector> {
  const targets = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as Target[];
  const target = targets.find(({ id }) => id === `core:user:${worker}`);
  if (target === undefined) throw new Error(`there is no ${worker} among ${targets.map(({ id }) => id)}`);
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  const waiting = new Map<number, (message: Message) => void>();
  socket.on("message", (data) => {
    const message = JSON.parse(data.toString()) as Message;
    waiting.get(message.id ?? 0)?.(message);
  });
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  let calls = 0;
  const call = async <Result>(method: string): Promise<Result> => {
    const id = ++calls;
    const answered = new Promise<Message>((resolve) => waiting.set(id, resolve));
    socket.send(JSON.stringify({ id, method }));
    const { result, error } = await answered;
    waiting.delete(id);
    if (error !== undefined) throw new Error(`${method} failed: ${error.message}`);
    return result as Result;
  };
  return {
    heapBytes: async () => {
      const { usedSize, backingStorageSize = 0 } = await call<HeapUsage>("Runtime.getHeapUsage");
      return usedSize + backingStorageSize;
    },
    close: () => socket.close(),
  };
}
