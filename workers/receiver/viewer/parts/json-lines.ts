import { html } from "hono/html";
import { visible } from "../../../../shared/pages/visible.ts";
import type { Json, Member } from "./json.ts";

/**
 * Returns JSON as lines that fold. These are templates and not JSX, because each of a long body's thousands of lines
 * would be three elements. Templates escape their values as JSX does.
 *
 * @param key the text before the value, or null
 * @param end the comma after the value, or nothing
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
  const summary = html`<summary>${before}${json.open}<span class="more"> ${memberCount(json.members)} </span></summary>`;
  return html`<details open>${summary}<div class="in">${lines}</div></details><div>${close}</div>`;
}

function memberCount(members: readonly Member[]): string {
  return members.length === 1 ? "… 1 item" : `… ${members.length} items`;
}
