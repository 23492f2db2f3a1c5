import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../../shared/bytes.ts";
import { queriesUnencoded } from "../../../workers/receiver/verify/schemes/signed-content.ts";
import { readSources } from "../../../workers/receiver/verify/source.ts";
import { verifyFrom } from "../../../workers/receiver/verify/verify.ts";

/** Signed URLs, verified as they arrived, and as a URL parser on the way may have written them. */

const URL_OF_SOURCE = "https://hooks.example.com/webhook/twilio";
const SECRET = "s3cr3t";

const SOURCES = readSources(
  {
    twilio: { scheme: "twilio", secrets: ["SECRET"], url: URL_OF_SOURCE },
    square: { scheme: "square", secrets: ["SECRET"], url: `${URL_OF_SOURCE}?a=%27` },
    own: { scheme: "hmac", secrets: ["SECRET"], url: URL_OF_SOURCE, hmac: { header: "x-sig", signed: "{url}{body}" } },
  },
  { SECRET },
  [],
);

/** Tells whether a request that arrives with the one query is accepted when its sender signed another. */
async function takes(name: "twilio" | "own" | "square", signed: string, arrived: string): Promise<boolean> {
  const source = SOURCES?.get(name);
  if (source === undefined) throw new Error(`there is no source ${name}`);
  const hmac = (digest: string, encoding: "hex" | "base64") =>
    createHmac(digest, SECRET).update(`${URL_OF_SOURCE}${signed}`).digest(encoding);
  const headers = {
    twilio: { "x-twilio-signature": hmac("sha1", "base64") },
    square: { "x-square-hmacsha256-signature": hmac("sha256", "base64") },
    own: { "x-sig": hmac("sha256", "hex") },
  };
  const request = {
    method: "POST",
    url: `http://inside${arrived}`,
    headers: new Headers(headers[name]),
    body: utf8(""),
  };
  return (await verifyFrom(source, request, 0)).ok;
}

/** Returns a query as a URL parser writes it. */
const parsed = (query: string) => new URL(`https://a.example/${query}`).href.slice("https://a.example/".length);

describe("a signed URL", () => {
  const queries = [
    "?name=O'Brien",
    "?",
    "?a=1&b=",
    "?a=%27",
    "?a='&b=%27",
    "?a=%2f%C3%A9é",
    '?q="<x>"',
    "?a=b?c",
    "?a=+%20",
  ];
  it.each(queries)("is verified as it arrived: %j", async (query) => {
    expect([await takes("twilio", query, `/in${query}`), await takes("own", query, `/in${query}`)]).toEqual([
      true,
      true,
    ]);
    for (const other of [`${query}x`, `${query}'`, query.slice(0, -1)])
      expect(await takes("own", other, `/in${query}`)).toBe(false);
  });

  it.each(["?name=O'Brien", '?q="<é>"', "?a='%C3'", "?a='&b='"])(
    "is verified as a parser writes it: %j",
    async (query) => {
      expect(parsed(query)).not.toBe(query);
      expect(await takes("own", query, `/in${parsed(query)}`)).toBe(true);
    },
  );

  it("is not verified without the mark of an empty query that arrived", async () => {
    expect(await takes("own", "", "/in?")).toBe(false);
    expect(await takes("own", "?", "/in")).toBe(false);
  });

  it("is verified exactly as configured, where the provider signs that", async () => {
    expect(await takes("square", "?a=%27", "/in?b=1")).toBe(true);
    expect(await takes("square", "?a='", "/in?b=1")).toBe(false);
  });

  it("is tried in no spelling that is another URL", () => {
    const text = fc.string({
      unit: fc.constantFrom(...`'"<>é😀 aZ09-._~%2F%27%c3%A9&=+?/:@!$(),;*|\\^[]{}`),
      maxLength: 20,
    });
    fc.assert(
      fc.property(text, (query) => {
        const url = new URL(`https://a.example/b'c?${query}`).href;
        const [first, ...others] = queriesUnencoded(url);
        expect(first).toBe(url);
        expect(others.length).toBeLessThanOrEqual(2);
        for (const other of others) expect(new URL(other).href).toBe(url);
      }),
    );
  });

  it("is found again as its sender wrote it, whatever one kind of character it holds", () => {
    const kinds = fc.constantFrom(["'"], ["é", "😀"], ["'", '"', "<", ">", "é"]);
    const query = kinds.chain((kind) =>
      fc.string({ unit: fc.constantFrom("a", "=", "&", "%2F", "+", ...kind), maxLength: 12 }),
    );
    fc.assert(
      fc.property(query, (given) => {
        const url = `https://a.example/b?${given}`;
        expect(queriesUnencoded(new URL(url).href)).toContain(url);
      }),
    );
  });
});
