import { isoTime } from "../../../../shared/time.ts";

/** Rules for timestamps and ids that all schemes share, and the reasons that a request is rejected for. Pure. */

export type RejectReason =
  | "id_missing"
  | "id_malformed"
  | "timestamp_missing"
  | "timestamp_malformed"
  | "timestamp_too_old"
  | "timestamp_too_new"
  | "signature_missing"
  | "signature_malformed"
  | "token_missing"
  | "token_mismatch"
  | "signature_mismatch";

/** Reason that an unsigned handshake was not answered; `question_secret_unset`: the source has no `handshakeSecret`. */
export type HandshakeReason = "question_malformed" | "question_token_mismatch" | "question_secret_unset";

/** Seconds that the sender's clock and the way here may be off, in either direction, both ends included. */
export const TOLERANCE_SECONDS = 300;

export type TimestampUnit = "s" | "ms" | "iso" | "http";

/** HTTP's own date, RFC 9110 section 5.6.7, with or without its comma, in GMT or what others call so. */
const HTTP_DATE =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? (\d{2}) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (\d{4}) (\d{2}:\d{2}:\d{2}) (?:GMT|UTC|[+-]0000)$/;

// No sign, leading zero or fraction: the number must be written as the text that was signed.
const DIGITS = /^[1-9]\d{0,14}$/;

/** Digits of the times from 2001 to 2286. */
const LENGTHS: Partial<Record<TimestampUnit, number>> = { s: 10, ms: 13 };

const PRINTABLE = /^[\x20-\x7e]{1,256}$/;

/** Returns unix seconds, rounded down; null when the text is no time of that unit. */
export function parseTimestamp(text: string, unit: TimestampUnit): number | null {
  if (unit === "iso") {
    const ms = isoTime(text);
    return ms === null ? null : Math.floor(ms / 1000);
  }
  if (unit === "http") return httpTime(text);
  if (!DIGITS.test(text)) return null;
  return unit === "s" ? Number(text) : Math.floor(Number(text) / 1000);
}

function httpTime(text: string): number | null {
  const [, day, month, year, time] = HTTP_DATE.exec(text) ?? [];
  const ms = time === undefined ? Number.NaN : Date.parse(`${day} ${month} ${year} ${time} GMT`);
  return Number.isNaN(ms) ? null : Math.floor(ms / 1000);
}

/** Returns the fault of a timestamp at `now` (unix seconds), or null. `windowSeconds` null: any time will do. */
export function timestampFault(
  text: string | null,
  now: number,
  { unit, windowSeconds }: { unit: TimestampUnit; windowSeconds: number | null },
): RejectReason | null {
  if (text === null || text === "") return "timestamp_missing";
  const timestamp = parseTimestamp(text, unit);
  if (timestamp === null) return "timestamp_malformed";
  // Where any time will do, its length must still say where it ends: `{timestamp}{body}` must not read two ways.
  if (windowSeconds === null) return text.length === (LENGTHS[unit] ?? text.length) ? null : "timestamp_malformed";
  if (timestamp < now - windowSeconds) return "timestamp_too_old";
  return timestamp > now + windowSeconds ? "timestamp_too_new" : null;
}

/**
 * Returns the fault of an id header, or null. A signed id holds no dot: one signature would stand for two readings of
 * `id.timestamp.body`.
 */
export function idFault(id: string | null, { signed }: { signed: boolean }): RejectReason | null {
  if (id === null) return signed ? "id_missing" : null;
  if (id === "") return "id_missing";
  // Two headers of one name arrive joined by a comma and a space, and nothing tells which of them was meant.
  if (!PRINTABLE.test(id) || id.includes(", ")) return "id_malformed";
  return signed && id.includes(".") ? "id_malformed" : null;
}

/** Returns an id from a body: a text or a number of at most 256 characters, else null. */
export function bodyId(value: unknown): string | null {
  const text = typeof value === "number" && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text !== "string" || text.length === 0 || text.length > 256) return null;
  return text.isWellFormed() ? text : null;
}

/** Returns a verdict that rejects. */
export function rejected(reason: RejectReason): { ok: false; reason: RejectReason } {
  return { ok: false, reason };
}
