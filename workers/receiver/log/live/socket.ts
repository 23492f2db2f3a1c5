import { type EventFilter, filterParameters } from "../../event/filter.ts";
import type { Batch } from "../../event/page.ts";
import type { Inbox } from "../../inbox/inbox.ts";
import { HEAD_HEADER, RELAYED } from "../../inbox/live/protocol.ts";
import { cursorAhead } from "../read.ts";

/**
 * The Worker's end of a socket in the Inbox, which streams and long polls are made of. The Inbox's end is
 * `inbox/live/viewers.ts`, what the two say to each other `inbox/live/protocol.ts`.
 */

/** Answer to a request for more. `closed`: the socket's close code, once nobody is there to answer. */
type LiveAnswer = Batch | { behind: number } | { reset: number } | { closed: number };

/** Parts of a message that no reader gets. */
type Sent = { receipt: string; repeated?: unknown };

/** Close code of a socket that this end closed; the Inbox closes with others. */
export const CLOSED_HERE = 1000;

/** One socket: it asks one thing at a time, and `close` ends a wait. */
export class LiveSocket {
  /** Newest event when the socket was opened. */
  readonly head: number;
  readonly #socket: WebSocket;
  #closed: number | null = null;
  #answer: PromiseWithResolvers<LiveAnswer> | null = null;
  /** Cursor that the upgrade has asked from already. */
  #asked: number | null;
  #receipt: string | null = null;

  /** Opens a socket and asks for what follows `after`, or, null, for nothing yet. @throws Problem `cursor_ahead` */
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
    if (asked !== null) this.#answer = Promise.withResolvers<LiveAnswer>();
    socket.addEventListener("message", ({ data }) => this.#take(String(data)));
    socket.addEventListener("close", ({ code }) => this.#end(code));
    socket.addEventListener("error", () => this.#end(1006));
    socket.accept();
  }

  /** Returns what follows `after`, as soon as there is any. Never rejects. */
  async ask(after: number): Promise<LiveAnswer> {
    if (this.#closed !== null) return { closed: this.#closed };
    if (this.#answer === null || this.#asked !== after) {
      this.#answer = Promise.withResolvers<LiveAnswer>();
      this.#socket.send(JSON.stringify({ more: after, receipt: this.#receipt }));
    }
    const answer = await this.#answer.promise;
    this.#answer = null;
    return answer;
  }

  /** Closes the socket; returns false if it was closed already. */
  close(): boolean {
    if (this.#closed !== null) return false;
    this.#end(CLOSED_HERE);
    this.#socket.close(CLOSED_HERE);
    return true;
  }

  /** Takes the Inbox's answer. Its receipt goes back with the next `ask`, and to nobody else. */
  #take(message: string): void {
    // Pages, streams and polls bring events; a repetition is none.
    const { receipt, repeated: _repeated, ...answer } = JSON.parse(message) as LiveAnswer & Sent;
    this.#receipt = receipt;
    this.#answer?.resolve(answer as LiveAnswer);
  }

  #end(code: number): void {
    this.#closed ??= code;
    this.#answer?.resolve({ closed: this.#closed });
  }
}

/** Returns the Inbox's answer to an upgrade. `after`: asks for what follows it at once; `relayed`: for a Worker. */
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
