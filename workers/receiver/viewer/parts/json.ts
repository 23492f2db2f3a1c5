/**
 * JSON for reading: only the white space between its tokens is laid out anew. Nothing is parsed into values, so
 * that repeated members, big numbers and escapes stay as they were sent. Pure.
 */

/** `text`: a string, number or literal as it stands in the source, or a container too deep to be laid out. */
export type Json = { text: string } | { open: "{" | "["; members: Member[] };

/** `key` with its quotes, null in an array. */
export type Member = { key: string | null; value: Json };

/** Containers within each other: more are shown as they stand. */
const MAX_DEPTH = 60;
/** A page with more lines is slow to make and to read. */
export const MAX_LINES = 4000;

/** Strings, numbers, literals and punctuation of RFC 8259, without the white space between them. */
const TOKEN =
  /[ \t\r\n]*("[^"\\]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\]*)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[[\]{},:])/y;

/** Null when the text is not JSON; "long" when it has too many lines. */
export function readJsonText(text: string): Json | "long" | null {
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  const tokens = new Tokens(text);
  const json = valueFrom(tokens, tokens.next(), 0);
  return tokens.lines > MAX_LINES ? "long" : json;
}

/** The value that begins with `first`, of a text that is JSON; what comes after too many lines is left out. */
function valueFrom(tokens: Tokens, first: string, depth: number): Json {
  if (first !== "{" && first !== "[") return { text: first };
  if (depth === MAX_DEPTH) return { text: tokens.restOfContainer() };
  const members: Member[] = [];
  for (let token = tokens.next(); !/^[}\]]?$/.test(token) && tokens.lines <= MAX_LINES; token = tokens.next()) {
    if (token === ",") token = tokens.next();
    if (first === "{") tokens.next(); // the colon
    const [key, begin] = first === "{" ? [token, tokens.next()] : [null, token];
    members.push({ key, value: valueFrom(tokens, begin, depth + 1) });
  }
  return { open: first, members };
}

/** The tokens of a text one after the other, and how many lines they have made up to here. */
class Tokens {
  readonly #text: string;
  readonly #cursor = new RegExp(TOKEN);
  lines = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Empty at the end of the text. */
  next(): string {
    const token = this.#cursor.exec(this.#text)?.[1] ?? "";
    if (/^[{}[\],]$/.test(token)) this.lines += 1;
    return token;
  }

  /** From the opening token that was the last, through the one that closes it, as it stands. */
  restOfContainer(): string {
    const start = this.#cursor.lastIndex - 1;
    for (let open = 1; open > 0; ) {
      const token = this.#cursor.exec(this.#text)?.[1];
      if (token === undefined) break;
      if (token === "{" || token === "[") open += 1;
      if (token === "}" || token === "]") open -= 1;
    }
    return this.#text.slice(start, this.#cursor.lastIndex);
  }
}
