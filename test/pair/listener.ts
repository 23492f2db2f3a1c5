import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A plain HTTP server in the receiver's place: knows nothing of webhooks and keeps every request. */

/** One request as it came; `at` in unix milliseconds. */
export type Received = { id: string; headers: IncomingHttpHeaders; body: string; at: number };
/** Answers a request; `nth` counts those with the same `webhook-id`, from 1. */
export type Answer = (response: ServerResponse, request: Received, nth: number) => void;

export class Listener {
  readonly received: Received[] = [];
  answer: Answer = (response) => response.end("thank you");
  #server: Server;
  #waiting: (() => void)[] = [];

  static async open(): Promise<Listener> {
    const listener = new Listener();
    await listener.listen(0);
    return listener;
  }

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => this.#take(request.headers, Buffer.concat(chunks).toString(), response));
    });
  }

  /** The port of the last `listen`, also while the server is closed. */
  port = 0;

  get url(): string {
    return `http://localhost:${this.port}/webhook`;
  }

  async listen(port: number): Promise<void> {
    this.#server.listen(port, "127.0.0.1");
    await once(this.#server, "listening");
    this.port = (this.#server.address() as AddressInfo).port;
  }

  /** Refuses new connections; a request that is being answered goes on. */
  refuse(): void {
    this.#server.close();
    this.#server.closeIdleConnections();
  }

  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /** Resolves to the requests with this `webhook-id`, once there are `count` of them. */
  async requests(id: string, count = 1): Promise<Received[]> {
    for (;;) {
      const found = this.received.filter((request) => request.id === id);
      if (found.length >= count) return found;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #take(headers: IncomingHttpHeaders, body: string, response: ServerResponse): void {
    const request = { id: String(headers["webhook-id"]), headers, body, at: Date.now() };
    this.received.push(request);
    this.answer(response, request, this.received.filter(({ id }) => id === request.id).length);
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
