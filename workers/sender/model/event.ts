import { isEventType, MAX_TYPE_LENGTH } from "../../../shared/event-type.ts";
import { DAY_MS, isoTime } from "../../../shared/time.ts";
import { isReserved } from "./subscription.ts";

/** The events that a caller may publish, checked, and the body that is sent: the same bytes at every attempt. Pure. */

/** An event to publish. `data` is JSON text; `deliverAt` unix milliseconds, null for now; `id` null for one of ours. */
export type NewEvent = { type: string; data: string; id: string | null; deliverAt: number | null };

type ParsedEvents = { ok: true; events: NewEvent[]; single: boolean } | { ok: false; reason: string };

const MAX_EVENTS = 100;
export const MAX_EVENT_BYTES = 256 * 1024;
/** A whole request: as many events as it may hold, each of the greatest size, and the JSON around them. */
export const MAX_REQUEST_BYTES = MAX_EVENTS * MAX_EVENT_BYTES + 64 * 1024;

const ID = /^[A-Za-z0-9_-]{1,256}$/;
const MEMBERS = new Set(["type", "data", "id", "deliverAt"]);

/** Returns the body on the wire: type, ISO timestamp, data (Standard Webhooks, "Payload structure"). */
export function eventBody(type: string, at: number, data: string): string {
  return `{"type":${JSON.stringify(type)},"timestamp":"${new Date(at).toISOString()}","data":${data}}`;
}

/** Returns what is wrong with a type, or null. */
export function typeFault(type: unknown): string | null {
  if (typeof type !== "string" || !isEventType(type)) {
    return `type must be dot-separated [A-Za-z0-9_]+ of at most ${MAX_TYPE_LENGTH} characters`;
  }
  return isReserved(type) ? "types that begin with webhook., endpoint. or delivery. are reserved" : null;
}

/**
 * Reads one event, or an array of up to 100, as `POST /events` takes them. `horizonMs`: how far ahead one may be due.
 */
export function parseEvents(value: unknown, { now, horizonMs }: { now: number; horizonMs: number }): ParsedEvents {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0 || list.length > MAX_EVENTS) {
    return { ok: false, reason: `an array holds 1 to ${MAX_EVENTS} events, not ${list.length}` };
  }
  const events: NewEvent[] = [];
  for (const [index, item] of list.entries()) {
    const parsed = parseEvent(item, { now, horizonMs });
    const place = Array.isArray(value) ? `event ${index}: ` : "";
    if (typeof parsed === "string") return { ok: false, reason: place + parsed };
    events.push(parsed);
  }
  return { ok: true, events, single: !Array.isArray(value) };
}

function parseEvent(item: unknown, { now, horizonMs }: { now: number; horizonMs: number }): NewEvent | string {
  if (typeof item !== "object" || item === null || Array.isArray(item)) return "an event is an object {type, data}";
  const { type, data, id, deliverAt, ...rest } = item as Record<string, unknown>;
  const unknown = Object.keys(rest).find((name) => !MEMBERS.has(name));
  if (unknown !== undefined) return `${JSON.stringify(unknown)} is not a member of an event`;
  const fault = typeFault(type);
  if (fault !== null) return fault;
  if (data === undefined) return "data is missing";
  if (id !== undefined && (typeof id !== "string" || !ID.test(id))) return "id must match [A-Za-z0-9_-]{1,256}";
  const due = parseDeliverAt(deliverAt, { now, horizonMs });
  if (typeof due === "string") return due;
  const text = printed(data);
  if (text === null) return "data is nested too deeply";
  const event: NewEvent = { type: String(type), data: text, id: id ?? null, deliverAt: due };
  return sizeFault(event) ?? event;
}

/** Prints JSON text; null when the data is nested beyond the stack, which printing reaches before parsing does. */
function printed(data: unknown): string | null {
  try {
    return JSON.stringify(data);
  } catch {
    return null;
  }
}

/** Returns what is wrong with an event's size, or null. A text has at most three bytes for each of its units. */
function sizeFault({ data }: NewEvent): string | null {
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
  if (at > now + horizonMs) return `deliverAt may be at most ${horizonMs / DAY_MS} days ahead`;
  return at > now ? at : null;
}

/**
 * Parses JSON and keeps every number as it was written: 9007199254740993 and 1.10 go out as they came in. Doubles would
 * change them.
 *
 * @throws SyntaxError, or RangeError when nested beyond the stack
 */
export function parseExact(text: string): unknown {
  // A number without fraction or exponent, of at most 15 digits, prints as it was written and needs no reviver.
  if (!/\d[.eE]|\d{16}|-0/.test(text)) return JSON.parse(text);
  return JSON.parse(text, ((_key: string, value: unknown, context: { source?: string }) =>
    typeof value === "number" && context.source !== undefined ? rawJson(context.source) : value) as (
    key: string,
    value: unknown,
  ) => unknown);
}

const rawJson = (JSON as unknown as { rawJSON: (text: string) => unknown }).rawJSON;

/** An event of the log. `at`: when it was logged, in unix ms. */
export type LoggedEvent = { seq: number; at: number; id: string; type: string; body: string };

/** An event to publish, with a digest of its content when it may be repeated: it has an id or a `deliverAt`. */
export type PublishEvent = NewEvent & { digest: string | null };

/** One call: all of its events are logged, or none. `request`: an Idempotency-Key and a digest of the whole request. */
export type PublishCall = { events: PublishEvent[]; request: { key: string; digest: string } | null };

/** The answer for one event. `seq` is null while the event waits for its `deliverAt`. */
export type Published = { id: string; seq: number | null };

export type PublishResult =
  | { ok: true; events: Published[] }
  | { ok: false; code: "id_conflict" | "storage_full" | "storage_unavailable" | "invalid_event"; detail: string };
