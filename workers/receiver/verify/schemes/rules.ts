import { isoTime } from "../../../../shared/time.ts";
import type { RejectReason } from "./reasons.ts";

/** What all schemes ask of a timestamp and an id, and how a field of a JSON body is read. */

/** How far the sender's clock and the way here may be off, in either direction, both ends included. */
export const TOLERANCE_SECONDS = 300;

export type TimestampUnit = "s" | "ms" | "iso";

// No sign, leading zero or fraction: the text must be the one that was signed, once it has been a number.
const DIGITS = /^[1-9]\d{0,14}$/;

/** As many digits as the times from 2001 to 2286 have. */
const LENGTHS: Partial<Record<TimestampUnit, number>> = { s: 10, ms: 13 };

const PRINTABLE = /^[\x20-\x7e]{1,256}$/;

/** Unix seconds, rounded down; null when the text is no time of that unit. */
export function parseTimestamp(text: string, unit: TimestampUnit): number | null {
  if (unit === "iso") {
    const ms = isoTime(text);
    return ms === null ? null : Math.floor(ms / 1000);
  }
  if (!DIGITS.test(text)) return null;
  return unit === "s" ? Number(text) : Math.floor(Number(text) / 1000);
}

/** What is wrong with a timestamp at `now` (unix seconds), or null. `windowSeconds` null: any time will do. */
export function timestampFault(
  text: string | null,
  now: number,
  { unit, windowSeconds }: { unit: TimestampUnit; windowSeconds: number | null },
): RejectReason | null {
  if (text === null || text === "") return "timestamp_missing";
  const timestamp = parseTimestamp(text, unit);
  if (timestamp === null) return "timestamp_malformed";
  // Where any time will do, its length still says where it ends: `{timestamp}{body}` must not read two ways.
  if (windowSeconds === null) return text.length === (LENGTHS[unit] ?? text.length) ? null : "timestamp_malformed";
  if (timestamp < now - windowSeconds) return "timestamp_too_old";
  return timestamp > now + windowSeconds ? "timestamp_too_new" : null;
}

/**
 * What is wrong with an id header, or null. A signed id holds no dot: one signature would stand for two
 * readings of `id.timestamp.body`.
 */
export function idFault(id: string | null, { signed }: { signed: boolean }): RejectReason | null {
  if (id === null) return signed ? "id_missing" : null;
  if (id === "") return "id_missing";
  // Two headers of one name arrive joined by a comma and a space: which of them was meant cannot be told.
  if (!PRINTABLE.test(id) || id.includes(", ")) return "id_malformed";
  return signed && id.includes(".") ? "id_malformed" : null;
}

export function rejected(reason: RejectReason): { ok: false; reason: RejectReason } {
  return { ok: false, reason };
}
