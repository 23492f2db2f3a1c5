import { expect } from "vitest";
import type { Page } from "../../../workers/receiver/event/page.ts";
import { get, inInbox } from "./harness.ts";
import { type Message, Stream, seqsOf, Viewer } from "./live-harness.ts";

/** Clients that follow the log to its end and come back with their cursor whenever they are cut off. */

/** Asks one question: some events, and the cursor to ask with next. Rejects when the client was cut off. */
type Brought = { seqs: number[]; next: number };
type Client = { ask(after: number): Promise<Brought>; leave(): Promise<void> };

const DEADLINE_MS = 10_000;

const broughtBy = ({ events, next }: Page | Message): Brought => {
  if (events === undefined || next === undefined || next === null) throw new Error("no batch and no page");
  return { seqs: seqsOf(events), next };
};

/** A WebSocket: it pages up to where the tails begin, and then asks the socket. */
class SocketClient implements Client {
  #viewer: Viewer | null = null;

  async ask(after: number): Promise<Brought> {
    const isNew = this.#viewer === null;
    this.#viewer ??= await Viewer.open(`?after=${after}`);
    const viewer = this.#viewer;
    if (!isNew) viewer.send(JSON.stringify({ more: after }));
    const message = await Promise.race([viewer.next(), viewer.closed.then(() => null)]);
    if (message === null) {
      this.#viewer = null;
      throw new Error("the socket was closed");
    }
    return broughtBy(message.behind === undefined ? message : await get<Page>(`/events?after=${after}`));
  }

  async leave(): Promise<void> {
    await this.#viewer?.leave();
  }
}

/** An EventSource: it knows its place by the last id. */
class StreamClient implements Client {
  #stream: Stream | null = null;

  async ask(after: number): Promise<Brought> {
    this.#stream ??= await Stream.open("?after=0", { "last-event-id": String(after) });
    const message = await this.#stream.next().catch(() => null);
    if (message === null || message.event !== "message") {
      this.#stream = null;
      throw new Error(`the stream ended: ${message?.data}`);
    }
    const next = Number(message.id);
    return { seqs: message.data === null ? [] : [JSON.parse(message.data).seq], next };
  }

  async leave(): Promise<void> {
    await this.#stream?.leave();
  }
}

const pollClient: Client = {
  ask: async (after) => broughtBy(await get<Page>(`/events?after=${after}&wait=30`)),
  leave: async () => {},
};

/** Returns one client of each kind. */
export const clients = (): Client[] => [new SocketClient(), new StreamClient(), pollClient];

/** Follows the log from its beginning to the event `last`, in the background. */
export class Follower {
  readonly seqs: number[] = [];
  cursor = 0;
  readonly #client: Client;
  #last: number;
  #end: Promise<void> | null = null;

  constructor(client: Client, last: number) {
    this.#client = client;
    this.#last = last;
  }

  get isUnderWay(): boolean {
    return this.#end !== null && this.cursor < this.#last;
  }

  begin(): void {
    this.#end ??= this.#follow();
  }

  /** Resolves once it has all, or has given up. */
  async end(): Promise<void> {
    await this.#end;
  }

  stop(): void {
    this.#last = 0;
  }

  async #follow(): Promise<void> {
    while (this.cursor < this.#last) {
      const brought = await this.#client.ask(this.cursor).catch(() => null);
      if (brought === null) {
        // A client that came back at once, again and again, would leave an Inbox in trouble no time for anything else.
        await pause();
        continue;
      }
      expect(brought.next, "a cursor never goes back").toBeGreaterThanOrEqual(this.cursor);
      this.seqs.push(...brought.seqs);
      this.cursor = brought.next;
    }
    await this.#client.leave();
  }
}

/** Waits until all followers have everything up to `head`, and wait for more. */
export async function haveCaughtUp(followers: readonly Follower[], head: number): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    const following = followers.filter(({ isUnderWay }) => isUnderWay);
    const positions = following.map(({ cursor }) => cursor);
    if (following.length === 0) return;
    if (Math.min(...positions) >= head && isDeepEqual(await waitingAt(), positions)) return;
    if (performance.now() > deadline) throw new Error(`the followers came to ${positions} of ${head}`);
    await pause();
  }
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 2));

/** Returns the positions at which sockets of the Inbox wait for more. */
function waitingAt(): Promise<number[]> {
  return inInbox((_instance, state) =>
    state
      .getWebSockets()
      .filter(({ readyState }) => readyState === WebSocket.OPEN)
      .map((socket) => socket.deserializeAttachment() as { wants: boolean; after: number })
      .filter(({ wants }) => wants)
      .map(({ after }) => after),
  ).catch(() => []);
}

function isDeepEqual(some: readonly number[], others: readonly number[]): boolean {
  return some.length === others.length && some.every((value, index) => value === others[index]);
}
