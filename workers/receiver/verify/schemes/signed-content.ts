import { type Bytes, concat, fromHex, fromUtf8, toBase64, toHex, utf8 } from "../../../../shared/bytes.ts";
import { crc32 } from "./crc32.ts";
import { type BodyFields, bodyFields, fieldAt, queryValues, textOf } from "./fields.ts";
import type { SignatureRow } from "./row.ts";
import type { SignedRequest } from "./scheme.ts";
import { hasValue, limitsOf, type TemplatePart, templateParts } from "./template.ts";

/** Content that a row says is signed, as the bytes of one request. */

/** Id and timestamp of a request, exactly as they were sent, and the secret of a bare hash. */
type SentTexts = { id: string; timestamp: string; secret: string };

/** Returns the parts of what a row signs. */
export function signedParts({ signed = "{body}" }: SignatureRow): TemplatePart[] {
  return templateParts(signed) ?? [];
}

/**
 * Returns a function from a request to the contents that its signature may cover: one; two where a provider spells the
 * URL either way; none where the body cannot be the one that was signed.
 */
export function rowContents(row: SignatureRow): (request: SignedRequest, given: SentTexts) => Promise<Bytes[]> {
  const parts = signedParts(row);
  const [signsForm, signsFields] = [hasValue(parts, "form"), hasValue(parts, "field")];
  return async (request, given) => {
    const form = signsForm ? await formOf(row, request) : "";
    if (form === null) return [];
    const fields = signsFields ? await bodyFields(request) : null;
    const values = await Promise.all(
      parts.map((part, index) => bytesOfPart(part, limitsOf(parts, index), request, fields)),
    );
    const known: Record<string, string> = { ...given, form, method: request.method };
    if (values.includes(null)) return [];
    return urlsOf(row, request.url).map((url) =>
      concat(...parts.map(({ kind }, at) => values[at] ?? utf8(kind === "url" ? url : (known[kind] ?? "")))),
    );
  };
}

/** Returns the bytes of a part, undefined for one that others know, null where no such value can have been signed. */
async function bytesOfPart(
  part: TemplatePart,
  limits: readonly string[],
  { url, headers, body }: SignedRequest,
  fields: BodyFields | null,
): Promise<Bytes | null | undefined> {
  switch (part.kind) {
    case "text":
      return utf8(part.text);
    case "body":
      return body as Bytes;
    case "crc32":
      return utf8(String(crc32(body)));
    case "sha256":
    case "sha512": {
      const digest = new Uint8Array(await crypto.subtle.digest(HASHES[part.kind], body as Bytes));
      return utf8(part.filter === "base64" ? toBase64(digest) : toHex(digest));
    }
    case "field":
      return filtered(part, fields === null ? null : fieldText(fieldAt(fields, part.name)));
    case "header":
    case "query": {
      const [value = "", second] =
        part.kind === "query" ? queryValues(url, part.name) : [headers.get(part.name) ?? undefined];
      // The text after a value says where it ends. A parameter that is there twice could be either.
      const readable = second === undefined && !limits.some((limit) => value.includes(limit));
      return filtered(part, readable ? value : null);
    }
    default:
      return undefined;
  }
}

const HASHES = { sha256: "SHA-256", sha512: "SHA-512" };

/** Returns the text of a field, empty where it is missing or null; null where it has none. */
function fieldText(value: unknown): string | null {
  return value === undefined || value === null ? "" : textOf(value);
}

function filtered({ filter }: { filter: string | null }, value: string | null): Bytes | null {
  if (value === null) return null;
  return utf8(filter === "lower" ? value.toLowerCase() : value);
}

/** Returns the URL in each spelling that the provider may have signed, first as it arrived. */
function urlsOf({ urlDecodes, urlPort, urlQuery }: SignatureRow, url: string): string[] {
  const written = urlQuery === "configured" ? [url] : queriesUnencoded(url);
  const texts = written.map((each) => (urlDecodes === undefined ? each : decoded(each, urlDecodes)));
  return [...new Set(urlPort === "either" ? texts.flatMap(withoutAndWithPort) : texts)];
}

/** Codes of the characters that a URL parser encodes in a query, as it writes them (WHATWG URL, special-query set). */
const PARSER_CODES = /(?:%(?:2[27]|3[CE]|[89A-F][0-9A-F]))+/g;

/**
 * Returns the URL, and what a sender may have written where a proxy's URL parser wrote its query: with bare quotes, and
 * with everything bare that the parser encodes. To a parser each of these is the same URL.
 */
export function queriesUnencoded(url: string): string[] {
  const at = url.indexOf("?");
  if (at < 0 || !url.includes("%", at)) return [url];
  const [start, query] = [url.slice(0, at), url.slice(at)];
  const bare = query.replace(PARSER_CODES, (codes) => {
    const bytes = fromHex(codes.replaceAll("%", ""));
    return (bytes && fromUtf8(bytes)) ?? codes;
  });
  return [...new Set([query, query.replaceAll("%27", "'"), bare])].map((each) => start + each);
}

/** Undoes the percent-encoding of the given characters, and of no others. */
function decoded(url: string, characters: string): string {
  return url.replace(/%[0-9a-fA-F]{2}/g, (code) => {
    const character = String.fromCharCode(Number.parseInt(code.slice(1), 16));
    return characters.includes(character) ? character : code;
  });
}

const AUTHORITY = /^(https?):\/\/(\[[^\]]*\]|[^/?#:]+)(:\d+)?/;

function withoutAndWithPort(url: string): string[] {
  const [start, protocol, host, port = protocol === "https" ? ":443" : ":80"] = AUTHORITY.exec(url) ?? [];
  if (start === undefined) return [url];
  const rest = url.slice(start.length);
  return [`${protocol}://${host}${rest}`, `${protocol}://${host}${port}${rest}`];
}

/**
 * Returns the text of the form in the signed content; null when the body is not the one that was signed. A body that is
 * no form is covered only by its digest, which stands in the signed URL.
 */
async function formOf({ bodyDigest }: SignatureRow, { url, body }: SignedRequest): Promise<string | null> {
  const digest = bodyDigest === undefined ? null : (URL.parse(url)?.searchParams.get(bodyDigest) ?? null);
  if (digest !== null) return digest === (await sha256Hex(body)) ? "" : null;
  const form = sortedForm(body);
  return form === "" && body.byteLength > 0 ? null : form;
}

async function sha256Hex(body: Uint8Array): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", body as Bytes)));
}

/** More than any provider sends. A large body of nothing but fields would take a tenth of a second to sort. */
const MAX_FIELDS = 10_000;

/** Forms of the bodies at hand: a diagnosis verifies one body with many URLs and secrets. */
const formsOf = new WeakMap<Uint8Array, string>();

/**
 * Returns names and values of a form, in the order of the names, with nothing between them; equal pairs once. Empty for
 * what is no form that any provider sends.
 */
function sortedForm(body: Uint8Array): string {
  const known = formsOf.get(body);
  if (known !== undefined) return known;
  const text = fromUtf8(body);
  const form = text === null || text.split("&", MAX_FIELDS + 1).length > MAX_FIELDS ? "" : inOrderOfNames(text);
  formsOf.set(body, form);
  return form;
}

function inOrderOfNames(text: string): string {
  const pairs = new Set([...new URLSearchParams(text)].map(([name, value]) => `${name}\0${value}`));
  return [...pairs]
    .sort()
    .map((pair) => pair.replace("\0", ""))
    .join("");
}
