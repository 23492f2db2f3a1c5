import { type EventFilter, filterParameters } from "./filter.ts";
import type { Inbox } from "./inbox.ts";
import { HEAD_HEADER } from "./inbox-live.ts";
import type { Batch } from "./inbox-live-plan.ts";

/** What a question is answered with; `closed` once there is nobody to ask any more. */
export type Answer = Batch | { behind: number } | { reset: number } | { closed: number };

/** The Worker's end of a socket in the Inbox: a question at a time, and `close`, which ends a wait. */
export class LiveSocket {
  /** The newest event when the socket was opened. */
  readonly head: number;
  readonly #socket: WebSocket;
  #closed: number | null = null;
  #answer: PromiseWithResolvers<Answer> | null = null;

  static async open(inbox: DurableObjectStub<Inbox>, filter: EventFilter): Promise<LiveSocket> {
    const response = await upgrade(inbox, filter, null);
    const { webSocket, headers } = response;
    if (webSocket === null) throw new Error(`the Inbox answered an upgrade with ${response.status}`);
    return new LiveSocket(webSocket, Number(headers.get(HEAD_HEADER)));
  }

  private constructor(socket: WebSocket, head: number) {
    this.#socket = socket;
    this.head = head;
    socket.addEventListener("message", ({ data }) => this.#settle(JSON.parse(String(data)) as Answer));
    socket.addEventListener("close", ({ code }) => this.#end(code));
    socket.addEventListener("error", () => this.#end(1006));
    socket.accept();
  }

  /** What follows `after`, as soon as there is any; never rejects. */
  ask(after: number): Promise<Answer> {
    if (this.#closed !== null) return Promise.resolve({ closed: this.#closed });
    this.#answer = Promise.withResolvers<Answer>();
    this.#socket.send(JSON.stringify({ more: after }));
    return this.#answer.promise;
  }

  close(): void {
    if (this.#closed !== null) return;
    this.#end(1000);
    this.#socket.close(1000);
  }

  #end(code: number): void {
    this.#closed ??= code;
    this.#settle({ closed: this.#closed });
  }

  #settle(answer: Answer): void {
    this.#answer?.resolve(answer);
    this.#answer = null;
  }
}

/** The Inbox's answer to an upgrade; `after`, when given, is the first question. */
export function upgrade(inbox: DurableObjectStub<Inbox>, filter: EventFilter, after: number | null): Promise<Response> {
  const query = new URLSearchParams(filterParameters(filter));
  if (after !== null) query.set("after", String(after));
  return inbox.fetch(`http://inbox/live?${query}`, { headers: { upgrade: "websocket" } });
}
