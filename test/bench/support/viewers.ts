import { get, type IncomingMessage } from "node:http";
import { WebSocket } from "ws";

/**
 * The viewers of a measurement, in a process of their own and as cheap as possible: only the position at the end of
 * each answer is parsed. The parent tells them to `attach` or to leave, and gets a report of what they saw.
 */

export type ViewersCommand =
  | { attach: { url: string; token: string; count: number; mixed: boolean } }
  | { leave: true };
/** `lowest`: the position of the viewer that is furthest behind; `batches`: answers and messages that arrived. */
export type ViewersReport = { viewers: number; lowest: number; batches: number };

const ENDING = /"(?:next|reset)":(\d+)(?:,"end":true)?,"receipt":"(\w+)"/;

type Attached = { position: number; leave: () => void };

let attached: Attached[] = [];
let batches = 0;

process.on("message", async (command: ViewersCommand) => {
  if ("attach" in command) {
    const { count, mixed } = command.attach;
    const kinds = mixed ? [webSocket, eventStream, longPoll] : [webSocket];
    batches = 0;
    attached = await Promise.all(
      Array.from({ length: count }, (_, index) => (kinds[index % kinds.length] ?? webSocket)(command.attach)),
    );
  } else {
    for (const viewer of attached) viewer.leave();
  }
  const positions = attached.map(({ position }) => position);
  const report: ViewersReport = { viewers: attached.length, lowest: Math.min(...positions), batches };
  process.send?.(report);
});
process.on("disconnect", () => process.exit(0));

type Target = { url: string; token: string };

/** Asks for the next batch again and again. */
function webSocket({ url, token }: Target): Promise<Attached> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/events/live`, {
    headers: bearer(token),
    // Cloudflare compresses at its edge; here the measured thread would do it.
    perMessageDeflate: false,
  });
  const viewer = { position: 0, leave: () => socket.terminate() };
  socket.on("message", (data: Buffer) => {
    const text = data.subarray(-80).toString();
    const [, position, receipt] = ENDING.exec(text) ?? fail(data.toString());
    viewer.position = Number(position);
    batches += 1;
    socket.send(`{"more":${position},"receipt":"${receipt}"}`);
  });
  return new Promise((resolve, reject) => {
    socket.on("error", reject);
    // A question beyond the head is answered with the head, where the viewer begins.
    socket.on("open", () => socket.send('{"more":999999999999}'));
    socket.once("message", () => resolve(viewer));
  });
}

async function eventStream({ url, token }: Target): Promise<Attached> {
  let left = false;
  let response = await request(`${url}/events/stream`, token);
  const viewer = {
    position: 0,
    leave: () => {
      left = true;
      response.destroy();
    },
  };
  const read = () => {
    response.on("data", (chunk: Buffer) => {
      batches += 1;
      const id = chunk.lastIndexOf("id: ");
      if (id >= 0) viewer.position = Number.parseInt(chunk.subarray(id + 4, id + 24).toString(), 10);
    });
    response.on("error", () => {});
    response.on("close", async () => {
      if (left) return;
      response = await request(`${url}/events/stream?after=${viewer.position}`, token);
      if (left) response.destroy();
      else read();
    });
  };
  read();
  return viewer;
}

async function longPoll({ url, token }: Target): Promise<Attached> {
  let left = false;
  const { next } = await json(`${url}/events?limit=1`, token).then(({ events }) => ({ next: events[0]?.seq ?? 0 }));
  const viewer = {
    position: next,
    leave: () => {
      left = true;
    },
  };
  void (async () => {
    while (!left) {
      const page = await json(`${url}/events?after=${viewer.position}&limit=100&wait=5`, token).catch(() => null);
      if (page !== null) viewer.position = page.next;
      batches += 1;
    }
  })();
  return viewer;
}

async function json(url: string, token: string): Promise<{ events: { seq: number }[]; next: number }> {
  const response = await request(url, token);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString());
}

function request(url: string, token: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => get(url, { headers: bearer(token) }, resolve).on("error", reject));
}

function bearer(token: string) {
  return { authorization: `Bearer ${token}` };
}

function fail(message: string): never {
  throw new Error(`unexpected message: ${message.slice(0, 200)}`);
}
