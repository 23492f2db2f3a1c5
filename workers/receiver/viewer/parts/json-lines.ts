import { html } from "hono/html";
import { marked } from "../../../../shared/pages/marked.ts";
import type { Json, Member } from "./json.ts";

/**
 * Returns JSON as lines that fold; the script makes those of longer bodies (client/json-lines.js). These are templates and not JSX, because each of a long body's thousands of lines
 * would be three elements. Templates escape their values as JSX does.
 *
 * @param mark the text to mark, or null
 * @param key the text before the value, or null
 * @param end the comma after the value, or nothing
 */
export function jsonLines(json: Json, mark: RegExp | null, key: string | null = null, end = ""): JsonMarkup {
  const before = key === null ? "" : html`<span class="key">${marked(key, mark)}</span>: `;
  if ("text" in json) {
    const kind = json.text.startsWith('"') ? "string" : "word";
    return html`<div>${before}<span class="${kind}">${marked(json.text, mark)}</span>${end}</div>`;
  }
  const close = (json.open === "{" ? "}" : "]") + end;
  if (json.members.length === 0) return html`<div>${before}${json.open + close}</div>`;
  const last = json.members.length - 1;
  const lines = json.members.map((member, index) => jsonLines(member.value, mark, member.key, index < last ? "," : ""));
  const summary = html`<summary>${before}${json.open}<span class="more"> ${memberCount(json.members)} </span></summary>`;
  return html`<details open>${summary}<div class="in">${lines}</div></details><div class="close">${close}</div>`;
}

type JsonMarkup = ReturnType<typeof html>;

function memberCount(members: readonly Member[]): string {
  return members.length === 1 ? "… 1 item" : `… ${members.length} items`;
}
