/** A text that was found, with some of what stands around it. Pure. */

/** Characters shown on each side of the text. */
const AROUND = 40;

/** A found text as it stands there, and the text on both sides of it; an ellipsis shows each cut. */
export type Excerpt = { before: string; text: string; after: string };

/** Returns the first match of a pattern in a text, cut between characters; null for none. */
export function excerptOf(text: string, pattern: RegExp): Excerpt | null {
  const match = pattern.exec(text);
  if (match === null) return null;
  const [at, end] = [match.index, match.index + match[0].length];
  const [from, to] = [boundary(text, Math.max(0, at - AROUND)), boundary(text, Math.min(text.length, end + AROUND))];
  const before = (from > 0 ? "…" : "") + text.slice(from, at);
  return { before, text: text.slice(at, end), after: text.slice(end, to) + (to < text.length ? "…" : "") };
}

/** Returns a place in a text that divides no surrogate pair. */
function boundary(text: string, at: number): number {
  return /[\udc00-\udfff]/.test(text[at] ?? "") && /[\ud800-\udbff]/.test(text[at - 1] ?? "") ? at - 1 : at;
}
