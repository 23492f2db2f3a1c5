// @ts-check
import { setMoment } from "../../../../shared/pages/client/local-time.js";
import { bytesText, repeatedText, visible } from "./text.js";

/**
 * Rows of the list, made from the page's own templates. Text of an event only ever becomes the text of a node, or a
 * parameter of an address on this Worker.
 *
 * @typedef {{ seq: number, id: string | null, source: string, type: string | null, receivedAt: string,
 *   bytes: number, verification: string, repeated?: { times: number, lastAt: string } }} Summary
 */

/**
 * @param {Summary} event
 * @returns {HTMLTableRowElement | null} null if the page has no template for it
 */
export function rowOf(event) {
  const template = document.getElementById(`row-${event.verification}`);
  // The content is imported because an address in a template's own document has no base, and cannot be changed in
  // parts.
  const content = template instanceof HTMLTemplateElement ? document.importNode(template.content, true) : null;
  const row = content?.firstElementChild;
  if (!(row instanceof HTMLTableRowElement)) return null;
  row.id = `e${event.seq}`;
  fillSlot(row, "type", event.type ?? "(no type)");
  fillSlot(row, "id", event.id ?? "");
  fillSlot(row, "source", event.source);
  fillSlot(row, "bytes", bytesText(event.bytes));
  showAgain(row, event.repeated);
  const box = row.querySelector("input");
  if (box !== null) {
    box.value = String(event.seq);
    box.ariaLabel = `Compare event ${event.seq}`;
  }
  const link = row.querySelector("[data-slot=link]");
  if (link instanceof HTMLAnchorElement) link.pathname = `/e/${event.seq}`;
  const source = row.querySelector("[data-slot=source]");
  if (source instanceof HTMLAnchorElement) source.search = withSource(source.search, event.source);
  const time = row.querySelector("time");
  if (time !== null) setMoment(time, event.receivedAt);
  return row;
}

/** Shows how often an event came again. @param {Element} row @param {{ times: number }} [repeated] */
export function showAgain(row, repeated) {
  fillSlot(row, "repeated", repeatedText(repeated?.times ?? 0));
}

/** @param {Element} row @param {string} slot @param {string} text */
function fillSlot(row, slot, text) {
  const place = row.querySelector(`[data-slot=${slot}]`);
  const inner = place?.querySelector("bdi") ?? place;
  if (inner) inner.textContent = visible(text);
}

/** @param {string} search @param {string} source */
function withSource(search, source) {
  const query = new URLSearchParams(search);
  query.set("source", source);
  return `?${query}`;
}
