/** The types of events: their syntax, and the patterns that choose among them. */

export const MAX_TYPE_LENGTH = 128;

const TYPE = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;
const PATTERN = /^[A-Za-z0-9_-]+(\.([A-Za-z0-9_-]+|\*))*$/;
/** A star that is a whole segment. */
const STAR = /\.\*(?=\.|$)/;

/** Returns whether a text is the type of an event: names with dots between them. */
export function isEventType(text: string): boolean {
  return text.length <= MAX_TYPE_LENGTH && TYPE.test(text);
}

/**
 * Returns whether a text is a pattern: a type in which segments after the first may be `*`. A star inside is one segment,
 * a star at the end one or more.
 */
export function isTypePattern(text: string): boolean {
  return text.length <= MAX_TYPE_LENGTH && PATTERN.test(text);
}

/** Returns the beginning of all types that a pattern chooses, its dot included; null for an exact type. */
export function typePrefix(pattern: string): string | null {
  const star = pattern.search(STAR);
  return star < 0 ? null : pattern.slice(0, star + 1);
}

/** Returns whether a pattern has a star inside, so that its beginning alone does not decide. */
export function hasInnerStar(pattern: string): boolean {
  const prefix = typePrefix(pattern);
  return prefix !== null && prefix.length + 1 < pattern.length;
}

/** Returns whether a pattern chooses a type. */
export function matchesType(pattern: string, type: string): boolean {
  const prefix = typePrefix(pattern);
  if (prefix === null) return type === pattern;
  return type.startsWith(prefix) && (prefix.length + 1 === pattern.length || segmentsMatch(pattern, type));
}

function segmentsMatch(pattern: string, type: string): boolean {
  const [wanted, given] = [pattern.split("."), type.split(".")];
  const isOpen = wanted.at(-1) === "*";
  if (isOpen ? given.length < wanted.length : given.length !== wanted.length) return false;
  return wanted.every((segment, index) => segment === "*" || segment === given[index]);
}

/**
 * Returns the SQL condition that says what `matchesType` says. `type` and `pattern` are expressions, with the names of
 * their tables: json_each has a column `type` too. Without GLOB, whose patterns the platform limits to 50 bytes.
 */
export function typeChosen(type: string, pattern: string): string {
  const star = `instr(${pattern}, '.*')`;
  const begins = `substr(${type}, 1, ${star}) = substr(${pattern}, 1, ${star})`;
  const inner = `(instr(${pattern}, '.*.') = 0 OR ${segmentsChosen(type, pattern)})`;
  return `(${type} = ${pattern} OR (${star} > 0 AND ${begins} AND ${inner}))`;
}

/** Returns the SQL condition that each segment of a type is that of the pattern, or a star. */
export function segmentsChosen(type: string, pattern: string): string {
  const listOf = (text: string) => `'[' || replace(json_quote(${text}), '.', '","') || ']'`;
  const dotsIn = (text: string) => `(length(${text}) - length(replace(${text}, '.', '')))`;
  const differs = `asked.value IS NOT json_extract(${listOf(type)}, '$[' || asked.key || ']')`;
  const isOpen = `(substr(${pattern}, -2) = '.*' AND ${dotsIn(type)} > ${dotsIn(pattern)})`;
  return `((${dotsIn(type)} = ${dotsIn(pattern)} OR ${isOpen}) AND NOT EXISTS (
    SELECT 1 FROM json_each(${listOf(pattern)}) AS asked WHERE asked.value <> '*' AND ${differs}))`;
}
