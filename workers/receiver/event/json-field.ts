import { fromUtf8 } from "../../../shared/bytes.ts";

/** Reads a JSON body that a stranger sent. Nothing here throws. */

/** Returns the parsed body; undefined when the body is not JSON. */
export function jsonBody(body: Uint8Array): unknown {
  const text = fromUtf8(body);
  if (text === null) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Returns an own member of a JSON object body, by a dotted path; undefined when there is none. */
export function jsonField(body: Uint8Array, path: string): unknown {
  return fieldOf(jsonBody(body), path);
}

/** Returns an own member of a parsed body, by a dotted path; undefined when there is none. */
export function fieldOf(value: unknown, path: string): unknown {
  return path.split(".").reduce(member, value);
}

function member(value: unknown, name: string): unknown {
  const known = typeof value === "object" && value !== null && Object.hasOwn(value, name);
  return known ? (value as Record<string, unknown>)[name] : undefined;
}
