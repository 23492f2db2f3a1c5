import { periodMs, type TableBounds } from "../../../shared/durable/period-tables.ts";
import { isDeeper, JSON_DEPTH_LIMIT } from "../../../shared/json-text.ts";
import {
  type LoggedEvent,
  normalizedData,
  type PublishCall,
  type PublishEvent,
  type Published,
  type PublishResult,
} from "../model/event.ts";
import { eventBody, readBodyText } from "../model/event-body.ts";
import { eventId, eventSeq, looksOwn, randomId } from "../model/event-id.ts";
import type { Cancelled, ScheduledEvent } from "../protocol.ts";
import type { OutboxStore } from "./storage.ts";

/** An event about an endpoint. `id` is made of what happened, so that it is announced once; null for a new id. */
export type Announcement = { type: string; data: string; id: string | null; target: string | null };

/** An event on its way into the log. `bodyAt`: the time that its body names, null for the time of logging. */
type LogEntry = { id: string | null; type: string; data: string; bodyAt: number | null; target: string | null };

type Refusal = Extract<PublishResult, { ok: false }>;

/** Storage of an event beside its data: the other columns, and a key if the caller gave one. */
const EVENT_OVERHEAD_BYTES = 300;

const FULL: Refusal = {
  ok: false,
  code: "storage_full",
  detail:
    "The log has reached STORAGE_LIMIT_MB and no room could be made; nothing was stored. Room comes as the retention passes, or as the endpoints take what they lack.",
};

/**
 * Writes events into the log, or into the table of scheduled ones. Every method runs in the caller's transaction; `now`
 * (unix ms) is the clock of the caller's turn.
 */
export class LogWriter {
  readonly #store: OutboxStore;
  readonly #bounds: TableBounds;

  constructor(store: OutboxStore, bounds: TableBounds) {
    this.#store = store;
    this.#bounds = bounds;
  }

  /**
   * Writes one call. Everything is looked up before anything is written, so a refusal leaves nothing behind. `room`: the
   * bytes that may be written. A repetition gets its first answer whatever room there is.
   */
  write(call: PublishCall, now: number, room: number): PublishResult {
    const { request } = call;
    if (request !== null) {
      const known = this.#store.idempotency.get("request", request.key);
      if (known?.digest === request.digest && known.answer !== null)
        return { ok: true, events: JSON.parse(known.answer) };
      if (known !== null) return conflict(`The Idempotency-Key ${JSON.stringify(request.key)}`);
    }
    const repeats: (Published | null)[] = [];
    for (const event of call.events) {
      const repeat = event.id === null ? null : this.#repeated(event, event.id);
      if (repeat !== null && "ok" in repeat) return repeat;
      repeats.push(repeat);
    }
    const inCall = conflictWithin(call.events);
    if (inCall !== null) return inCall;

    const added = call.events.filter((_event, index) => repeats[index] === null);
    if (added.length > 0 && sizeOf(added) > room) return FULL;
    this.#store.log.rollOver(now, this.#bounds);
    const given = new Map<string, Published>();
    const events = call.events.map((event, index) => {
      const before = repeats[index] ?? (event.id === null ? undefined : given.get(event.id));
      // A time gone by is part of what a repetition must have in common, and means now.
      const due = event.deliverAt !== null && event.deliverAt > now ? event.deliverAt : null;
      const published = before ?? this.#add({ ...event, deliverAt: due }, now);
      given.set(published.id, published);
      return published;
    });
    if (request !== null && room > 0) {
      const answer = JSON.stringify(events);
      this.#store.idempotency.set("request", request.key, { ...request, seq: null, answer }, this.#period(now));
    }
    return { ok: true, events };
  }

  /** Gives a scheduled event its place in the log and returns the seq; its body carries the time it was due. */
  release({ id, type, data, due }: Omit<ScheduledEvent, "n">, now: number): number {
    this.#store.log.rollOver(now, this.#bounds);
    const { seq } = this.#append({ id, type, data, bodyAt: due, target: null }, now);
    const known = this.#store.idempotency.get("id", id);
    const use = { digest: known?.digest ?? "", answer: known?.answer ?? null, seq };
    this.#store.idempotency.set("id", id, use, this.#period(now));
    return seq;
  }

  /** Takes a scheduled event out before it is released, and notes its id: what repeats it is told. */
  cancel(id: string, now: number): Cancelled {
    const scheduled = this.#store.scheduled.find(id);
    const known = this.#store.idempotency.get("id", id);
    if (scheduled === null) {
      const cancelledAt = known && cancelledAtIn(known.answer);
      if (cancelledAt) return { cancelledAt };
      const seq = this.#store.event(id)?.seq ?? known?.seq ?? null;
      return seq === null ? null : { seq };
    }
    this.#store.scheduled.drop(scheduled);
    const answer = JSON.stringify({ id, seq: null, cancelledAt: now });
    this.#store.idempotency.set("id", id, { digest: known?.digest ?? "", seq: null, answer }, this.#period(now));
    return { cancelledAt: now };
  }

  /** Schedules an event of the sender's own; without a digest, since nobody can repeat it. */
  schedule({ type, data, due }: Pick<ScheduledEvent, "type" | "data" | "due">, now: number): void {
    this.#add({ type, data, id: null, deliverAt: due, digest: "" }, now);
  }

  /** Logs an event about the sender itself, once for its id: after a crash it may be announced again. */
  announce({ type, data, id, target }: Announcement, now: number): Published {
    const known = id === null ? null : this.#store.idempotency.get("id", id);
    if (id !== null && known !== null) return { id, seq: known.seq };
    this.#store.log.rollOver(now, this.#bounds);
    const logged = this.#append({ id, type, data, bodyAt: null, target }, now);
    if (id !== null) {
      this.#store.idempotency.set("id", id, { digest: "", seq: logged.seq, answer: null }, this.#period(now));
    }
    return { id: logged.id, seq: logged.seq };
  }

  /** Returns the first answer to an id that was used before; null for a new id; a refusal when the content differs. */
  #repeated(event: PublishEvent, id: string): Published | Refusal | null {
    const known = this.#store.idempotency.get("id", id);
    if (known !== null) {
      if (known.digest !== event.digest) return conflict(`The id ${id}`);
      const cancelledAt = cancelledAtIn(known.answer);
      if (cancelledAt !== null) return cancelledBefore(id, cancelledAt);
      return known.answer === null ? { id, seq: known.seq } : (JSON.parse(known.answer) as Published);
    }
    if (!looksOwn(id)) return null;
    const seq = eventSeq(this.#store.idKey, id);
    const logged = seq === null ? null : this.#store.log.event(seq);
    if (logged === null || logged.id !== id) {
      const detail = `The id ${id} has the shape of this sender's own ids and names no event in its log.`;
      return { ok: false, code: "invalid_event", detail };
    }
    const { timestamp, data } = readBodyText(logged.body);
    const isThen = event.timestamp == null || Date.parse(timestamp) === event.timestamp;
    const same = logged.type === event.type && isThen && isSameData(data, event.data);
    return same ? { id, seq: logged.seq } : conflict(`The id ${id}`);
  }

  #add({ id, type, data, deliverAt, digest, timestamp = null }: PublishEvent, now: number): Published {
    if (deliverAt === null) {
      const logged = this.#append({ id, type, data, bodyAt: timestamp, target: null }, now);
      if (id !== null) {
        const use = { digest: digest ?? "", seq: logged.seq, answer: null };
        this.#store.idempotency.set("id", id, use, this.#period(now));
      }
      return { id: logged.id, seq: logged.seq };
    }
    const random = () => crypto.getRandomValues(new Uint8Array(10));
    const scheduled: Published = { id: id ?? randomId("msg_", now, random()), seq: null };
    this.#store.scheduled.add({ due: deliverAt, id: scheduled.id, type, data });
    const use = { digest: digest ?? "", seq: null, answer: JSON.stringify(scheduled) };
    this.#store.idempotency.set("id", scheduled.id, use, this.#period(now));
    return scheduled;
  }

  /** Appends one row. */
  #append({ id, type, data, bodyAt, target }: LogEntry, now: number): LoggedEvent {
    const { log, idKey } = this.#store;
    const seq = log.head + 1;
    const at = log.atFor(now);
    const event = { seq, at, id: id ?? eventId(idKey, at, seq), type, body: eventBody(type, bodyAt ?? at, data) };
    log.append(event, target);
    return event;
  }

  #period(now: number): number {
    return Math.floor(now / periodMs(this.#bounds.retentionMs));
  }
}

/** Version 0.1.0 logged data of any depth: data that is deeper than a publisher may send now repeats none. */
function isSameData(logged: string, data: string): boolean {
  return !isDeeper(logged, JSON_DEPTH_LIMIT) && normalizedData(logged) === normalizedData(data);
}

/** Returns about how many bytes of storage events take. */
export function sizeOf(events: readonly PublishEvent[]): number {
  return events.reduce((sum, { data }) => sum + data.length + EVENT_OVERHEAD_BYTES, 0);
}

/** Returns a refusal when two events of one array have one id and are not the same event. */
function conflictWithin(events: readonly PublishEvent[]): Refusal | null {
  const digests = new Map<string, string | null>();
  for (const { id, digest } of events) {
    if (id === null) continue;
    if (digests.has(id) && digests.get(id) !== digest) return conflict(`The id ${id}`);
    digests.set(id, digest);
  }
  return null;
}

/** Returns when an event was cancelled (unix ms) that had this answer; null for any other. */
function cancelledAtIn(answer: string | null): number | null {
  return answer === null ? null : ((JSON.parse(answer) as { cancelledAt?: number }).cancelledAt ?? null);
}

function cancelledBefore(id: string, at: number): Refusal {
  const detail = `The event ${id} was cancelled at ${new Date(at).toISOString()}. Publish it under another id.`;
  return { ok: false, code: "event_cancelled", detail };
}

function conflict(subject: string): Refusal {
  return { ok: false, code: "id_conflict", detail: `${subject} was used before with other content.` };
}
