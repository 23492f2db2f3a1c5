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

const TOKEN = /[\t\n\r ]*("[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\t\n\r {}[\],:"]+)/y;

/** Null when the text is not JSON; "long" when it has too many lines. */
export function readJsonText(text: string): Json | "long" | null {
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  return layOut(text);
}

/** Of a text that is JSON. */
function layOut(text: string): Json | "long" {
  const root: Member[] = [];
  const stack = [root];
  let key: string | null = null;
  let lines = 0;
  let deep = { containers: 0, start: 0 };
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) {
    const token = match[1] ?? "";
    const inside = stack.at(-1) ?? root;
    const opens = token === "{" || token === "[";
    const closes = token === "}" || token === "]";
    if (deep.containers > 0) {
      const containers = deep.containers + (opens ? 1 : closes ? -1 : 0);
      deep = { ...deep, containers };
      if (containers > 0) continue;
      inside.push({ key, value: { text: text.slice(deep.start, TOKEN.lastIndex) } });
      key = null;
    } else if (opens && stack.length > MAX_DEPTH) {
      deep = { containers: 1, start: TOKEN.lastIndex - 1 };
    } else if (opens) {
      const members: Member[] = [];
      inside.push({ key, value: { open: token, members } });
      stack.push(members);
      key = null;
    } else if (closes) {
      stack.pop();
    } else if (token === ":") {
      // A colon follows the text of its key.
      const last = inside.pop()?.value;
      key = last !== undefined && "text" in last ? last.text : null;
    } else if (token !== ",") {
      inside.push({ key, value: { text: token } });
      key = null;
    }
    lines += opens || closes || token === "," ? 1 : 0;
    if (lines > MAX_LINES) return "long";
  }
  return root[0]?.value ?? { text };
}
