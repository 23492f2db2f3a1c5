import { fromUtf8 } from "../bytes.ts";
import { visible } from "./visible.ts";

/** Writes a request as a command for sh, bash and zsh, which makes the same request with curl. Pure. */

/**
 * Bytes of a body within the command. A bigger one would not fit where it is pasted, so it is fetched from `bodyUrl`.
 */
export const MAX_INLINE_BYTES = 32 * 1024;

/** Headers in order, a name perhaps more than once. */
type SentHeaders = [name: string, value: string][];

/** A request to write; a `method` of null is not known, and was a POST. */
export type CurlRequest = {
  method: string | null;
  url: string;
  headers: SentHeaders;
  body: Uint8Array;
  bodyUrl: string;
};

/**
 * Returns the command. Every byte of the body arrives: printf, whose octal escapes are POSIX, writes what quotes
 * cannot.
 */
export function curlOf({ method, url, headers, body, bodyUrl }: CurlRequest): string {
  const text = body.byteLength > MAX_INLINE_BYTES ? null : plainText(body);
  const data = text === null ? "--data-binary @-" : `--data-raw ${quoted(text)}`;
  const curl = [`curl ${requestOptions(method, url)}${argument(url)}`, ...headerOptions(headers), data].join(" \\\n  ");
  return text === null ? `${bodyCommand(body, bodyUrl)} |\n${curl}` : curl;
}

/** With data, curl sends a POST by itself. It takes braces and brackets of a URL for a pattern, unless it is told not to. */
function requestOptions(method: string | null, url: string): string {
  const named = method === null || method === "POST" ? "" : `-X ${quoted(method)} `;
  return /[[\]{}]/.test(url) ? `${named}-g ` : named;
}

/** Returns the headers to repeat: not those of the connection and the way here. A masked secret leaves its place. */
export function repeatable(headers: SentHeaders): SentHeaders {
  return headers.filter(([name]) => !NOT_REPEATED.test(name));
}

/** Headers that curl sets itself, and those of proxies, of Cloudflare and of its local runtime. */
const NOT_REPEATED =
  /^(host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|accept-encoding|content-length|cdn-loop|forwarded|via|true-client-ip|x-real-ip|cf-.*|x-forwarded-.*|proxy-.*|mf-.*)$/;

/** Quotes a text for a POSIX shell, which takes everything within single quotes as it is, except the quote. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function headerOptions(headers: SentHeaders): string[] {
  const options = headers.map(([name, value]) => `-H ${argument(value === "" ? `${name};` : `${name}: ${value}`)}`);
  // Without one, curl would say that the body is a form.
  const typed = headers.some(([name]) => name.toLowerCase() === "content-type");
  return typed ? options : [...options, "-H 'content-type:'"];
}

/** Quotes an argument, or lets printf write it if a terminal would not take or show it as it is. */
function argument(text: string): string {
  return isPlain(text) ? quoted(text) : `"$(${printf(new TextEncoder().encode(text))})"`;
}

/** Returns the command that writes the body. */
function bodyCommand(body: Uint8Array, bodyUrl: string): string {
  if (body.byteLength <= MAX_INLINE_BYTES) return printf(body);
  // The option is one word, since zsh does not split what it expands, and is left out where no token is set. With -f an
  // error answer does not pass for a body.
  return `curl -fsS \${API_TOKEN:+"-Hauthorization: Bearer $API_TOKEN"} ${quoted(bodyUrl)}`;
}

function plainText(body: Uint8Array): string | null {
  const text = fromUtf8(body);
  return text !== null && isPlain(text) ? text : null;
}

/** Tells if the text survives being pasted, and looks like what it is. A pasted tab would complete file names. */
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
