import { toBase64, toHex, utf8 } from "../../../../shared/bytes.ts";
import { parseSigningKey } from "../../../../shared/signing/secret.ts";
import { HEADER, sign } from "../../../../shared/signing/signature.ts";
import type { HeaderList } from "../../event/headers.ts";
import { DERIVATIONS, DIGESTS } from "../../verify/schemes/hmac.ts";
import { type HmacRow, unitOf } from "../../verify/schemes/row.ts";
import type { Source } from "../../verify/source.ts";

/** Example requests, signed as a provider would sign them: sending one shows that everything up to the log works. */

/** A request that a source accepts. */
export type Example = { headers: HeaderList; body: string };

/** `now` is in unix milliseconds; `id` is the event's, and `url` the address it is posted to. */
type ExampleInput = { now: number; id: string; url: string };

/**
 * Returns an example for the source. Null if it cannot be signed here: only the provider has the private key, the token
 * must not stand in a page, or the secret is unusable.
 */
export async function exampleFor(source: Source, given: ExampleInput): Promise<Example | null> {
  const { schemeName, scheme, secrets, fault } = source;
  if (fault !== null) return null;
  if (schemeName === "none") return { headers: JSON_TYPE, body: JSON.stringify(exampleBody(given)) };
  const [secret] = secrets;
  if (secret === undefined) return null;
  if (schemeName === "standard" || schemeName === "svix") return standardExample(schemeName, secret, given);
  return scheme.row === undefined ? null : rowExample(scheme.row, source, secret, given);
}

const JSON_TYPE: HeaderList = [["content-type", "application/json"]];
const FORM_TYPE: HeaderList = [["content-type", "application/x-www-form-urlencoded"]];

function exampleBody({ now }: ExampleInput) {
  return { type: "example.sent", timestamp: new Date(now).toISOString(), data: { hello: "world" } };
}

async function standardExample(
  name: "standard" | "svix",
  secret: string,
  given: ExampleInput,
): Promise<Example | null> {
  const parsed = parseSigningKey(secret);
  if (!parsed.ok) return null;
  const body = JSON.stringify(exampleBody(given));
  const timestamp = Math.floor(given.now / 1000);
  const message = { id: given.id, timestamp, body: utf8(body) };
  const signature = await sign(message, [parsed.key]);
  const named = (header: string) => (name === "svix" ? header.replace("webhook-", "svix-") : header);
  const headers: HeaderList = [
    [named(HEADER.id), given.id],
    [named(HEADER.timestamp), String(timestamp)],
    [named(HEADER.signature), signature],
  ];
  return { headers: [...JSON_TYPE, ...headers], body };
}

/** Values of a template that no example has. */
const OTHER_VALUES = /\{(?:sha|crc|secret|header:|query:|field:)/;

/** Returns an example that the engine verifies by the same row; null for a row that signs what no example has. */
async function rowExample(row: HmacRow, source: Source, secret: string, given: ExampleInput): Promise<Example | null> {
  const { signed = "{body}", digest = "sha256", key = "text", typeHeader } = row;
  if (row.header === undefined || row.format === "values" || OTHER_VALUES.test(signed)) return null;
  const derived = DERIVATIONS[key].derive(secret);
  if (derived === null || derived.byteLength === 0) return null;
  const time = timestampText(row, given.now);
  const isForm = signed.includes("{form}");
  const body = isForm ? "type=example.sent" : JSON.stringify(withFields(row, exampleBody(given), given.id, time));
  const values: Record<string, string> = {
    body,
    form: "typeexample.sent",
    timestamp: time,
    id: given.id,
    url: source.url ?? given.url,
    method: "POST",
  };
  const content = signed.replace(/\{([a-z]+)\}/g, (placeholder, name: string) => values[name] ?? placeholder);
  const algorithm = { name: "HMAC", hash: DIGESTS[digest].hash };
  const cryptoKey = await crypto.subtle.importKey("raw", derived, algorithm, false, ["sign"]);
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", cryptoKey, utf8(content)));
  const headers: HeaderList = [
    ...(isForm ? FORM_TYPE : JSON_TYPE),
    ...(row.idHeader === undefined ? [] : [[row.idHeader, given.id] as [string, string]]),
    ...(row.timestampHeader === undefined ? [] : [[row.timestampHeader, time] as [string, string]]),
    ...(typeHeader === undefined ? [] : [[typeHeader, "example.sent"] as [string, string]]),
    signatureHeader(row, ENCODERS[row.encoding ?? "hex"](mac), time),
  ];
  return { headers, body };
}

const ENCODERS = {
  hex: toHex,
  base64: toBase64,
  base64url: (bytes: Uint8Array) => bytes.toBase64({ alphabet: "base64url" }),
};

function signatureHeader(row: HmacRow, signature: string, time: string): [string, string] {
  const { header = "", format = "plain", prefix = "", separator = ",", pair, timestampPair } = row;
  if (format === "numbered") return [`${header}1`, signature];
  if (format !== "pairs") return [header, prefix + signature];
  const pairs = [...(timestampPair === undefined ? [] : [`${timestampPair}=${time}`]), `${pair}=${signature}`];
  return [header, pairs.join(separator)];
}

function timestampText(row: HmacRow, now: number): string {
  const timestampUnit = unitOf(row);
  if (timestampUnit === "http") return new Date(now).toUTCString();
  if (timestampUnit === "iso") return new Date(now).toISOString();
  return String(timestampUnit === "ms" ? now : Math.floor(now / 1000));
}

/** Puts the fields that the row reads from the body at their dotted paths. */
function withFields({ idField, timestampField, timestampUnit }: HmacRow, body: object, id: string, time: string) {
  const fields: [string | undefined, unknown][] = [
    [idField, id],
    [timestampField, timestampUnit === "iso" ? time : Number(time)],
  ];
  for (const [path, value] of fields) if (path !== undefined) setPath(body as Record<string, unknown>, path, value);
  return body;
}

function setPath(target: Record<string, unknown>, path: string, value: unknown): void {
  const [name = "", ...rest] = path.split(".");
  if (rest.length === 0) target[name] = value;
  else {
    const inner = (typeof target[name] === "object" && target[name] !== null ? target[name] : {}) as typeof target;
    target[name] = inner;
    setPath(inner, rest.join("."), value);
  }
}
