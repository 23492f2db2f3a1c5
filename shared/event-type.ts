/** The types of events: their syntax, and the patterns that choose among them. */

export const MAX_TYPE_LENGTH = 128;

const TYPE = /^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$/;

/** Returns whether a text is the type of an event: names with dots between them. */
export function isEventType(text: string): boolean {
  return text.length <= MAX_TYPE_LENGTH && TYPE.test(text);
}

/** Returns whether a text is a pattern: an exact type, or `prefix.*` for all types below a prefix. */
export function isTypePattern(text: string): boolean {
  return text.length <= MAX_TYPE_LENGTH && TYPE.test(typePrefix(text)?.slice(0, -1) ?? text);
}

/** Returns the beginning that `prefix.*` asks for, its dot included; null for an exact type. */
export function typePrefix(pattern: string): string | null {
  return pattern.endsWith(".*") ? pattern.slice(0, -1) : null;
}

/** Returns whether a pattern chooses a type. */
export function matchesType(pattern: string, type: string): boolean {
  const prefix = typePrefix(pattern);
  return prefix === null ? type === pattern : type.startsWith(prefix);
}
