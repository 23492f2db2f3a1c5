import { fromUtf8 } from "../../../shared/bytes.ts";

/** An own member of a JSON object body, by a dotted path; undefined when there is none. Never throws. */
export function jsonField(body: Uint8Array, path: string): unknown {
  const text = fromUtf8(body);
  if (text === null) return undefined;
  try {
    return fieldOf(JSON.parse(text), path);
  } catch {
    return undefined;
  }
}

/** The same of a parsed body. */
export function fieldOf(value: unknown, path: string): unknown {
  return path.split(".").reduce(member, value);
}

function member(value: unknown, name: string): unknown {
  const known = typeof value === "object" && value !== null && Object.hasOwn(value, name);
  return known ? (value as Record<string, unknown>)[name] : undefined;
}
