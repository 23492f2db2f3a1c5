import { MAX_TYPE_LENGTH } from "../../../shared/event-type.ts";
import { fieldOf, jsonBody } from "./json-field.ts";

/** Finds the type of a received event: a label for people, which proves nothing. Nothing here throws. */

/** Returns the field that the provider names, else `type`, else `event`, of a JSON object; null without any. */
export function typeOf(body: Uint8Array, field?: string): string | null {
  const value = jsonBody(body);
  if (typeof value !== "object" || value === null) return null;
  const { type, event } = value as { type?: unknown; event?: unknown };
  return label(field === undefined ? null : fieldOf(value, field)) ?? label(type) ?? label(event);
}

/** Returns the type that a provider names in a header, where the body does not. */
export function typeIn(headers: Headers, name: string | undefined): string | null {
  return name === undefined ? null : label(headers.get(name));
}

/** Lone surrogates are legal in JSON but not in UTF-8, which the storage keeps: they are replaced. */
function label(value: unknown): string | null {
  const fits = typeof value === "string" && value.length > 0 && value.length <= MAX_TYPE_LENGTH;
  return fits ? value.toWellFormed() : null;
}
