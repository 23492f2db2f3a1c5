import { describe, expect, it } from "vitest";
import { concat, fromUtf8, utf8 } from "../../../shared/bytes.ts";
import { typeIn, typeOf } from "../../../workers/receiver/event/event-type.ts";
import { HMAC_ROWS } from "../../../workers/receiver/verify/schemes/providers.ts";
import { parseHmacRow } from "../../../workers/receiver/verify/schemes/row-config.ts";
import type { SignedRequest } from "../../../workers/receiver/verify/schemes/scheme.ts";
import providers from "../../vectors/providers.json";
import { requestOf, schemeOf, type Vector, withHeader } from "../support/vectors.ts";

/** Tries every vector with one bit changed at a time of the parts that the provider's signature covers. */
const vectors: Vector[] = providers;
const proven = vectors.filter(({ scheme }) => schemeOf(scheme).verification === "verified");
/** Vectors with one signature: of several, the others would still match. */
const single = proven.filter(({ name }) => !/several|two keys|rotates|proves nothing/.test(name));

/** Tells whether a vector is accepted, under other secrets if given. A value that no header or key can have is not. */
async function accepts({ scheme, secrets, now }: Vector, change: () => SignedRequest, others = secrets) {
  try {
    return (await schemeOf(scheme).verify(change(), others, now)).ok;
  } catch (error) {
    if (error instanceof TypeError || (error instanceof Error && error.name === "ConfigError")) return false;
    throw error;
  }
}

function flippedBytes(bytes: Uint8Array, bits = 8): Uint8Array[] {
  return Array.from(bytes).flatMap((byte, index) =>
    Array.from({ length: bits }, (_, bit) => bytes.with(index, byte ^ (1 << bit))),
  );
}

/** Keeps the text ASCII: nothing else stands in a header. */
function flipped(text: string): string[] {
  return flippedBytes(utf8(text), 7).map((bytes) => new TextDecoder().decode(bytes));
}

/** Returns those of `values` with which the request was accepted. */
async function accepted<T>(vector: Vector, values: T[], change: (value: T) => SignedRequest): Promise<T[]> {
  const verdicts = await Promise.all(values.map((value) => accepts(vector, () => change(value))));
  return values.filter((_value, index) => verdicts[index]);
}

/** Leaves out changes of case alone: hex is the same in either. */
const sameHex = (value: string) => (changed: string) =>
  changed.replace(/[A-F]/g, (digit) => digit.toLowerCase()) === value;

/** Returns the fields of a form in their order by name, which is what Twilio signs, however the form is written. */
function fields(body: Uint8Array): string {
  const form = new URLSearchParams(fromUtf8(body) ?? "?");
  form.sort();
  return form.toString();
}

describe("providers", () => {
  it.each(Object.entries(HMAC_ROWS))(
    "%s is a row as configuration could give it",
    (_name, { handshakes: _, answer: __, methods: ___, ...row }) => {
      expect(parseHmacRow(row)).toEqual({ ok: true, row });
    },
  );

  it.each(vectors)("$scheme: $name says its id and type", async (vector) => {
    const { verify, typeField, typeHeader } = schemeOf(vector.scheme);
    const request = requestOf(vector);
    expect(await verify(request, vector.secrets, vector.now)).toMatchObject({ ok: true, id: vector.id });
    expect(typeOf(request.body, typeField) ?? typeIn(request.headers, typeHeader)).toBe(vector.type);
  });

  it.each(proven)("$scheme: $name is rejected with any bit of its body changed", async (vector) => {
    const request = requestOf(vector);
    const bodies = await accepted(vector, flippedBytes(request.body), (body) => ({ ...request, body }));
    const others = bodies.filter((body) => vector.scheme !== "twilio" || fields(body) !== fields(request.body));
    expect(others.map((body) => new TextDecoder().decode(body))).toEqual([]);
  });

  it.each(single)("$scheme: $name is rejected with any bit of its signature or time changed", async (vector) => {
    const request = requestOf(vector);
    const covered = vector.headers.filter(([name = ""]) => /signature|hmac|timestamp|-time$/i.test(name));
    expect(covered.length).toBeGreaterThan(0);
    for (const [name = "", value = ""] of covered.filter(([name]) => name !== "Sentry-Hook-Timestamp")) {
      const values = await accepted(vector, flipped(value), (changed) => withHeader(request, name, changed));
      expect(values.filter((changed) => !sameHex(value)(changed))).toEqual([]);
    }
  });

  it.each(vectors.filter(({ scheme }) => scheme !== "none"))(
    "$scheme: $name is rejected with any bit of the secret changed",
    async (vector) => {
      const [secret = ""] = vector.secrets;
      const secrets = flipped(secret);
      const verdicts = await Promise.all(secrets.map((other) => accepts(vector, () => requestOf(vector), [other])));
      const others = secrets.filter((_secret, index) => verdicts[index]);
      // A public key is hex too.
      expect(others.filter((other) => vector.scheme !== "discord" || !sameHex(secret)(other))).toEqual([]);
    },
  );

  it.each(proven)("$scheme: $name cannot be read two ways where header and body meet", async (vector) => {
    const request = requestOf(vector);
    const { body } = request;
    for (const [name = "", value = ""] of vector.headers) {
      const shifts: [string, Uint8Array][] = [
        [value.slice(0, -1), concat(utf8(value.slice(-1)), body)],
        [value + new TextDecoder().decode(body.subarray(0, 1)), body.subarray(1)],
        [value.slice(1), concat(body, utf8(value.slice(0, 1)))],
        [new TextDecoder().decode(body.subarray(-1)) + value, body.subarray(0, -1)],
      ];
      const read = await accepted(vector, shifts, ([header, other]) => ({
        ...withHeader(request, name, header),
        body: other,
      }));
      expect(read).toEqual([]);
    }
  });

  const signingUrl = proven.filter(({ scheme }) => schemeOf(scheme).signedUrl !== undefined);
  it.each(signingUrl)("$scheme: $name is rejected for another URL", async (vector) => {
    const request = requestOf(vector);
    const others = ["?", "&", "/"].map((added) => request.url + added);
    const urls = [...others, request.url.replace("com", "org"), request.url.replace(/^https?/, "ftp")];
    expect(await accepted(vector, urls, (url) => ({ ...request, url }))).toEqual([]);
  });

  it("hubspot is rejected for another method", async () => {
    const hubspot = vectors.filter(({ scheme }) => scheme === "hubspot");
    for (const vector of hubspot)
      expect(await accepts(vector, () => ({ ...requestOf(vector), method: "PUT" }))).toBe(false);
  });

  const identified = vectors.filter(({ id, headers }) => headers.some(([, value]) => value === id));
  it.each(identified)("$scheme: $name has its id signed exactly when it says so", async (vector) => {
    const [name = ""] = vector.headers.find(([, value]) => value === vector.id) ?? [];
    const request = withHeader(requestOf(vector), name, "another");
    const verdict = await schemeOf(vector.scheme).verify(request, vector.secrets, vector.now);
    const expected = schemeOf(vector.scheme).signedId
      ? { ok: false, reason: "signature_mismatch" }
      : { ok: true, id: "another" };
    expect(verdict).toMatchObject(expected);
  });
});

describe("twilio", () => {
  const json = vectors.find(({ name }) => name === "a JSON body, by its digest");
  if (json === undefined) throw new Error("there is no vector with a JSON body");

  it.each([
    ["empty", ""],
    ["a form without fields", "&&"],
    ["other JSON", "{}"],
    ["a form", "a=1"],
  ])("rejects a body that the URL does not name: %s", async (_name, body) => {
    expect(await accepts(json, () => ({ ...requestOf(json), body: utf8(body) }))).toBe(false);
  });

  it("does not sort a form of more fields than any provider sends", async () => {
    const url = "https://mycompany.com/myapp.php";
    const verdict = async (fields: number) => {
      const names = Array.from({ length: fields }, (_, i) => String(i).padStart(5, "0"));
      const content = utf8(url + names.map((name) => `${name}x`).join(""));
      const key = await crypto.subtle.importKey("raw", utf8("12345"), { name: "HMAC", hash: "SHA-1" }, false, ["sign"]);
      const signature = new Uint8Array(await crypto.subtle.sign("HMAC", key, content)).toBase64();
      const headers = new Headers({ "x-twilio-signature": signature });
      const body = utf8(names.map((name) => `${name}=x`).join("&"));
      return schemeOf("twilio").verify({ method: "POST", url, headers, body }, ["12345"], 0);
    };
    expect(await verdict(10_000)).toMatchObject({ ok: true });
    expect(await verdict(10_001)).toEqual({ ok: false, reason: "signature_mismatch" });
  });

  it.each([
    ["without fields", utf8("&")],
    ["with a field of nothing", utf8("=")],
    ["that is no text", new Uint8Array([0xff])],
  ])("rejects a body %s for a signature over the URL alone", async (_name, body) => {
    const url = "https://mycompany.com/myapp.php";
    const key = await crypto.subtle.importKey("raw", utf8("12345"), { name: "HMAC", hash: "SHA-1" }, false, ["sign"]);
    const signature = new Uint8Array(await crypto.subtle.sign("HMAC", key, utf8(url))).toBase64();
    const headers = new Headers({ "x-twilio-signature": signature });
    const verdict = (given: Uint8Array) =>
      schemeOf("twilio").verify({ method: "POST", url, headers, body: given }, ["12345"], 0);
    expect((await verdict(new Uint8Array())).ok).toBe(true);
    expect((await verdict(body)).ok).toBe(false);
  });
});
