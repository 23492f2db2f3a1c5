import { html } from "hono/html";
import { visible } from "../../../../shared/pages/visible.ts";
import type { Json, Member } from "./json.ts";

/**
 * JSON as lines that fold. In templates, which escape what is put in as JSX does: of the thousands of lines of a
 * long body, each would be three elements.
 *
 * @param key as it stands before the value, or null; `end`: the comma after it, or nothing
 */
export function jsonLines(json: Json, key: string | null = null, end = ""): ReturnType<typeof html> {
  const before = key === null ? "" : html`<span class="key">${visible(key)}</span>: `;
  if ("text" in json) {
    const kind = json.text.startsWith('"') ? "string" : "word";
    return html`<div>${before}<span class="${kind}">${visible(json.text)}</span>${end}</div>`;
  }
  const close = (json.open === "{" ? "}" : "]") + end;
  if (json.members.length === 0) return html`<div>${before}${json.open + close}</div>`;
  const last = json.members.length - 1;
  const lines = json.members.map((member, index) => jsonLines(member.value, member.key, index < last ? "," : ""));
  const summary = html`<summary>${before}${json.open}<span class="more"> ${count(json.members)} </span></summary>`;
  return html`<details open>${summary}<div class="in">${lines}</div></details><div>${close}</div>`;
}

function count(members: readonly Member[]): string {
  return members.length === 1 ? "… 1 item" : `… ${members.length} items`;
}
