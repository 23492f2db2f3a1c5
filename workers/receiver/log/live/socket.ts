import { Problem } from "../../../../shared/http/problem.ts";
import { type EventFilter, filterParameters } from "../../event/filter.ts";
import type { Batch } from "../../event/page.ts";
import type { Inbox } from "../../inbox/inbox.ts";
import { HEAD_HEADER, RELAYED } from "../../inbox/live/protocol.ts";

/** What a question is answered with; `closed` once there is nobody to ask any more. */
export type Answer = Batch | { behind: number } | { reset: number } | { closed: number };

/** The code of a socket that this end has closed; the Inbox has others for its reasons. */
export const CLOSED_HERE = 1000;

/** The Worker's end of a socket in the Inbox: a question at a time, and `close`, which ends a wait. */
export class LiveSocket {
  /** The newest event when the socket was opened. */
  readonly head: number;
  readonly #socket: WebSocket;
  #closed: number | null = null;
  #answer: PromiseWithResolvers<Answer> | null = null;
  /** The question that the upgrade has asked already. */
  #asked: number | null;
  #receipt: string | null = null;

  /** Asks for what follows `after` at once; null: for nothing yet. @throws Problem `cursor_ahead` */
  static async open(inbox: DurableObjectStub<Inbox>, filter: EventFilter, after: number | null): Promise<LiveSocket> {
    const { webSocket, status, headers } = await upgrade(inbox, filter, { after, relayed: true });
    if (webSocket === null) throw new Error(`the Inbox answered an upgrade with ${status}`);
    const socket = new LiveSocket(webSocket, Number(headers.get(HEAD_HEADER)), after);
    if (after === null || after <= socket.head) return socket;
    socket.close();
    throw cursorAhead(socket.head);
  }

  private constructor(socket: WebSocket, head: number, asked: number | null) {
    this.#socket = socket;
    this.head = head;
    this.#asked = asked;
    if (asked !== null) this.#answer = Promise.withResolvers<Answer>();
    socket.addEventListener("message", ({ data }) => this.#take(String(data)));
    socket.addEventListener("close", ({ code }) => this.#end(code));
    socket.addEventListener("error", () => this.#end(1006));
    socket.accept();
  }

  /** What follows `after`, as soon as there is any; never rejects. */
  async ask(after: number): Promise<Answer> {
    if (this.#closed !== null) return { closed: this.#closed };
    if (this.#answer === null || this.#asked !== after) {
      this.#answer = Promise.withResolvers<Answer>();
      this.#socket.send(JSON.stringify({ more: after, receipt: this.#receipt }));
    }
    const answer = await this.#answer.promise;
    this.#answer = null;
    return answer;
  }

  /** False when it was closed already. */
  close(): boolean {
    if (this.#closed !== null) return false;
    this.#end(CLOSED_HERE);
    this.#socket.close(CLOSED_HERE);
    return true;
  }

  /** The receipt is between the two ends: what is passed on has none. */
  #take(message: string): void {
    const { receipt, ...answer } = JSON.parse(message) as Answer & { receipt: string };
    this.#receipt = receipt;
    this.#answer?.resolve(answer as Answer);
  }

  #end(code: number): void {
    this.#closed ??= code;
    this.#answer?.resolve({ closed: this.#closed });
  }
}

export function cursorAhead(head: number): Problem {
  return new Problem("cursor_ahead", `The newest event is ${head}.`, { extra: { head } });
}

/** The Inbox's answer to an upgrade; `after`, when given, is the first question. */
export function upgrade(
  inbox: DurableObjectStub<Inbox>,
  filter: EventFilter,
  { after, relayed }: { after: number | null; relayed: boolean },
): Promise<Response> {
  const query = new URLSearchParams(filterParameters(filter));
  if (after !== null) query.set("after", String(after));
  if (relayed) query.set(RELAYED, "");
  return inbox.fetch(`http://inbox/live?${query}`, { headers: { upgrade: "websocket" } });
}
