/** Templates of signed texts and of answers: placeholders in braces, and the texts between them. Pure. */

/** Values that need no name. The lengths of a digest, of a checksum and of a secret are known to whoever reads them. */
const UNNAMED = ["body", "timestamp", "id", "url", "method", "form", "sha256", "sha512", "crc32", "secret"] as const;
/** Values of a place: `{header:x-name}`, `{query:data.id}`, `{field:data.id}`. */
const NAMED = ["header", "query", "field"] as const;

type PlainName = (typeof UNNAMED)[number];
type NamedKind = (typeof NAMED)[number];

/** A filter after a bar: `{query:id|lower}`, `{sha256|base64}`; in answers `{query:crc_token|hmac}`, in hex or base64. */
type Filter = "lower" | "base64" | "hmac" | "hmac64" | null;

/** A part of a template. `name` is the place's; empty for values that need none. */
export type TemplatePart = { kind: "text"; text: string } | { kind: PlainName; name: ""; filter: Filter } | NamedPart;

/** A value that is named by its place. */
export type NamedPart = { kind: NamedKind; name: string; filter: Filter };

const NAMED_FILTERS = ["lower", "hmac", "hmac64"] as const;

const PLACEHOLDER = /(\{\w*(?::[^{}|]*)?(?:\|\w*)?\})/;
const PARTS = /^\{(\w*)(?::([^{}|]*))?(?:\|(\w*))?\}$/;

export const PLACEHOLDERS = [...UNNAMED.map((name) => `{${name}}`), ...NAMED.map((kind) => `{${kind}:…}`)];

/** Values whose bytes are proven where a template has them: together they are all of a body. */
const COVERING: readonly string[] = ["body", "form", "sha256", "sha512"];
/** Values of any text and length. Two of them side by side could be read in more than one way. */
const OPEN: readonly string[] = ["body", "form", "url", "header", "query", "field"];

/** Returns the parts of a template; null when a placeholder is unknown. */
export function templateParts(template: string): TemplatePart[] | null {
  const parts = template.split(PLACEHOLDER).filter((text) => text !== "");
  const read = parts.map((text) => (PLACEHOLDER.test(text) ? placeholderOf(text) : { kind: "text" as const, text }));
  return read.every((part) => part !== null) ? read : null;
}

function placeholderOf(text: string): TemplatePart | null {
  const [, kind = "", name, filter = null] = PARTS.exec(text) ?? [];
  const known = filter === null ? null : NAMED_FILTERS.find((each) => each === filter);
  if (isNamed(kind) && name !== undefined && name !== "" && known !== undefined) return { kind, name, filter: known };
  const digest = kind === "sha256" || kind === "sha512";
  const plain = UNNAMED.find((each) => each === kind);
  if (plain === undefined || name !== undefined || !(filter === null || (digest && filter === "base64"))) return null;
  return { kind: plain, name: "", filter };
}

function isNamed(kind: string): kind is NamedKind {
  return (NAMED as readonly string[]).includes(kind);
}

/** Tells whether a template names a value of this kind, with this name if it needs one. */
export function hasValue(parts: readonly TemplatePart[], kind: PlainName | NamedKind, name?: string): boolean {
  return parts.some((part) => part.kind === kind && (name === undefined || ("name" in part && part.name === name)));
}

/** Tells whether a signature over the template proves every byte of the body, or of its form. */
export function coversBody(parts: readonly TemplatePart[]): boolean {
  return parts.some(({ kind }) => COVERING.includes(kind));
}

/**
 * Tells whether two values of any length stand side by side, one of them named by its place: then nobody knows where the
 * first one ends.
 */
export function runsTogether(parts: readonly TemplatePart[]): boolean {
  return parts.some(({ kind }, index) => {
    const next = parts[index + 1]?.kind ?? "text";
    return OPEN.includes(kind) && OPEN.includes(next) && (isNamed(kind) || isNamed(next));
  });
}

/** Returns the characters that end the value of a part to the left and to the right, and so cannot stand in it. */
export function limitsOf(parts: readonly TemplatePart[], index: number): string[] {
  const [before, after] = [parts[index - 1], parts[index + 1]];
  return [
    ...(before?.kind === "text" ? before.text.slice(-1) : ""),
    ...(after?.kind === "text" ? after.text.slice(0, 1) : ""),
  ];
}
