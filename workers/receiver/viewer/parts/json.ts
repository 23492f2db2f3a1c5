/**
 * JSON for reading: only the white space between its tokens changes. Nothing is parsed into values, so repeated
 * members, big numbers and escapes stay as they were sent. Pure.
 */

/** `text`: a string, number or literal as it stands in the source, or a container too deep to be laid out. */
export type Json = { text: string } | { open: "{" | "["; members: Member[] };

/** `key` has its quotes; it is null in an array. */
export type Member = { key: string | null; value: Json };

/** Containers within each other that are laid out; deeper ones are shown as they stand. */
const MAX_LAID_OUT_DEPTH = 60;
/** Lines that are laid out; a page with more is slow to render and to read. */
export const MAX_LINES = 4000;

/** A string, number, literal or punctuation of RFC 8259, after white space. */
const TOKEN =
  /[ \t\r\n]*("[^"\\]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\]*)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[[\]{},:])/y;

/** Returns null if the text is not JSON, and "long" if it has too many lines. */
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

/** Returns the value that begins with `first`, from a text that is JSON. It stops after too many lines. */
function valueFrom(tokens: Tokens, first: string, depth: number): Json {
  if (first !== "{" && first !== "[") return { text: first };
  if (depth === MAX_LAID_OUT_DEPTH) return { text: tokens.restOfContainer() };
  const members: Member[] = [];
  for (let token = tokens.next(); !/^[}\]]?$/.test(token) && tokens.lines <= MAX_LINES; token = tokens.next()) {
    if (token === ",") token = tokens.next();
    if (first === "{") tokens.next(); // the colon
    const [key, begin] = first === "{" ? [token, tokens.next()] : [null, token];
    members.push({ key, value: valueFrom(tokens, begin, depth + 1) });
  }
  return { open: first, members };
}

/** The tokens of a text in turn, and the number of lines that they make. */
class Tokens {
  readonly #text: string;
  readonly #cursor = new RegExp(TOKEN);
  lines = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Returns the next token, empty at the end of the text. */
  next(): string {
    const token = this.#cursor.exec(this.#text)?.[1] ?? "";
    if (/^[{}[\],]$/.test(token)) this.lines += 1;
    return token;
  }

  /** Returns the container whose opening token was the last one, as it stands. */
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
