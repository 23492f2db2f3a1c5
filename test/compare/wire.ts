import { Agent, type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";

/** One consumer's connections, kept alive as clients do, and what goes over them in both directions. */
export class Wire {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #sockets = new Set<Socket>();
  readonly #headers: Record<string, string>;

  /** @param headers sent with every request */
  constructor(headers: Record<string, string> = {}) {
    this.#headers = headers;
  }

  /** Counts a connection that the other side opened. */
  add(socket: Socket): void {
    this.#sockets.add(socket);
  }

  /** Bytes of all TCP payloads so far: request lines, headers, chunk sizes and bodies. */
  get bytes(): number {
    return [...this.#sockets].reduce((sum, { bytesRead, bytesWritten }) => sum + bytesRead + bytesWritten, 0);
  }

  /** Resolves with the answer's head. @throws Error when it is not 200 */
  get(url: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const sent = request(url, { agent: this.#agent, headers: { ...this.#headers, ...headers } });
      sent.on("socket", (socket) => this.add(socket));
      sent.on("error", reject);
      sent.on("response", (response) => {
        if (response.statusCode === 200) return resolve(response);
        response.resume();
        reject(new Error(`GET ${url} answered ${response.statusCode}`));
      });
      sent.end();
    });
  }

  /** Ends whatever is under way. */
  close(): void {
    this.#agent.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }
}
