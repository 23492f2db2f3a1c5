import type { EventRecord } from "../event/record.ts";

/** Records as CSV: RFC 4180, with lines that end in CR LF. A spreadsheet must run nothing of what strangers sent. */

const COLUMNS = ["seq", "id", "source", "type", "receivedAt", "bytes", "verification", "headers", "encoding", "body"];

export const csvHead = `${COLUMNS.join(",")}\r\n`;

/** Spreadsheets take a cell for a formula by its beginning; a byte-order mark or a control character may hide it. */
const UNSAFE = /^[=+\-@\p{Cc}\ufeff]/u;

const QUOTED = /[",\r\n]/;

/** One line; `encoding` says `base64` where the body is not text, `headers` are JSON. */
export function toCsv(record: EventRecord): string {
  const { seq, id, source, type, receivedAt, bytes, verification, headers, encoding, body } = record;
  const texts = [id, source, type, receivedAt, String(bytes), verification, JSON.stringify(headers), encoding, body];
  return `${[String(seq), ...texts.map((text) => cell(text ?? ""))].join(",")}\r\n`;
}

/** An apostrophe before what could be a formula: spreadsheets show the text. */
function cell(text: string): string {
  const safe = UNSAFE.test(text) ? `'${text}` : text;
  return QUOTED.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
