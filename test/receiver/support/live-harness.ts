import { evictDurableObject } from "cloudflare:test";
import { expect } from "vitest";
import type { RepeatedEvent } from "../../../workers/receiver/event/page.ts";
import type { EventSummary } from "../../../workers/receiver/event/record.ts";
import { call, inbox, inInbox } from "./harness.ts";

/** Clients of the live faces, each as a stranger would write it. */

export type Message = {
  events?: EventSummary[];
  repeated?: RepeatedEvent[];
  rejected?: number;
  next?: number;
  end?: true;
  behind?: number;
  reset?: number;
};

/** Returns the seqs of events, as they came. */
export const seqsOf = (events: readonly { seq: number }[]) => events.map(({ seq }) => seq);

const open: { leave(): unknown }[] = [];

/** Ends everything that the clients of a test have left open. */
export async function leaveAll(): Promise<void> {
  await Promise.all(open.splice(0).map((client) => client.leave()));
  await untilSockets(0);
}

/** Ends everything that a response has opened, for a client that only looks at its status. */
export async function discard(response: Response): Promise<void> {
  response.webSocket?.accept();
  response.webSocket?.close(1000);
  await response.body?.cancel();
}

/** A WebSocket client: `next` is the next message, in order, whenever it came; its receipt goes with the next `put`. */
export class Viewer {
  readonly #socket: WebSocket;
  readonly #messages: string[] = [];
  #waiting: ((message: string | null) => void) | null = null;
  #receipt: string | null = null;
  readonly closed: Promise<{ code: number; reason: string }>;

  static async open(query = "", headers: Record<string, string> = {}): Promise<Viewer> {
    const response = await call(`/events/live${query}`, { headers: { upgrade: "websocket", ...headers } });
    if (response.webSocket === null) throw new Error(`${response.status} ${await response.text()}`);
    return new Viewer(response.webSocket);
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      if (this.#waiting === null) this.#messages.push(String(data));
      else this.#waiting(String(data));
      this.#waiting = null;
    });
    this.closed = new Promise((resolve) => {
      socket.addEventListener("close", ({ code, reason }) => resolve({ code, reason }));
    });
    socket.accept();
    open.push(this);
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  send(text: string | ArrayBuffer): void {
    this.#socket.send(text);
  }

  /** Returns the next message as it was sent, or null when none comes within `ms`. */
  async text(ms = 5000): Promise<string | null> {
    const message = this.#messages.shift() ?? (await this.#coming(ms));
    this.#receipt = /"receipt":"(\w+)"}$/.exec(message ?? "")?.[1] ?? this.#receipt;
    return message;
  }

  #coming(ms: number): Promise<string | null> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting = null;
        resolve(null);
      }, ms);
      this.#waiting = (text) => {
        clearTimeout(timer);
        resolve(text);
      };
    });
  }

  async next(): Promise<Message> {
    const text = await this.text();
    if (text === null) throw new Error("no message came");
    const { receipt, ...message } = JSON.parse(text) as Message & { receipt: string };
    expect(receipt).toMatch(/^[0-9a-f]{16}$/);
    return message;
  }

  /** Asks, with the receipt of the last answer. */
  put(more: number): void {
    this.send(JSON.stringify({ more, receipt: this.#receipt }));
  }

  ask(more: number): Promise<Message> {
    this.put(more);
    return this.next();
  }

  async leave(): Promise<void> {
    this.#socket.close(1000);
    await this.closed;
  }
}

/** One message of an event stream, as the HTML Standard's parser would dispatch it; data null: an id alone. */
export type StreamMessage = { id: string | null; event: string; data: string | null };

/** An EventSource's parser over a response's body; comments and `retry` are kept to be looked at. */
export class Stream {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly comments: string[] = [];
  readonly retries: number[] = [];
  #text = "";

  static async open(query = "", headers: Record<string, string> = {}): Promise<Stream> {
    const response = await call(`/events/stream${query}`, { headers });
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    return new Stream(response.body);
  }

  constructor(body: ReadableStream | null) {
    if (body === null) throw new Error("a stream has a body");
    this.#reader = (body as ReadableStream<Uint8Array>).getReader();
    open.push(this);
  }

  /** Returns the next message, or null at the end. */
  async next(): Promise<StreamMessage | null> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end >= 0) {
        const block = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        const message = this.#parse(block);
        if (message !== null) return message;
        continue;
      }
      const { done, value } = await this.#reader.read();
      if (done) return null;
      this.#text += new TextDecoder().decode(value, { stream: true });
    }
  }

  async events(count: number): Promise<EventSummary[]> {
    const events: EventSummary[] = [];
    while (events.length < count) {
      const message = await this.next();
      if (message === null) return events;
      if (message.data !== null) events.push(JSON.parse(message.data) as EventSummary);
    }
    return events;
  }

  /** Leaves, as a client does that closes its connection. */
  leave(): Promise<void> {
    return this.#reader.cancel();
  }

  #parse(block: string): StreamMessage | null {
    const message: StreamMessage = { id: null, event: "message", data: null };
    for (const line of block.split("\n")) {
      const [field, value] = line.split(/: ?(.*)/s) as [string, string | undefined];
      if (field === "") this.comments.push(value ?? "");
      if (field === "retry") this.retries.push(Number(value));
      if (field === "id") message.id = value ?? "";
      if (field === "event") message.event = value ?? "";
      if (field === "data") message.data = (message.data === null ? "" : `${message.data}\n`) + (value ?? "");
    }
    return message.id === null && message.data === null ? null : message;
  }
}

/** Counts the sockets that the Inbox holds open. */
export function openSockets(): Promise<number> {
  return inInbox((_instance, state) => {
    return state.getWebSockets().filter(({ readyState }) => readyState === WebSocket.OPEN).length;
  });
}

/** Resolves once the Inbox holds `count` sockets. */
export async function untilSockets(count: number): Promise<void> {
  const deadline = performance.now() + 5000;
  while ((await openSockets()) !== count) {
    if (performance.now() > deadline) throw new Error(`${await openSockets()} sockets are open, not ${count}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Sooner than anything that an object could hold for a viewer ends by itself. */
const IDLE_MS = 5000;

/** Evicts the Inbox, which takes as long as any request or timer of the object: here there must be none. */
export async function evictIdle(): Promise<void> {
  const began = performance.now();
  await evictDurableObject(inbox());
  expect(performance.now() - began).toBeLessThan(IDLE_MS);
}
