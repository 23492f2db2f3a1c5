import { fromUtf8 } from "../../../shared/bytes.ts";
import { MAX_TYPE_LENGTH } from "../../../shared/event-type.ts";
import { fieldOf } from "./json-field.ts";

/**
 * The field that the provider names, else `type`, else `event`, of a JSON object: a label for people, never
 * trusted as anything more. Never throws.
 */
export function typeOf(body: Uint8Array, field?: string): string | null {
  const value = parsedBody(body);
  if (typeof value !== "object" || value === null) return null;
  const { type, event } = value as { type?: unknown; event?: unknown };
  return label(field === undefined ? null : fieldOf(value, field)) ?? label(type) ?? label(event);
}

/** The type that a provider names in a header, where the body does not. */
export function typeIn(headers: Headers, name: string | undefined): string | null {
  return name === undefined ? null : label(headers.get(name));
}

function parsedBody(body: Uint8Array): unknown {
  const text = fromUtf8(body);
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// Lone surrogates are legal in JSON and not in UTF-8, which is what storage keeps.
function label(value: unknown): string | null {
  const fits = typeof value === "string" && value.length > 0 && value.length <= MAX_TYPE_LENGTH;
  return fits ? value.toWellFormed() : null;
}
