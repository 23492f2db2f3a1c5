import { logEvent } from "../../../../shared/log-event.ts";
import { type EventFilter, readFilter } from "../../event/filter.ts";
import { BATCH_EVENTS, type Batch, type RepeatedEvent, type SeqRange, type Unread } from "../../event/page.ts";
import { withRepeated } from "../../event/record.ts";
import { page } from "../queries/pages.ts";
import type { LogSnapshot } from "../queries/rows.ts";
import { extentOf } from "../state/rules.ts";
import type { Extent } from "../state/state.ts";
import {
  batchMessage,
  CLOSE_CODES,
  charged,
  dueTogether,
  HEAD_HEADER,
  isAnswer,
  isDeaf,
  isDue,
  isOverdrawn,
  MAX_TOLD_AGAIN,
  parseQuestion,
  type Question,
  question,
  RELAYED,
  roundDelay,
  type Viewer,
  withReceipt,
  withRejected,
} from "./protocol.ts";

/**
 * The sockets of one Inbox, which hibernates while they are open: everything that must survive is in each socket's
 * attachment, written with every question and every answer. While nothing arrives there is no timer. `protocol.ts` has
 * the rules.
 */

/** The scan of one round for one filter stays below this: the object accepts nothing meanwhile. */
const ROUND_SCAN_BYTES = 1024 * 1024;
/** The random bytes of a receipt: more than anyone can try. */
const RECEIPT_BYTES = 8;

/** Least time between two messages with the number of rejected requests: a flood of them is told as one. */
const REJECTED_MS = 1_000;

/** A socket in memory; `key` is its filter as text. */
type Seat = { socket: WebSocket; viewer: Viewer; key: string };

/** The parts of one round of answers that all viewers share. */
type Round = { log: LogSnapshot; extent: Extent; repeated: readonly RepeatedEvent[] };

export class LiveViewers {
  readonly #ctx: DurableObjectState;
  readonly #snapshot: () => LogSnapshot;
  readonly #noteUnread: (parts: Unread[]) => SeqRange[];
  readonly #rejectedLastDay: () => number;
  readonly #seats = new Map<WebSocket, Seat>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #lastRound = Number.NEGATIVE_INFINITY;
  /** The viewers of the last round: a poll is gone once it is answered, and costs its request all the same. */
  #lastViewers: readonly Viewer[] = [];
  /** The events that came again since the last round. */
  readonly #repeated = new Set<number>();
  #rejectedTimer: ReturnType<typeof setTimeout> | null = null;
  /** The viewers that do not know yet how many requests were rejected. */
  readonly #uncounted = new Set<Seat>();

  /**
   * `snapshot` returns the log as it is committed now; `noteUnread` those of the parts that are missing;
   * `rejectedLastDay` the number of requests rejected in the last day.
   */
  constructor(
    ctx: DurableObjectState,
    {
      snapshot,
      noteUnread,
      rejectedLastDay,
    }: {
      snapshot: () => LogSnapshot;
      noteUnread: (parts: Unread[]) => SeqRange[];
      rejectedLastDay: () => number;
    },
  ) {
    this.#ctx = ctx;
    this.#snapshot = snapshot;
    this.#noteUnread = noteUnread;
    this.#rejectedLastDay = rejectedLastDay;
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
    for (const socket of ctx.getWebSockets()) {
      // A closing socket is still in that list.
      if (socket.readyState === WebSocket.OPEN) this.#seat(socket, socket.deserializeAttachment() as Viewer);
    }
  }

  get size(): number {
    return this.#seats.size;
  }

  /** Answers an upgrade that the Worker has authenticated. Its query is a filter and, as a first question, `after`. */
  open(request: Request): Response {
    const { searchParams } = new URL(request.url);
    const { head } = extentOf(this.#snapshot().state);
    // Everything that can fail comes first: an accepted socket stays, and must have its attachment.
    const [filter, relayed] = [readFilter(searchParams), searchParams.has(RELAYED)];
    const { 0: client, 1: server } = new WebSocketPair();
    this.#ctx.acceptWebSocket(server);
    const nothing = { asked: null, after: head, wants: false, sentAt: Date.now(), receipt: null, unread: 0 };
    const seat = this.#seat(server, { filter, relayed, ...nothing });
    const after = searchParams.get("after");
    if (after === null) server.serializeAttachment(seat.viewer);
    else this.#ask(seat, { more: Number(after), receipt: null });
    return new Response(null, { status: 101, webSocket: client, headers: { [HEAD_HEADER]: String(head) } });
  }

  message(socket: WebSocket, message: string | ArrayBuffer): void {
    const seat = this.#seats.get(socket);
    if (seat === undefined) return;
    const asked = parseQuestion(message);
    if (asked === null) this.#close(seat, CLOSE_CODES.malformed);
    else this.#orClose([seat], () => this.#ask(seat, asked));
  }

  /** Closes this end after the viewer left or was lost: a hibernating socket does not answer a close by itself. */
  closed(socket: WebSocket): void {
    this.#hangUp(socket, { code: 1000, reason: "" });
  }

  /** Begins a round of answers soon, after a commit that may have brought events; those with these seqs came again. */
  notify(repeated: readonly number[]): void {
    if (this.#seats.size === 0) return;
    for (const seq of repeated) this.#repeated.add(seq);
    this.#schedule();
  }

  /** Tells the viewers soon how many requests were rejected: the object is awake, as it has just noted one. */
  notifyRejected(): void {
    if (this.#seats.size === 0 || this.#rejectedTimer !== null) return;
    this.#rejectedTimer = setTimeout(() => {
      this.#rejectedTimer = null;
      for (const seat of this.#seats.values()) if (!seat.viewer.relayed) this.#uncounted.add(seat);
      for (const seat of this.#uncounted) this.#tellRejected(seat);
    }, REJECTED_MS);
  }

  #ask(seat: Seat, { more, receipt }: Question): void {
    const asking = charged(seat.viewer, receipt);
    if (isOverdrawn(asking)) {
      this.#close(seat, CLOSE_CODES.unread);
      return;
    }
    const extent = extentOf(this.#snapshot().state);
    const { viewer, answer } = question(asking, more, extent, Date.now());
    if (answer !== null) this.#send(seat, viewer, JSON.stringify(answer));
    else this.#keep(seat, viewer);
    if (isDue(viewer, extent)) this.#schedule();
    this.#tellRejected(seat);
  }

  #schedule(): void {
    if (this.#timer !== null) return;
    const [now, viewers] = [Date.now(), this.#viewers()];
    const delays = [viewers, this.#lastViewers].map((each) => roundDelay(each, this.#lastRound, now));
    this.#timer = setTimeout(() => this.#round(), Math.max(...delays));
  }

  /** Answers each viewer that wants an answer and for whom there is one. */
  #round(): void {
    this.#timer = null;
    this.#lastRound = Date.now();
    this.#lastViewers = this.#viewers();
    this.#orClose([...this.#seats.values()], () => {
      const log = this.#snapshot();
      const extent = extentOf(log.state);
      const repeated = this.#takeRepeated(log);
      for (const seat of this.#seats.values()) {
        if (isDeaf(seat.viewer, extent, this.#lastRound)) this.#close(seat, CLOSE_CODES.deaf);
      }
      for (const group of dueTogether(this.#seats.values(), extent)) {
        // A wait may have looked further than its attachment tells, and the tails moved on while it was hibernated.
        const isBehind = group[0].viewer.after < extent.floor;
        const answer = { log, extent, repeated };
        this.#orClose(group, () => (isBehind ? this.#answerBehind(extent, group) : this.#answer(answer, group)));
      }
      if (repeated.length > 0) this.#tell(repeated, extent);
    });
  }

  /** Returns the newest of the events that came again since the last round. */
  #takeRepeated(log: LogSnapshot): RepeatedEvent[] {
    const seqs = [...this.#repeated].slice(-MAX_TOLD_AGAIN);
    this.#repeated.clear();
    return seqs.flatMap((seq) => {
      const again = log.repeated.get(seq);
      return again === undefined ? [] : [{ seq, ...again }];
    });
  }

  /** Tells those who still wait for events, and are no Worker, what came again. */
  #tell(repeated: readonly RepeatedEvent[], { head }: Extent): void {
    for (const seat of this.#seats.values()) {
      const { viewer } = seat;
      if (!viewer.wants || viewer.relayed) continue;
      this.#tellOne(seat, batchMessage({ events: [], next: viewer.after }, head, repeated));
    }
  }

  /** Tells a viewer that waits for events, and was not told since, how many requests were rejected. */
  #tellRejected(seat: Seat): void {
    if (!seat.viewer.wants || !this.#uncounted.delete(seat)) return;
    const { head } = extentOf(this.#snapshot().state);
    const message = batchMessage({ events: [], next: seat.viewer.after }, head);
    this.#tellOne(seat, { ...message, text: withRejected(message.text, this.#rejectedLastDay()) });
  }

  /** Sends a viewer something besides events. */
  #tellOne(seat: Seat, { text, bytes }: { text: string; bytes: number }): void {
    const { viewer } = seat;
    // The next question will be the same, and must be answered.
    const told = { ...viewer, asked: null, wants: false, sentAt: Date.now(), unread: viewer.unread + bytes };
    this.#orClose([seat], () => this.#send(seat, told, text));
  }

  #answer({ log, extent, repeated }: Round, group: [Seat, ...Seat[]]): void {
    const [{ viewer: first }] = group;
    const read = this.#readBatch(log, first.after, first.filter);
    const { text, next, bytes } = batchMessage(read, extent.head, repeated);
    for (const seat of group) {
      const { viewer } = seat;
      if (isAnswer(viewer, read)) {
        const unread = viewer.unread + bytes;
        this.#send(seat, { ...viewer, after: next, wants: false, sentAt: this.#lastRound, unread }, text);
      } else {
        seat.viewer = { ...viewer, after: read.next };
        if (isDue(seat.viewer, extent)) this.#schedule();
      }
    }
  }

  /**
   * Reads the events after `after` that a filter wants, at most a batch of them, and `next`, the last one looked at: an
   * ordinary page, which from the extent's floor on is all in the tails.
   *
   * @throws Error for a part that could not be read just now: its viewers are to come back.
   */
  #readBatch(log: LogSnapshot, after: number, filter: EventFilter): Batch {
    const query = { order: "after", seq: after, limit: BATCH_EVENTS, scanBytes: ROUND_SCAN_BYTES, filter } as const;
    const { rows, through, repeated, unread } = page(log, query);
    const events = withRepeated(rows, repeated);
    const last = events.length === BATCH_EVENTS ? events.at(-1)?.seq : undefined;
    const next = last ?? through;
    if (unread.length === 0) return { events, next };
    const missing = this.#noteUnread(unread);
    if (missing.length < unread.length) throw new Error("a part of a tail could not be read");
    return { events, next, missing: missing.filter(({ from }) => from <= next) };
  }

  #answerBehind(extent: Extent, group: Seat[]): void {
    for (const seat of group) {
      const { viewer, answer } = question({ ...seat.viewer, asked: null }, seat.viewer.after, extent, this.#lastRound);
      this.#send(seat, viewer, JSON.stringify(answer));
    }
  }

  #viewers(): Viewer[] {
    return [...this.#seats.values()].map(({ viewer }) => viewer);
  }

  #seat(socket: WebSocket, viewer: Viewer): Seat {
    const seat = { socket, viewer, key: JSON.stringify(viewer.filter) };
    this.#seats.set(socket, seat);
    return seat;
  }

  #keep(seat: Seat, viewer: Viewer): void {
    seat.viewer = viewer;
    seat.socket.serializeAttachment(viewer);
  }

  /** Sends an answer, which the platform holds back until its events are on disk. Its receipt belongs to it alone. */
  #send(seat: Seat, viewer: Viewer, text: string): void {
    const receipt = crypto.getRandomValues(new Uint8Array(RECEIPT_BYTES)).toHex();
    this.#keep(seat, { ...viewer, receipt });
    try {
      seat.socket.send(withReceipt(text, receipt));
    } catch {
      this.closed(seat.socket);
    }
  }

  /** Does work for some viewers; an error closes them, who come back with their cursors, and reaches no sender. */
  #orClose(seats: Seat[], work: () => void): void {
    try {
      work();
    } catch (error) {
      logEvent("live.failed", { error: String(error) });
      for (const seat of seats) this.#close(seat, CLOSE_CODES.failed);
    }
  }

  #close({ socket }: Seat, why: { code: number; reason: string }): void {
    this.#hangUp(socket, why);
    logEvent("live.closed", { code: why.code, viewers: this.#seats.size });
  }

  #hangUp(socket: WebSocket, { code, reason }: { code: number; reason: string }): void {
    const seat = this.#seats.get(socket);
    if (seat !== undefined) this.#uncounted.delete(seat);
    this.#seats.delete(socket);
    try {
      socket.close(code, reason);
    } catch {
      // It is closed already.
    }
  }
}
