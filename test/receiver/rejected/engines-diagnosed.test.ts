import { createHmac } from "node:crypto";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../../shared/bytes.ts";
import { diagnose } from "../../../workers/receiver/rejected/diagnosis/diagnose.ts";
import { examine } from "../../../workers/receiver/rejected/examine.ts";
import { hmacScheme } from "../../../workers/receiver/verify/schemes/hmac.ts";
import type { HmacRow } from "../../../workers/receiver/verify/schemes/row.ts";
import { readSources } from "../../../workers/receiver/verify/source.ts";
import { verifyFrom } from "../../../workers/receiver/verify/verify.ts";

/** Diagnoses of what rows and tables describe: each is proven, or not said. */

const NOW = 1_767_225_600;
const SECRET = "s3cr3t-token";
const hmac = (text: string) => createHmac("sha256", SECRET).update(text).digest("hex");

describe("a token in the wrong place", () => {
  const cases: [name: string, token: object, headers: Record<string, string>, query: string, where: string | null][] = [
    ["another header", { header: "x-hook" }, { "x-other": SECRET }, "", "the header x-other"],
    [
      "without its scheme",
      { header: "authorization", authScheme: "Bearer" },
      { authorization: SECRET },
      "",
      "the header authorization",
    ],
    ["with a scheme", { header: "x-hook" }, { "x-hook": `Token ${SECRET}` }, "", "the header x-hook"],
    ["basic credentials", { query: "key" }, { "x-a": `Basic ${btoa(`u:${SECRET}`)}` }, "", "the header x-a"],
    ["the query", { header: "x-hook" }, {}, `?t=${SECRET}`, "the query parameter t"],
    ["the wrong parameter beside another token", { query: "key" }, {}, `?key=no&t=${SECRET}`, "the query parameter t"],
    ["nowhere", { header: "x-hook" }, { "x-other": `${SECRET}.` }, "", null],
  ];
  it.each(cases)("%s: is found, and masked", async (name, token, headers, query, where) => {
    const sourceName = `misplaced_${cases.findIndex(([each]) => each === name)}`;
    const sources = readSources({ [sourceName]: { scheme: "token", secrets: ["T"], token } }, { T: SECRET }, []);
    const source = sources?.get(sourceName);
    if (sources === null || source === undefined) throw new Error("there is no source");
    const request = {
      method: "POST",
      url: `https://a.example/in${query}`,
      headers: new Headers(headers),
      body: utf8("{}"),
    };
    const verdict = await verifyFrom(source, request, NOW);
    if (verdict.ok) throw new Error("the request is accepted");
    const rejection = await examine({ source, request, reason: verdict.reason, bytes: 2 }, sources, NOW * 1000);
    if (where === null) expect(rejection.diagnosis?.code).not.toBe("token_elsewhere");
    else {
      expect(rejection.diagnosis).toMatchObject({ code: "token_elsewhere", text: expect.stringContaining(where) });
      expect(JSON.stringify(rejection)).not.toContain(SECRET);
      expect(JSON.stringify(rejection)).not.toContain(btoa(`u:${SECRET}`));
    }
  });
});

describe("a row", () => {
  const diagnosed = async (row: HmacRow, headers: Record<string, string>, body: Uint8Array<ArrayBuffer>) => {
    const scheme = hmacScheme(row);
    const request = { method: "POST", url: "https://a.example/", headers: new Headers(headers), body };
    const verdict = await scheme.verify(request, [SECRET], NOW);
    if (verdict.ok) return "accepted";
    return diagnose(request, verdict.reason, { suspects: { scheme, secrets: [SECRET], others: [] }, now: NOW });
  };
  const row: HmacRow = { header: "x-sig", signed: "{field:a}:{field:b}:{field:c.0}" };
  const body = utf8('{"a":"1","b":2,"c":["x"]}');

  it.each([
    ["1:2:x", "accepted"],
    ["x:1:2", { code: "field_order", text: expect.stringContaining("{field:c.0}:{field:a}:{field:b}") }],
    ["2:1:x", { code: "field_order", text: expect.stringContaining("{field:b}:{field:a}:{field:c.0}") }],
    ["1:2", { code: "unknown_key" }],
    ["1.2.x", { code: "unknown_key" }],
  ])("whose fields were signed as %s", async (text, expected) => {
    const said = await diagnosed(row, { "x-sig": hmac(text) }, body);
    if (typeof expected === "string") expect(said).toBe(expected);
    else expect(said).toMatchObject(expected);
  });

  it("whose body was signed before it was compressed", async () => {
    const text = '{"type":"a"}';
    const packed = new Uint8Array(gzipSync(text));
    const headers = { "x-sig": hmac(text), "content-encoding": "gzip" };
    expect(await diagnosed({ header: "x-sig" }, headers, packed)).toMatchObject({ code: "body_compressed" });
    expect(await diagnosed({ header: "x-sig" }, { ...headers, "x-sig": hmac("{}") }, packed)).not.toMatchObject({
      code: "body_compressed",
    });
  });
});
