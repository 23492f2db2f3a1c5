// @ts-check
import { visible } from "./text.js";

/**
 * Lines of JSON that fold, made as they are opened: a body of a megabyte is a hundred thousand lines, and no page can
 * hold so many at once. They look like those of the server (parts/json-lines.ts).
 *
 * @typedef {import("./read-json.js").JsonNode} JsonNode
 * @typedef {{ members: JsonNode[], from: number, to: number }} Members
 * @typedef {{ line: HTMLDetailsElement, from: number, to: number }} Group
 */

/** Lines that one container shows; those of a longer one are grouped by their numbers. */
const GROUP = 100;
/** Characters of a string that are shown; it can be copied whole. */
const MAX_STRING = 2_000;

/** The lines of one text. */
export class JsonLines {
  #text;
  #mark;
  /** The value of each line. @type {WeakMap<Element, JsonNode>} */
  #nodes = new WeakMap();
  /** The line of each value that has one. @type {WeakMap<JsonNode, HTMLElement>} */
  #lines = new WeakMap();
  /** The members of a container or group that was never open. @type {WeakMap<HTMLDetailsElement, Members>} */
  #inner = new WeakMap();

  /** The groups within a line, with the numbers of their members. @type {WeakMap<HTMLDetailsElement, Group[]>} */
  #groups = new WeakMap();

  /** @param {string} text @param {RegExp | null} mark text to mark, `g` */
  constructor(text, mark) {
    this.#text = text;
    this.#mark = mark;
  }

  /** Takes the lines of the server for those of the values, in the order of the text. @param {Element} section @param {JsonNode} top */
  adopt(section, top) {
    const lines = section.querySelectorAll("details, div:not(.in, .close)");
    let at = 0;
    /** @param {JsonNode} node */
    const walk = (node) => {
      const line = lines[at++];
      if (line instanceof HTMLElement) this.#note(line, node);
      for (const member of node.members ?? []) walk(member);
    };
    walk(top);
  }

  /** Returns the value of a line, or null for another element. @param {Element} line */
  nodeOf(line) {
    return this.#nodes.get(line) ?? null;
  }

  /** Returns the line of a value if there is one by now. @param {JsonNode} node */
  lineOf(node) {
    return this.#lines.get(node) ?? null;
  }

  /** Opens all that a value stands in, groups too. @param {JsonNode} node */
  reveal(node) {
    const { parent } = node;
    if (parent === null) return;
    this.reveal(parent);
    const line = this.#lines.get(parent);
    let around = line instanceof HTMLDetailsElement ? line : undefined;
    while (around !== undefined && !this.#lines.has(node)) {
      this.fill(around);
      around.open = true;
      around = this.#groups.get(around)?.find(({ from, to }) => from <= node.index && node.index < to)?.line;
    }
  }

  /** Makes the lines of a value, closed. @param {JsonNode} node @param {boolean} [last] @returns {HTMLElement[]} */
  make(node, last = true) {
    const { members, start } = node;
    const end = last ? "" : ",";
    const name = node.key === null ? [] : [this.#span("key", node.key), ": "];
    if (members === null) return [this.#note(element("div", "", ...name, this.#value(node), end), node)];
    const [open, close] = this.#text[start] === "{" ? ["{", "}"] : ["[", "]"];
    if (members.length === 0) return [this.#note(element("div", "", ...name, open + close + end), node)];
    const count = members.length === 1 ? "1 item" : `${members.length.toLocaleString("en")} items`;
    const summary = element("summary", "", ...name, open, element("span", "more", ` … ${count} `));
    const folded = this.#folded(summary, { members, from: 0, to: members.length });
    return [this.#note(folded, node), element("div", "close", close + end)];
  }

  /** Makes the lines within a container or group, if that was not done before. @param {HTMLDetailsElement} line @returns {number} */
  fill(line) {
    const inner = this.#inner.get(line);
    if (inner === undefined) return 0;
    this.#inner.delete(line);
    const { from, to } = inner;
    const size = groupSize(to - from);
    const made = size === 1 ? this.#members(inner) : this.#grouped(line, inner, size);
    line.querySelector(".in")?.append(...made);
    return made.length;
  }

  /** @param {Members} inner */
  #members({ members, from, to }) {
    return members.slice(from, to).flatMap((member) => this.make(member, member.index === members.length - 1));
  }

  /** @param {HTMLDetailsElement} line @param {Members} inner @param {number} size */
  #grouped(line, { members, from, to }, size) {
    /** @type {Group[]} */
    const groups = [];
    for (let first = from; first < to; first += size) {
      const beyond = Math.min(first + size, to);
      const summary = element("summary", "quiet", `${first} to ${beyond - 1}`);
      groups.push({ line: this.#folded(summary, { members, from: first, to: beyond }), from: first, to: beyond });
    }
    this.#groups.set(line, groups);
    return groups.map(({ line }) => line);
  }

  /** @param {HTMLElement} summary @param {Members} inner */
  #folded(summary, inner) {
    const details = document.createElement("details");
    details.append(summary, element("div", "in"));
    summary.tabIndex = -1;
    this.#inner.set(details, inner);
    return details;
  }

  /** @param {JsonNode} node */
  #value({ start, end }) {
    const isString = this.#text[start] === '"';
    const shown = this.#span(isString ? "string" : "word", this.#text.slice(start, Math.min(end, start + MAX_STRING)));
    const rest = end - start - MAX_STRING;
    if (rest > 0) shown.append(element("span", "quiet", ` … ${rest.toLocaleString("en")} more characters`));
    return shown;
  }

  /** @param {string} kind @param {string} text */
  #span(kind, text) {
    const span = element("span", kind);
    let at = 0;
    for (const { 0: found, index } of this.#mark === null ? [] : text.matchAll(this.#mark)) {
      span.append(visible(text.slice(at, index)), element("mark", "", visible(found)));
      at = index + found.length;
    }
    span.append(visible(text.slice(at)));
    return span;
  }

  /** @template {HTMLElement} Line @param {Line} line @param {JsonNode} node */
  #note(line, node) {
    this.#nodes.set(line, node);
    this.#lines.set(node, line);
    return line;
  }
}

/** Returns how many members one line stands for where so many are to be shown: a power of GROUP. @param {number} count */
function groupSize(count) {
  let size = 1;
  while (size * GROUP < count) size *= GROUP;
  return size;
}

/** @param {string} tag @param {string} kind @param {(string | Node)[]} content */
function element(tag, kind, ...content) {
  const made = document.createElement(tag);
  if (kind !== "") made.className = kind;
  made.append(...content);
  return made;
}
