import { logEvent } from "../../shared/telemetry.ts";
import { readFilter } from "./filter.ts";
import {
  batchMessage,
  CLOSE,
  isAnswer,
  isDeaf,
  isDue,
  Patience,
  parseQuestion,
  question,
  roundDelay,
  type Viewer,
} from "./inbox-live-plan.ts";
import { extentOf, readBatch } from "./inbox-live-read.ts";
import type { View } from "./inbox-look.ts";

/** The head of the log when the socket was opened, on the answer to the upgrade. */
export const HEAD_HEADER = "inbox-head";

/** The query parameter of a Worker that passes on what it is told. */
export const RELAYED = "relayed";

/** What is in memory of a socket: the key is its filter's text, by which viewers share what is read. */
type Seat = { viewer: Viewer; key: string; patience: Patience };

/**
 * The sockets of one Inbox, which hibernates while they are open: what must survive is each socket's
 * attachment, written with every answer and every wait that begins. While nothing arrives there is no timer.
 */
export class LiveViewers {
  readonly #ctx: DurableObjectState;
  readonly #view: () => View;
  readonly #seats = new Map<WebSocket, Seat>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #lastRound = Number.NEGATIVE_INFINITY;

  /** `view` must answer at once and from what is committed. */
  constructor(ctx: DurableObjectState, view: () => View) {
    this.#ctx = ctx;
    this.#view = view;
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
    for (const socket of ctx.getWebSockets()) {
      // A closing socket is still in that list.
      if (socket.readyState === WebSocket.OPEN) this.#seat(socket, socket.deserializeAttachment() as Viewer);
    }
  }

  get size(): number {
    return this.#seats.size;
  }

  /** Answers an upgrade that the Worker has authenticated; its query is a filter and, as a first question, `after`. */
  open(request: Request): Response {
    const { searchParams } = new URL(request.url);
    const { 0: client, 1: server } = new WebSocketPair();
    this.#ctx.acceptWebSocket(server);
    const { head } = extentOf(this.#view());
    const filter = readFilter(searchParams);
    const relayed = searchParams.has(RELAYED);
    const seat = this.#seat(server, { filter, relayed, asked: null, after: head, wants: false, sentAt: Date.now() });
    const after = searchParams.get("after");
    if (after === null) server.serializeAttachment(seat.viewer);
    else this.#ask(server, seat, Number(after));
    return new Response(null, { status: 101, webSocket: client, headers: { [HEAD_HEADER]: String(head) } });
  }

  message(socket: WebSocket, message: string | ArrayBuffer): void {
    const seat = this.#seats.get(socket);
    if (seat === undefined) return;
    const more = parseQuestion(message);
    if (more === null) this.#close(socket, CLOSE.malformed);
    else if (!seat.patience.bears(Date.now())) this.#close(socket, CLOSE.flood);
    else this.#ask(socket, seat, more);
  }

  closed(socket: WebSocket): void {
    this.#seats.delete(socket);
  }

  /** After a commit that may have brought events. */
  notify(): void {
    if (this.#seats.size > 0) this.#schedule();
  }

  #ask(socket: WebSocket, seat: Seat, more: number): void {
    const extent = extentOf(this.#view());
    const { viewer, answer } = question(seat.viewer, more, extent, Date.now());
    if (viewer === seat.viewer) return;
    this.#keep(socket, seat, viewer);
    if (answer !== null) this.#send(socket, JSON.stringify(answer));
    else if (isDue(viewer, extent)) this.#schedule();
  }

  #schedule(): void {
    if (this.#timer !== null) return;
    const viewers = this.#seats.values().map(({ viewer }) => viewer);
    this.#timer = setTimeout(() => this.#round(), roundDelay(viewers, this.#lastRound, Date.now()));
  }

  /** One batch for each viewer that wants one; those at one position with one filter share it. */
  #round(): void {
    this.#timer = null;
    this.#lastRound = Date.now();
    const view = this.#view();
    const extent = extentOf(view);
    const groups = new Map<string, [WebSocket, Seat][]>();
    for (const [socket, seat] of this.#seats) {
      if (isDeaf(seat.viewer, extent, this.#lastRound)) this.#close(socket, CLOSE.deaf);
      if (!isDue(seat.viewer, extent)) continue;
      const key = `${seat.viewer.after} ${seat.key}`;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [[socket, seat]]);
      else group.push([socket, seat]);
    }
    for (const group of groups.values()) this.#answer(view, group);
  }

  #answer(view: View, group: [WebSocket, Seat][]): void {
    const { head, floor } = extentOf(view);
    const now = Date.now();
    const [, { viewer: first }] = group[0] as [WebSocket, Seat];
    // A wait that was hibernated may have looked further than its attachment tells, and the tails moved on.
    const read = first.after < floor ? null : readBatch(view, first.after, first.filter);
    const batch = read === null ? { text: JSON.stringify({ behind: floor }), next: floor } : batchMessage(read, head);
    for (const [socket, seat] of group) {
      const { viewer } = seat;
      if (read !== null && !isAnswer(viewer, read)) {
        seat.viewer = { ...viewer, after: read.next };
        if (isDue(seat.viewer, { head, floor })) this.#schedule();
        continue;
      }
      const asked = read === null ? null : viewer.asked;
      if (read !== null) seat.patience.answered(now);
      this.#keep(socket, seat, { ...viewer, asked, after: batch.next, wants: false, sentAt: now });
      this.#send(socket, batch.text);
    }
  }

  #seat(socket: WebSocket, viewer: Viewer): Seat {
    const seat = { viewer, key: JSON.stringify(viewer.filter), patience: new Patience() };
    this.#seats.set(socket, seat);
    return seat;
  }

  #keep(socket: WebSocket, seat: Seat, viewer: Viewer): void {
    seat.viewer = viewer;
    socket.serializeAttachment(viewer);
  }

  /** Held back by the platform until what it tells of is on disk. */
  #send(socket: WebSocket, text: string): void {
    try {
      socket.send(text);
    } catch {
      this.closed(socket);
    }
  }

  #close(socket: WebSocket, { code, reason }: { code: number; reason: string }): void {
    this.closed(socket);
    logEvent("live.closed", { code, viewers: this.#seats.size });
    socket.close(code, reason);
  }
}
