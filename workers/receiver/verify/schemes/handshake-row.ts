import { fromUtf8, toBase64, toHex, utf8 } from "../../../../shared/bytes.ts";
import { sameText } from "../../../../shared/same-text.ts";
import { type BodyFields, bodyFields, fieldAt, queryValues, textOf } from "./fields.ts";
import type { HandshakeAnswer, HandshakeRow, SignedRequest } from "./scheme.ts";
import { type NamedPart, type TemplatePart, templateParts } from "./template.ts";

/** Answers handshakes by their rows. A text is echoed only if it looks like a challenge. */

const MAX_CHALLENGE = 1024;
/** Texts that an unsigned handshake has us sign: no event looks like one. */
const SIGNED_CHALLENGE = /^[\w+/=.-]{1,1024}$/;

/** Tells whether a text could be a challenge that anyone has us sign. */
export function isSignedChallenge(text: string): boolean {
  return SIGNED_CHALLENGE.test(text);
}

/** Returns the places of a row's answer. */
export function answeredParts({ answer = "" }: HandshakeRow): NamedPart[] {
  return (templateParts(answer) ?? []).filter((part): part is NamedPart => isNamedPart(part));
}

function isNamedPart(part: TemplatePart): part is NamedPart {
  return part.kind === "header" || part.kind === "query" || part.kind === "field";
}

/** Tells whether the answer holds an HMAC under the source's secret. */
export function signsAnswer(row: HandshakeRow): boolean {
  return answeredParts(row).some(({ filter }) => filter?.startsWith("hmac"));
}

/** Returns the answer of a row; null when the request is no such handshake. No request makes it throw. */
export async function rowAnswer(
  row: HandshakeRow,
  request: SignedRequest,
  { secrets, own }: { secrets: readonly string[]; own: readonly string[] },
): Promise<HandshakeAnswer | null> {
  const fields = await bodyFields(request);
  if (!isAsked(row, request, fields) || !isVerified(row, { request, fields, own })) return null;
  const { answer, status } = row;
  const isJson = (row.contentType ?? contentTypeOf(answer)) === "application/json";
  const texts = (templateParts(answer ?? "") ?? []).map(async (part) => {
    if (!isNamedPart(part)) return part.kind === "text" ? part.text : null;
    const value = textOf(valueAt(part, request, fields));
    const text =
      value === null || value === "" || value.length > MAX_CHALLENGE
        ? null
        : await echoOf(part, value, { row, secrets });
    return text !== null && isJson ? JSON.stringify(text).slice(1, -1) : text;
  });
  const body = await Promise.all(texts);
  if (body.includes(null)) return null;
  return { contentType: isJson ? "application/json" : "text/plain", body: status === 204 ? null : body.join("") };
}

function contentTypeOf(answer = ""): string {
  return /^(?:\{"|\[)/.test(answer) ? "application/json" : "text/plain";
}

async function echoOf(
  { filter }: NamedPart,
  value: string,
  { row, secrets: [secret] }: { row: HandshakeRow; secrets: readonly string[] },
): Promise<string | null> {
  if (filter === "lower") return value.toLowerCase();
  if (filter === null) return value;
  if (secret === undefined || (row.signed === false && !isSignedChallenge(value))) return null;
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", utf8(secret), algorithm, false, ["sign"]);
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", key, utf8(value)));
  return filter === "hmac64" ? toBase64(mac) : toHex(mac);
}

/** Tells whether the request has all that the row asks for. */
function isAsked({ when = {} }: HandshakeRow, request: SignedRequest, fields: BodyFields): boolean {
  return Object.entries(when).every(([place, wanted]) => {
    if (place === "body") return fromUtf8(request.body) === wanted;
    const value = valueAt(parsedPlace(place), request, fields);
    return typeof wanted === "boolean" ? (value !== undefined) === wanted : value === wanted;
  });
}

/** Tells whether the request knows the verify token, where the row asks for it. */
function isVerified(
  { verifyToken }: HandshakeRow,
  { request, fields, own }: { request: SignedRequest; fields: BodyFields; own: readonly string[] },
): boolean {
  if (verifyToken === undefined) return true;
  const given = textOf(valueAt(parsedPlace(verifyToken), request, fields)) ?? "";
  return own.map((token) => sameText(given, token)).includes(true);
}

/** Returns whether the request is the handshake of a row but for its verify token, which is another one. */
export async function hasOtherToken(
  row: HandshakeRow,
  request: SignedRequest,
  own: readonly string[],
): Promise<boolean> {
  if (row.verifyToken === undefined) return false;
  const fields = await bodyFields(request);
  const named = valueAt(parsedPlace(row.verifyToken), request, fields) !== undefined;
  return named && isAsked(row, request, fields) && !isVerified(row, { request, fields, own });
}

/** Returns the kind and the name of a place, as `query:hub.challenge`. */
function parsedPlace(place: string): Pick<NamedPart, "kind" | "name"> {
  const colon = place.indexOf(":");
  return { kind: place.slice(0, colon) as NamedPart["kind"], name: place.slice(colon + 1) };
}

function valueAt(
  { kind, name }: Pick<NamedPart, "kind" | "name">,
  request: SignedRequest,
  fields: BodyFields,
): unknown {
  if (kind === "field") return fieldAt(fields, name);
  if (kind === "header") return request.headers.get(name) ?? undefined;
  const values = queryValues(request.url, name);
  return values.length > 1 ? null : values[0];
}
