/**
 * JSON as text: what a parser would lose (big integers, duplicate keys, escapes, the order of keys) stays as it
 * is when only the white space or the escapes of a document change. Pure.
 */

/** Strings, numbers, literals and punctuation of RFC 8259, without the white space between them. */
const TOKEN =
  /[ \t\r\n]*("[^"\\]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\]*)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[[\]{},:])/y;

/**
 * A cursor over the tokens of one text: each `exec` finds the next one, as its first group, and `lastIndex` is
 * where that ends; null at the end, and where something is no token.
 */
export function jsonCursor(): RegExp {
  return new RegExp(TOKEN);
}

/**
 * The tokens of a text, or null when something in it is none. Neither whether they form a document is looked at,
 * nor whether a string holds bare control characters.
 */
export function jsonTokens(text: string): string[] | null {
  const tokens: string[] = [];
  const cursor = jsonCursor();
  const end = text.trimEnd().length;
  while (cursor.lastIndex < end) {
    const token = cursor.exec(text)?.[1];
    if (token === undefined) return null;
    tokens.push(token);
  }
  return tokens.length === 0 ? null : tokens;
}

/** `indent` null: on one line. `colon` and `comma` are what stands for those two. */
export type JsonLayout = { indent: string | null; colon: string; comma: string };

/** The tokens laid out anew. An empty object or array stays on its line. */
export function layOut(tokens: readonly string[], { indent, colon, comma }: JsonLayout): string {
  let depth = 0;
  const parts: string[] = [];
  const newline = () => {
    if (indent !== null) parts.push("\n", indent.repeat(depth));
  };
  for (const [index, token] of tokens.entries()) {
    const opens = token === "{" || token === "[";
    const closes = token === "}" || token === "]";
    const before = tokens[index - 1];
    if (closes) {
      depth--;
      if (before !== "{" && before !== "[") newline();
    }
    parts.push(token === ":" ? colon : token === "," ? comma : token);
    if (opens) {
      depth++;
      const after = tokens[index + 1];
      if (after !== "}" && after !== "]") newline();
    }
    if (token === ",") newline();
  }
  return parts.join("");
}
