import { periodMs } from "../../../shared/durable/period-tables.ts";
import {
  eventBody,
  type LoggedEvent,
  type PublishCall,
  type PublishEvent,
  type Published,
  type PublishResult,
} from "../model/event.ts";

import { eventId, eventSeq, type IdKey, looksOwn, randomId } from "../model/event-id.ts";
import type { OutboxStore } from "./storage.ts";

/** An event about an endpoint; `id` is made of what happened, so that it is said once. */
export type Announcement = { type: string; data: string; id: string | null; target: string };

/** The turn's clock, the log's key for ids, and 10 random bytes for an id without a seq. */
export type PublishContext = { now: number; retentionMs: number; idKey: IdKey; random: () => Uint8Array };

/**
 * Writes one call into the log, in the caller's transaction: everything is looked up before anything is
 * written, so a refusal leaves nothing behind.
 */
export function publish(store: OutboxStore, call: PublishCall, context: PublishContext): PublishResult {
  const { request } = call;
  if (request !== null) {
    const known = store.idempotency.get("request", request.key);
    if (known?.digest === request.digest && known.answer !== null)
      return { ok: true, events: JSON.parse(known.answer) };
    if (known !== null) return conflict(`The Idempotency-Key ${JSON.stringify(request.key)}`);
  }
  const repeats: (Published | null)[] = [];
  for (const event of call.events) {
    const repeat = event.id === null ? null : repeated(store, event, event.id, context);
    if (repeat !== null && "ok" in repeat) return repeat;
    repeats.push(repeat);
  }
  const inCall = conflictWithin(call.events);
  if (inCall !== null) return inCall;

  store.log.rollOver(context.now, context.retentionMs);
  const given = new Map<string, Published>();
  const events = call.events.map((event, index) => {
    const before = repeats[index] ?? (event.id === null ? undefined : given.get(event.id));
    const published = before ?? write(store, event, context);
    given.set(published.id, published);
    return published;
  });
  if (request !== null) {
    store.idempotency.set(
      "request",
      request.key,
      { ...request, seq: null, answer: JSON.stringify(events) },
      period(context),
    );
  }
  return { ok: true, events };
}

/** Gives a scheduled event its place in the log; its body carries the time it was due. */
export function release(
  store: OutboxStore,
  later: { due: number; id: string; type: string; data: string },
  context: PublishContext,
): number {
  store.log.rollOver(context.now, context.retentionMs);
  const seq = log(
    store,
    { id: later.id, type: later.type, data: later.data, bodyAt: later.due, target: null },
    context,
  ).seq;
  const known = store.idempotency.get("id", later.id);
  store.idempotency.set(
    "id",
    later.id,
    { digest: known?.digest ?? "", answer: known?.answer ?? null, seq },
    period(context),
  );
  return seq;
}

/** Schedules an event of our own making; no digest, since nobody can repeat it. */
export function schedule(
  store: OutboxStore,
  event: { type: string; data: string; due: number },
  context: PublishContext,
): void {
  write(store, { type: event.type, data: event.data, id: null, deliverAt: event.due, digest: "" }, context);
}

/**
 * Logs an event about the sender itself, once for its id: a crash may have it announced again.
 *
 * @param target as in the log: `+ep` for one endpoint alone, `-ep` for all but it
 */
export function announce(
  store: OutboxStore,
  { type, data, id, target }: Announcement,
  context: PublishContext,
): Published {
  const known = id === null ? null : store.idempotency.get("id", id);
  if (id !== null && known !== null) return { id, seq: known.seq };
  store.log.rollOver(context.now, context.retentionMs);
  const logged = log(store, { id, type, data, bodyAt: null, target }, context);
  if (id !== null) store.idempotency.set("id", id, { digest: "", seq: logged.seq, answer: null }, period(context));
  return { id: logged.id, seq: logged.seq };
}

/** The first answer to an id that was used before; null for a new one; a refusal when its content differs. */
function repeated(
  store: OutboxStore,
  event: PublishEvent,
  id: string,
  { idKey }: PublishContext,
): Published | Extract<PublishResult, { ok: false }> | null {
  const known = store.idempotency.get("id", id);
  if (known !== null) {
    if (known.digest !== event.digest) return conflict(`The id ${id}`);
    return known.answer === null ? { id, seq: known.seq } : (JSON.parse(known.answer) as Published);
  }
  if (!looksOwn(id)) return null;
  const seq = eventSeq(idKey, id);
  const logged = seq === null ? null : store.log.event(seq);
  if (logged === null || logged.id !== id) {
    return {
      ok: false,
      code: "invalid_event",
      detail: `The id ${id} has the shape of this sender's own, and names no event in its log.`,
    };
  }
  return logged.body === eventBody(event.type, bodyTime(logged), event.data)
    ? { id, seq: logged.seq }
    : conflict(`The id ${id}`);
}

/** Two events of one array with one id must be the same event. */
function conflictWithin(events: readonly PublishEvent[]): Extract<PublishResult, { ok: false }> | null {
  const digests = new Map<string, string | null>();
  for (const { id, digest } of events) {
    if (id === null) continue;
    if (digests.has(id) && digests.get(id) !== digest) return conflict(`The id ${id}`);
    digests.set(id, digest);
  }
  return null;
}

function write(store: OutboxStore, event: PublishEvent, context: PublishContext): Published {
  const { type, data, deliverAt, digest } = event;
  if (deliverAt === null) {
    const { id, seq } = log(store, { id: event.id, type, data, bodyAt: null, target: null }, context);
    if (event.id !== null)
      store.idempotency.set("id", id, { digest: digest ?? "", seq, answer: null }, period(context));
    return { id, seq };
  }
  const scheduled: Published = { id: event.id ?? randomId("msg_", context.now, context.random()), seq: null };
  store.scheduled.add({ due: deliverAt, id: scheduled.id, type, data });
  const answer = JSON.stringify(scheduled);
  store.idempotency.set("id", scheduled.id, { digest: digest ?? "", seq: null, answer }, period(context));
  return scheduled;
}

/** One row at the head of the log. `at` is the later of the clock and the last event's: order is by seq. */
function log(
  store: OutboxStore,
  {
    id,
    type,
    data,
    bodyAt,
    target,
  }: {
    id: string | null;
    type: string;
    data: string;
    bodyAt: number | null;
    target: string | null;
  },
  { now, idKey }: PublishContext,
): LoggedEvent {
  const seq = store.log.head + 1;
  const at = Math.max(now, store.log.lastAt);
  const event = { seq, at, id: id ?? eventId(idKey, at, seq), type, body: eventBody(type, bodyAt ?? at, data) };
  store.log.append(event, target);
  return event;
}

function bodyTime({ body, at }: LoggedEvent): number {
  const written = /^\{"type":"[^"]*","timestamp":"([^"]+)"/.exec(body)?.[1];
  return written === undefined ? at : Date.parse(written);
}

function period({ now, retentionMs }: PublishContext): number {
  return Math.floor(now / periodMs(retentionMs));
}

function conflict(what: string): Extract<PublishResult, { ok: false }> {
  return { ok: false, code: "id_conflict", detail: `${what} was used before with other content.` };
}
