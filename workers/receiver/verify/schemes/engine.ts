import { type Bytes, fromBase64, fromBase64Url, fromHex } from "../../../../shared/bytes.ts";
import { ConfigError } from "../../../../shared/config.ts";
import { MAX_SIGNATURES } from "../../../../shared/signing/signature.ts";
import { jsonField } from "../../event/json-field.ts";
import { bodyFields, fieldAt, textOf } from "./fields.ts";
import { type SignatureRow, unitOf, windowOf } from "./row.ts";
import { bodyId, idFault, parseTimestamp, type RejectReason, rejected, timestampFault } from "./rules.ts";
import type { Scheme, SignedRequest, Verdict } from "./scheme.ts";
import { rowContents, signedParts } from "./signed-content.ts";
import { coversBody, hasValue } from "./template.ts";

/** The one engine behind all rows, with HMAC and public keys alike. */

/** Cryptography of a kind of row. `verify` takes constant time and never throws. */
export type Algorithm = {
  /** Returns the key. @throws ConfigError when the secret cannot be one. */
  keyOf(secret: string): Promise<CryptoKey>;
  /** Returns the signature as the platform takes it, or null when no signature looks like this. */
  signature(bytes: Bytes): Bytes | null;
  verify(key: CryptoKey, signature: Bytes, content: Bytes): Promise<boolean>;
};

const DECODERS = { hex: fromHex, base64: fromBase64, base64url: fromBase64Url };

/** Returns the scheme that a row describes. */
export function rowScheme(row: SignatureRow, algorithm: Algorithm): Scheme {
  const parts = signedParts(row);
  const unit = unitOf(row);
  const contentsFor = rowContents(row);
  const idSigned = hasValue(parts, "id");
  const whole = coversBody(parts) && !hasValue(parts, "secret");
  const windowSeconds = windowOf(row);
  const { header, idField } = row;
  return {
    // A proof of some fields, or of a bare hash, is one of the sender, and none of the bytes.
    verification: whole ? "verified" : "authenticated",
    signedId: idSigned || (idField !== undefined && (whole || hasValue(parts, "field", idField))),
    ...(hasValue(parts, "url") ? { signedUrl: row.urlQuery ?? "called" } : {}),
    signatureHeaders: header === undefined ? [] : row.format === "numbered" ? numbered(header) : [header],
    ...(row.typeHeader === undefined ? {} : { typeHeader: row.typeHeader }),
    ...(row.typeField === undefined ? {} : { typeField: row.typeField }),
    timestampOf: (request) => parseTimestamp(timestampIn(row, request) ?? "", unit),

    async verify(request, secrets, now) {
      if (secrets.length === 0) throw new ConfigError("no secret is configured");
      const keys = await Promise.all(secrets.map((secret) => algorithm.keyOf(secret)));
      const found = await signaturesOf(row, request);
      if ("fault" in found) return rejected(found.fault);
      const timestamp = row.timestampHeader ? request.headers.get(row.timestampHeader) : found.timestamp;
      const placed = hasValue(parts, "timestamp");
      const id = row.idHeader ? request.headers.get(row.idHeader) : null;
      const fault =
        (placed ? timestampFault(timestamp, now, { unit, windowSeconds }) : null) ?? idFault(id, { signed: idSigned });
      if (fault !== null) return rejected(fault);
      const decode = DECODERS[row.encoding ?? "hex"];
      const signatures = found.values.flatMap((value) => algorithm.signature(decode(value) ?? EMPTY) ?? []);
      if (signatures.length === 0) return rejected("signature_malformed");
      const contentsWith = (secret: string) =>
        contentsFor(request, { id: id ?? "", timestamp: timestamp ?? "", secret });
      const content = hasValue(parts, "secret")
        ? await firstOf(secrets, async (secret, at) =>
            matching(algorithm, { keys: keys.slice(at, at + 1), signatures, contents: await contentsWith(secret) }),
          )
        : await matching(algorithm, { keys, signatures, contents: await contentsWith("") });
      if (content === null) return rejected("signature_mismatch");
      return accepted(row, request.body, { id, timestamp, now, content });
    },
  };
}

const EMPTY = new Uint8Array(0);

/** Returns the content that any of the signatures was made over with any of the keys, or null. */
async function matching(
  algorithm: Algorithm,
  { keys, signatures, contents }: { keys: CryptoKey[]; signatures: Bytes[]; contents: Bytes[] },
): Promise<Bytes | null> {
  for (const content of contents)
    for (const signature of signatures)
      for (const key of keys) if (await algorithm.verify(key, signature, content)) return content;
  return null;
}

async function firstOf<Item, Found>(items: Item[], find: (item: Item, at: number) => Promise<Found | null>) {
  for (const [at, item] of items.entries()) {
    const found = await find(item, at);
    if (found !== null) return found;
  }
  return null;
}

/** Returns the text of the timestamp, from the place that the row names. */
function timestampIn(row: SignatureRow, { headers, body }: SignedRequest): string | null {
  if (row.timestampHeader !== undefined) return headers.get(row.timestampHeader);
  if (row.timestampField !== undefined) return textOf(jsonField(body, row.timestampField));
  const found = row.timestampPair === undefined && row.format !== "values" ? null : valuesOf(row, headers);
  return found === null || "fault" in found ? null : found.timestamp;
}

/** Returns the verdict on a genuine request. A time that stands in its body is checked now, as only now it is proven. */
function accepted(
  row: SignatureRow,
  body: Uint8Array,
  { id, timestamp, now, content }: { id: string | null; timestamp: string | null; now: number; content: Bytes },
): Verdict {
  const unit = unitOf(row);
  let time = timestamp;
  if (row.timestampField !== undefined && time === null) {
    time = textOf(jsonField(body, row.timestampField));
    const fault = timestampFault(time, now, { unit, windowSeconds: windowOf(row) });
    if (fault !== null) return rejected(fault);
  }
  const named = row.idField === undefined ? id : bodyId(jsonField(body, row.idField));
  if (time === null) return { ok: true, id: named, timestamp: null };
  return { ok: true, id: named, timestamp: parseTimestamp(time, unit), dated: content };
}

/** Values that may be signatures, still encoded, and the timestamp beside them. */
type HeaderValues = { values: string[]; timestamp: string | null };

/** Returns the values of the row's header, or of the fields of the body that hold signature and timestamp. */
async function signaturesOf(
  row: SignatureRow,
  request: SignedRequest,
): Promise<HeaderValues | { fault: RejectReason }> {
  const { signatureField, timestampField } = row;
  const timed = timestampField !== undefined && hasValue(signedParts(row), "timestamp");
  if (signatureField === undefined && !timed) return valuesOf(row, request.headers);
  const fields = await bodyFields(request);
  const timestamp = timed ? textOf(fieldAt(fields, timestampField)) : null;
  if (signatureField === undefined) return { ...valuesOf(row, request.headers), timestamp };
  const value = textOf(fieldAt(fields, signatureField)) ?? "";
  const { prefix = "" } = row;
  if (value === "") return { fault: "signature_missing" };
  return value.startsWith(prefix)
    ? { values: [value.slice(prefix.length)], timestamp }
    : { fault: "signature_malformed" };
}

function valuesOf(row: SignatureRow, headers: Headers): HeaderValues | { fault: RejectReason } {
  const { header: name = "" } = row;
  if (row.format === "numbered") {
    const given = numbered(name).flatMap((name) => headers.get(name) ?? []);
    return given.length === 0 ? { fault: "signature_missing" } : { values: given, timestamp: null };
  }
  const header = name === "" ? null : headers.get(name);
  if (header === null || header === "") return { fault: "signature_missing" };
  if (row.format === "pairs") return pairsOf(row, header);
  if (header.includes(HEADER_JOINT)) return { fault: "signature_malformed" };
  if (row.format === "values") {
    const [timestamp = null, ...values] = header.split(row.separator ?? ",", MAX_SIGNATURES);
    return values.length === 0 ? { fault: "signature_missing" } : { values, timestamp };
  }
  const prefix = row.prefix ?? "";
  const entries = row.format === "list" ? header.split(" ", MAX_SIGNATURES) : [header];
  const values = entries.filter((entry) => entry.startsWith(prefix)).map((entry) => entry.slice(prefix.length));
  return values.length === 0 ? { fault: "signature_malformed" } : { values, timestamp: null };
}

/** Text between two headers of one name, which arrive as one: nothing tells which of them was meant. */
const HEADER_JOINT = ", ";

function numbered(header: string): string[] {
  return Array.from({ length: MAX_SIGNATURES }, (_, index) => `${header}${index + 1}`);
}

function pairsOf(
  { separator = ",", pair, timestampPair }: SignatureRow,
  header: string,
): HeaderValues | { fault: RejectReason } {
  const mark = separator.trim() || separator;
  const spaced = header.includes(HEADER_JOINT);
  // Commas that separate no pairs can only join headers.
  if (spaced && mark !== ",") return { fault: "signature_malformed" };
  const pairs = header.split(mark, MAX_SIGNATURES).map((each) => {
    const entry = each.replace(/^[ \t]+|[ \t]+$/g, "");
    const equals = entry.indexOf("=");
    return equals < 0 ? ["", entry] : [entry.slice(0, equals), entry.slice(equals + 1)];
  });
  const all = (name: string | undefined) => pairs.flatMap(([key, value = ""]) => (key === name ? [value] : []));
  const [times, values] = [all(timestampPair), all(pair)];
  // Either of two times could be the signed one; two headers have one each.
  if (times.length > 1) return { fault: "timestamp_malformed" };
  if (spaced && timestampPair === undefined && values.length > 1) return { fault: "signature_malformed" };
  return values.length === 0 ? { fault: "signature_missing" } : { values, timestamp: times[0] ?? null };
}
