import { Agent, type IncomingMessage, request, type Server } from "node:http";
import type { Socket } from "node:net";

/** Counts the traffic at one consumer's sockets. */

/**
 * The counts. Bytes are those of all TCP payloads: request lines, headers, chunk sizes and bodies. `brought` counts
 * events by the message that they came in.
 */
export type Traffic = {
  opened: number;
  accepted: number;
  requests: number;
  bytesIn: number;
  bytesOut: number;
  brought: Record<Carrier, number>;
};

/** `open answer`: one that has brought its first event and has not ended. */
export type Carrier = "answer" | "open answer" | "request";

/** One consumer's connections, kept alive as clients do: those that it opens and those that it accepts. */
export class Wire {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #opened = new Set<Socket>();
  readonly #accepted = new Set<Socket>();
  readonly #carriers = new Map<IncomingMessage, Carrier>();
  readonly #brought = { answer: 0, "open answer": 0, request: 0 };
  readonly #headers: Record<string, string>;
  #requests = 0;
  #spared = 0;

  /** @param headers sent with every request */
  constructor(headers: Record<string, string> = {}) {
    this.#headers = headers;
  }

  get traffic(): Traffic {
    const sockets = [...this.#opened, ...this.#accepted];
    return {
      ...{ opened: this.#opened.size, accepted: this.#accepted.size, requests: this.#requests },
      bytesIn: sockets.reduce((sum, { bytesRead }) => sum + bytesRead, this.#spared),
      bytesOut: sockets.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0),
      brought: { ...this.#brought },
    };
  }

  /** Counts the connections and requests that a server takes. */
  watch(server: Server): void {
    server.on("connection", (socket) => this.#accepted.add(socket));
    server.on("request", () => this.#requests++);
  }

  /** Counts an event by the message that it came in. */
  brought(message: IncomingMessage): void {
    const carrier = this.#carriers.get(message) ?? carrierOf(message);
    this.#carriers.set(message, carrier);
    this.#brought[carrier]++;
  }

  /** Counts bytes that would have come in real time. */
  spared(bytes: number): void {
    this.#spared += bytes;
  }

  /** Resolves with the answer's head. @throws Error when it is not 200 */
  get(url: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
    this.#requests++;
    return new Promise((resolve, reject) => {
      const sent = request(url, { agent: this.#agent, headers: { ...this.#headers, ...headers } });
      sent.on("socket", (socket) => this.#opened.add(socket));
      sent.on("error", reject);
      sent.on("response", (response) => {
        if (response.statusCode === 200) return resolve(response);
        response.resume();
        reject(new Error(`GET ${url} answered ${response.statusCode}`));
      });
      sent.end();
    });
  }

  /** Ends all connections. */
  close(): void {
    this.#agent.destroy();
    for (const socket of [...this.#opened, ...this.#accepted]) socket.destroy();
  }
}

/** Tells requests from answers: a request has a method, an answer has none. */
function carrierOf({ method, complete }: IncomingMessage): Carrier {
  if (typeof method === "string") return "request";
  return complete ? "answer" : "open answer";
}
