import { utf8 } from "../../../shared/bytes.ts";
import { isEventType, MAX_TYPE_LENGTH } from "../../../shared/event-type.ts";
import { isDeeper, JSON_DEPTH_LIMIT, jsonParts } from "../../../shared/json-text.ts";
import { DAY_MS, isoTime, MINUTE_MS } from "../../../shared/time.ts";
import { isReserved } from "./subscription.ts";

/** The events that a caller may publish, checked. Pure. */

/**
 * An event to publish. `data` is JSON text, as the publisher wrote it; `deliverAt` unix milliseconds, also a time gone by,
 * null for now; `id` null for one of ours; `timestamp` when it happened (unix ms), null or absent for when it is logged.
 */
export type NewEvent = {
  type: string;
  data: string;
  id: string | null;
  deliverAt: number | null;
  timestamp?: number | null;
};

type ParsedEvents = { ok: true; events: NewEvent[]; single: boolean } | { ok: false; reason: string };

const MAX_EVENTS = 100;
export const MAX_EVENT_BYTES = 256 * 1024;
/** A whole request: as many events as it may hold, each of the greatest size, and the JSON around them. */
export const MAX_REQUEST_BYTES = MAX_EVENTS * MAX_EVENT_BYTES + 64 * 1024;

const ID = /^[A-Za-z0-9_-]{1,256}$/;
const MEMBERS = new Set(["type", "data", "id", "deliverAt", "timestamp"]);
/** A clock of a publisher may be ahead of ours by as much. */
const MAX_AHEAD_MS = 5 * MINUTE_MS;

/** Returns what is wrong with a type, or null. */
export function typeFault(type: unknown): string | null {
  if (typeof type !== "string" || !isEventType(type)) {
    return `type must be dot-separated [A-Za-z0-9_-]+ of at most ${MAX_TYPE_LENGTH} characters`;
  }
  return isReserved(type) ? "types that begin with webhook., endpoint. or delivery. are reserved" : null;
}

/**
 * Reads one event, or an array of up to 100, as `POST /events` takes them: `text` is JSON, and each event's data stays
 * the text that was written. `horizonMs`: how far ahead one may be due.
 */
export function parseEvents(text: string, limits: { now: number; horizonMs: number }): ParsedEvents {
  const single = !text.trimStart().startsWith("[");
  const list = single ? [text] : jsonParts(text).map((part) => part.text);
  if (list.length === 0 || list.length > MAX_EVENTS) {
    return { ok: false, reason: `an array holds 1 to ${MAX_EVENTS} events, not ${list.length}` };
  }
  const events: NewEvent[] = [];
  for (const [index, item] of list.entries()) {
    const parsed = parseEvent(item, limits);
    if (typeof parsed === "string") return { ok: false, reason: single ? parsed : `event ${index}: ${parsed}` };
    events.push(parsed);
  }
  return { ok: true, events, single };
}

function parseEvent(item: string, limits: { now: number; horizonMs: number }): NewEvent | string {
  if (!item.trimStart().startsWith("{")) return "an event is an object {type, data}";
  const members = new Map<string, string>();
  for (const { key, text } of jsonParts(item)) {
    if (key === null || !MEMBERS.has(key)) return `${JSON.stringify(key)} is not a member of an event`;
    if (members.has(key)) return `${key} is given twice`;
    members.set(key, text);
  }
  const [type, id, deliverAt, timestamp] = ["type", "id", "deliverAt", "timestamp"].map((name) => {
    const text = members.get(name);
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  });
  const data = members.get("data");
  const fault = typeFault(type);
  if (fault !== null) return fault;
  if (data === undefined) return "data is missing";
  if (id !== undefined && (typeof id !== "string" || !ID.test(id))) return "id must match [A-Za-z0-9_-]{1,256}";
  const due = parseDeliverAt(deliverAt, limits);
  if (typeof due === "string") return due;
  const happened = parseTimestamp(timestamp, limits);
  if (typeof happened === "string") return happened;
  if (happened !== null && due !== null) {
    return "timestamp may not stand beside deliverAt: a scheduled event gets the time when it is due";
  }
  return dataFault(data) ?? { type: String(type), data, id: id ?? null, deliverAt: due, timestamp: happened };
}

/** Returns what is wrong with the text of an event's data, or null. A text has at most three bytes for each unit. */
export function dataFault(data: string): string | null {
  if (isDeeper(data, JSON_DEPTH_LIMIT)) return `data is nested deeper than ${JSON_DEPTH_LIMIT} arrays and objects`;
  if (data.length * 3 <= MAX_EVENT_BYTES) return null;
  const bytes = new TextEncoder().encode(data).byteLength;
  return bytes <= MAX_EVENT_BYTES ? null : `data is ${bytes} bytes, at most ${MAX_EVENT_BYTES} are taken`;
}

function parseDeliverAt(
  value: unknown,
  { now, horizonMs }: { now: number; horizonMs: number },
): number | null | string {
  if (value === undefined || value === null) return null;
  const at = typeof value === "string" ? isoTime(value) : null;
  if (at === null) return "deliverAt must be an ISO 8601 time with its zone, such as 2026-01-31T12:00:00Z";
  return at > now + horizonMs ? `deliverAt may be at most ${horizonMs / DAY_MS} days ahead` : at;
}

function parseTimestamp(value: unknown, { now }: { now: number }): number | null | string {
  if (value === undefined || value === null) return null;
  const at = typeof value === "string" ? isoTime(value) : null;
  if (at === null) return "timestamp must be an ISO 8601 time with its zone, such as 2026-01-31T12:00:00Z";
  if (at < 0) return "timestamp may not be before 1970";
  return at > now + MAX_AHEAD_MS ? "timestamp is the time when the event happened: at most 5 minutes ahead" : at;
}

/**
 * Returns data printed in one way: two texts of it are one content, however they were spaced or escaped. Numbers stay
 * as they were written.
 */
export function normalizedData(data: string): string {
  // A number without fraction or exponent, of at most 15 digits, prints as it was written and needs no reviver.
  if (!/\d[.eE]|\d{16}|-0/.test(data)) return JSON.stringify(JSON.parse(data));
  return JSON.stringify(
    JSON.parse(data, ((_key: string, value: unknown, context: { source?: string }) =>
      typeof value === "number" && context.source !== undefined ? rawJson(context.source) : value) as (
      key: string,
      value: unknown,
    ) => unknown),
  );
}

const rawJson = (JSON as unknown as { rawJSON: (text: string) => unknown }).rawJSON;

/** An event of the log. `at`: when it was logged, in unix ms. */
export type LoggedEvent = { seq: number; at: number; id: string; type: string; body: string };

/** An event to publish, with a digest of its content when it may be repeated: it has an id or a `deliverAt`. */
export type PublishEvent = NewEvent & { digest: string | null };

/** One call: all of its events are logged, or none. `request`: an Idempotency-Key and a digest of the whole request. */
export type PublishCall = { events: PublishEvent[]; request: { key: string; digest: string } | null };

/** A call as it is sent to the log's object: data as text, or as UTF-8 where the texts are long. */
export type SentCall = Omit<PublishCall, "events"> & {
  events: (Omit<PublishEvent, "data"> & { data: string | Uint8Array })[];
};

/** Length of all data together from which it is sent as bytes. */
const PACKED_LENGTH = 4 * 1024 * 1024;

/**
 * Returns a call as it is sent. The platform takes 32 MiB at once, and sends a text of which one character is beyond
 * Latin-1 with two bytes for each: the largest call that is allowed has 25 MiB as UTF-8, and 50 MiB so.
 */
export function packCall(call: PublishCall): SentCall {
  if (call.events.reduce((sum, { data }) => sum + data.length, 0) < PACKED_LENGTH) return call;
  return { ...call, events: call.events.map((event) => ({ ...event, data: utf8(event.data) })) };
}

/** Returns the call that `packCall` was given. */
export function unpackCall(call: SentCall): PublishCall {
  const text = (data: string | Uint8Array) => (typeof data === "string" ? data : new TextDecoder().decode(data));
  return { ...call, events: call.events.map((event) => ({ ...event, data: text(event.data) })) };
}

/** The answer for one event. `seq` is null while the event waits for its `deliverAt`. */
export type Published = { id: string; seq: number | null };

export type PublishResult = { ok: true; events: Published[] } | { ok: false; code: RefusalCode; detail: string };

type RefusalCode = "id_conflict" | "event_cancelled" | "storage_full" | "storage_unavailable" | "invalid_event";
