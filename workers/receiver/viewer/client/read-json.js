// @ts-check

/**
 * JSON as a tree of places in its text, for reading: nothing is parsed into values, so repeated members, big numbers
 * and escapes stay as they were sent. It finds the same values as the server does (parts/json.ts). Nothing here touches
 * the page.
 *
 * `key` is the text of a member's name with its quotes, null in an array and at the top. `begin` is the place of the
 * name, or of the value where there is none; `start` and `end` are that of the value. `members` are those of a container
 * that is laid out, null for any other value. `index` is its number among its parent's members.
 * @typedef {{ key: string | null, begin: number, start: number, end: number, members: JsonNode[] | null,
 *   parent: JsonNode | null, index: number, depth: number }} JsonNode
 */

/** Containers within each other that are laid out; deeper ones are shown as they stand. */
const MAX_DEPTH = 60;

/** Returns the tree of a text, or null if it is not JSON. @param {string} text @returns {JsonNode | null} */
export function readJson(text) {
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  /** The container that is open; the first one stands around the text. @type {JsonNode} */
  let open = { key: null, begin: 0, start: 0, end: 0, members: [], parent: null, index: 0, depth: -1 };
  /** The name of the next value. @type {{ key: string, begin: number } | null} */
  let name = null;
  for (let at = 0; at < text.length; ) {
    const char = text[at] ?? "";
    if (/[ \t\r\n,:]/.test(char)) at += 1;
    else if (char === "}" || char === "]") {
      at += 1;
      open.end = at;
      open = open.parent ?? open;
    } else if (char === '"' && name === null && text[open.start] === "{" && open.depth >= 0) {
      const end = endOfString(text, at);
      name = { key: text.slice(at, end), begin: at };
      at = end;
    } else {
      const node = nodeAt(open, name, at);
      open.members?.push(node);
      name = null;
      const opens = char === "{" || char === "[";
      if (opens && node.depth < MAX_DEPTH) {
        node.members = [];
        open = node;
        at += 1;
      } else {
        node.end = opens ? endOfContainer(text, at) : char === '"' ? endOfString(text, at) : endOfWord(text, at);
        at = node.end;
      }
    }
  }
  const found = open.members?.[0] ?? null;
  if (found !== null) found.parent = null;
  return found;
}

/** @param {JsonNode} parent @param {{ key: string, begin: number } | null} name @param {number} start @returns {JsonNode} */
function nodeAt(parent, name, start) {
  const { key = null, begin = start } = name ?? {};
  const index = parent.members?.length ?? 0;
  return { key, begin, start, end: start, members: null, parent, index, depth: parent.depth + 1 };
}

/** @param {string} text @param {number} start the place of the opening quote */
function endOfString(text, start) {
  let at = text.indexOf('"', start + 1);
  while (isEscaped(text, at)) at = text.indexOf('"', at + 1);
  return at + 1;
}

/** @param {string} text @param {number} at */
function isEscaped(text, at) {
  let first = at;
  while (text[first - 1] === "\\") first -= 1;
  return (at - first) % 2 === 1;
}

/** @param {string} text @param {number} start */
function endOfWord(text, start) {
  const word = /[^\s,\]}]+/y;
  word.lastIndex = start;
  word.test(text);
  return word.lastIndex;
}

/** @param {string} text @param {number} start */
function endOfContainer(text, start) {
  let at = start;
  for (let open = 0; at === start || open > 0; ) {
    const char = text[at] ?? "";
    if (char === '"') at = endOfString(text, at);
    else {
      if (char === "{" || char === "[") open += 1;
      if (char === "}" || char === "]") open -= 1;
      at += 1;
    }
  }
  return at;
}

/** Returns the value as one copies it: the content of a string, anything else as it was sent. @param {string} text @param {JsonNode} node */
export function valueText(text, { start, end }) {
  const value = text.slice(start, end);
  return value.startsWith('"') ? String(JSON.parse(value)) : value;
}

/** Names that a path writes without brackets: RFC 9535, section 2.5.1.1. */
const SHORTHAND = /^[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*$/;

/** Returns the way to a value as a JSONPath (RFC 9535). @param {JsonNode} node @returns {string} */
export function pathOf({ key, parent, index }) {
  if (parent === null) return "$";
  if (key === null) return `${pathOf(parent)}[${index}]`;
  const name = String(JSON.parse(key));
  return pathOf(parent) + (SHORTHAND.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`);
}

/** Returns the innermost value that holds the place `at`, or whose name does. @param {JsonNode} top @param {number} at */
export function nodeWith(top, at) {
  let node = top;
  for (;;) {
    const inner = node.members?.find(({ begin, end }) => begin <= at && at < end);
    if (inner === undefined) return node;
    node = inner;
  }
}
