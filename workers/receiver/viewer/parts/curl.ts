import { fromUtf8 } from "../../../../shared/bytes.ts";
import { visible } from "../../../../shared/pages/visible.ts";
import { type HeaderList, MASK } from "../../event/headers.ts";

/** A request as a line for sh, bash and zsh that makes the very same one with curl. Pure. */

/** A bigger body would not fit where a line is pasted; it is fetched from `bodyUrl` instead. */
export const MAX_INLINE_BYTES = 32 * 1024;

export type CurlRequest = { url: string; headers: HeaderList; body: Uint8Array; bodyUrl: string };

/** Every byte of the body arrives: what text in quotes cannot say is given to printf, whose octal escapes are POSIX. */
export function curlOf({ url, headers, body, bodyUrl }: CurlRequest): string {
  const text = body.byteLength > MAX_INLINE_BYTES ? null : plainText(body);
  const data = text === null ? "--data-binary @-" : `--data-raw ${quoted(text)}`;
  const curl = [`curl ${quoted(url)}`, ...headerOptions(headers), data].join(" \\\n  ");
  return text === null ? `${sourceOf(body, bodyUrl)} |\n${curl}` : curl;
}

/** The headers worth repeating: not those of the connection and the way here, and none that is masked. */
export function repeatable(headers: HeaderList): HeaderList {
  return headers.filter(([name, value]) => value !== MASK && !OF_THE_WAY.test(name));
}

const OF_THE_WAY =
  /^(host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|accept-encoding|content-length|cdn-loop|forwarded|via|true-client-ip|x-real-ip|cf-.*|x-forwarded-.*|proxy-.*|mf-.*)$/;

/** Within single quotes a POSIX shell takes everything as it is, but the quote itself. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function headerOptions(headers: HeaderList): string[] {
  const options = headers.map(([name, value]) => `-H ${argument(value === "" ? `${name};` : `${name}: ${value}`)}`);
  // Without one, curl would say that the body is a form.
  const typed = headers.some(([name]) => name.toLowerCase() === "content-type");
  return typed ? options : [...options, "-H 'content-type:'"];
}

/** What a terminal would not take or show as it is goes through printf. */
function argument(text: string): string {
  return isPlain(text) ? quoted(text) : `"$(${printf(new TextEncoder().encode(text))})"`;
}

function sourceOf(body: Uint8Array, bodyUrl: string): string {
  if (body.byteLength <= MAX_INLINE_BYTES) return printf(body);
  // One word, since zsh does not split what it expands; none where no token is set. A refusal is not a body.
  return `curl -fsS \${API_TOKEN:+"-Hauthorization: Bearer $API_TOKEN"} ${quoted(bodyUrl)}`;
}

function plainText(body: Uint8Array): string | null {
  const text = fromUtf8(body);
  return text !== null && isPlain(text) ? text : null;
}

/** Whether the text survives being pasted, and looks like what it is. Tabs would complete file names. */
function isPlain(text: string): boolean {
  return !/[\t\r]/.test(text) && visible(text) === text;
}

function printf(bytes: Uint8Array): string {
  let format = "";
  for (const [index, byte] of bytes.entries()) {
    const char = String.fromCharCode(byte);
    const literal = byte >= 0x20 && byte < 0x7f && !/['\\%]/.test(char);
    // A format that begins with a dash would be an option.
    if (literal && !(index === 0 && char === "-")) format += char;
    else if (char === "%") format += "%%";
    else format += `\\${byte.toString(8).padStart(3, "0")}`;
  }
  return `printf '${format}'`;
}
