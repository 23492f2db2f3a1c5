import { describe, expect, it } from "vitest";
import { utf8 } from "../../../shared/bytes.ts";
import { hmacScheme } from "../../../workers/receiver/verify/schemes/hmac.ts";
import { schemes } from "../../../workers/receiver/verify/schemes/index.ts";
import type { HmacRow } from "../../../workers/receiver/verify/schemes/row.ts";
import type { Scheme } from "../../../workers/receiver/verify/schemes/scheme.ts";
import type { Source } from "../../../workers/receiver/verify/source.ts";
import { exampleFor } from "../../../workers/receiver/viewer/connect/example.ts";
import { PROVIDER_STEPS } from "../../../workers/receiver/viewer/connect/provider-steps.ts";
import { Body, hexDump, MAX_HEX_BYTES, MAX_TEXT_BYTES } from "../../../workers/receiver/viewer/parts/body.tsx";
import { type Json, MAX_LINES, readJsonText } from "../../../workers/receiver/viewer/parts/json.ts";

/** Returns the tokens of a text without the white space between them. */
const tokens = (text: string) => text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];

function written(json: Json): string {
  if ("text" in json) return json.text;
  const members = json.members.map(({ key, value }) => (key === null ? "" : `${key}:`) + written(value));
  return json.open + members.join(",") + (json.open === "{" ? "}" : "]");
}

const laidOut = (text: string): Json => {
  const json = readJsonText(text);
  if (json === null || json === "long") throw new Error(`not laid out: ${json}`);
  return json;
};

describe("readJsonText", () => {
  const kept: [name: string, text: string][] = [
    ["an object", '{"a":1,"b":[true,false,null],"c":{}}'],
    ["repeated members", '{"a":1,"a":2,"a":{"a":3}}'],
    ["numbers beyond what JavaScript counts", "[12345678901234567890, 1e400, 1.10, -0, 0.1e-7]"],
    ["escapes as they were written", String.raw`{"\u0061":"\u003c\/\ud800 \"quoted\" \\"}`],
    ["structure within strings", '["{", "]", ":", ",", "a\\"b", "\\\\", ""]'],
    ["any white space", ' \n\t\r[ 1 ,\n{ "a" : [ ] } ] \n'],
    ["a bare value", ' "text" '],
    ["prototype names", '{"__proto__":{"constructor":1}}'],
    ["a thousand within each other", "[".repeat(1000) + "]".repeat(1000)],
    ["deep ones with members on the way", `${'{"a":[1,'.repeat(200)}0${"]}".repeat(200)}`],
  ];
  it.each(kept)("keeps every token of %s", (_name, text) => {
    expect(tokens(written(laidOut(text)))).toEqual(tokens(text));
  });

  it("does not follow what is nested ten thousand deep", () => {
    const text = "[".repeat(10_000) + "]".repeat(10_000);
    let json = laidOut(text);
    let depth = 0;
    for (; "members" in json && json.members[0] !== undefined; depth++) json = json.members[0].value;
    expect(depth).toBeLessThan(100);
    expect(written(laidOut(text))).toBe(text);
  });

  it.each([
    ["numbers", `[${"1,".repeat(MAX_LINES)}1]`],
    ["empty objects", `[${"{},".repeat(MAX_LINES)}1]`],
  ])("gives up on too many %s", (_name, text) => expect(readJsonText(text)).toBe("long"));

  it.each(["", "{", "[1,]", "{'a':1}", "NaN", '"\n"', "1 2"])("is null for %j", (text) => {
    expect(readJsonText(text)).toBeNull();
  });
});

describe("hexDump", () => {
  it("shows offset, bytes and characters", () => {
    const bytes = Uint8Array.from({ length: 20 }, (_, index) => index + 0x38);
    expect(hexDump(bytes)).toBe(
      "00000000  38 39 3a 3b 3c 3d 3e 3f  40 41 42 43 44 45 46 47  89:;<=>?@ABCDEFG\n" +
        "00000010  48 49 4a 4b                                       HIJK",
    );
    expect(hexDump(new Uint8Array([0, 10, 127, 255]))).toMatch(/^00000000 {2}00 0a 7f ff +\.\.\.\.$/);
    expect(hexDump(new Uint8Array())).toBe("");
  });
});

describe("Body", () => {
  const show = (
    body: string | Uint8Array,
    chosen: "pretty" | "raw" | "hex" | null = null,
    mark: RegExp | null = null,
  ) => {
    const bytes = typeof body === "string" ? utf8(body) : body;
    return String(Body({ bytes, chosen, mark, url: "/body", addressOf: (view) => `/x?view=${view}` }));
  };
  const viewOf = (html: string) => /view=(\w+)" aria-current/.exec(html)?.[1];

  const chosen: [name: string, body: string | Uint8Array, view: string][] = [
    ["JSON", '{"a":1}', "pretty"],
    ["text", "hello", "raw"],
    ["bytes", new Uint8Array([255, 0]), "hex"],
    ["bytes that are UTF-8 by chance", "PK\u0003\0", "hex"],
    ["a long text", `"${"x".repeat(MAX_TEXT_BYTES)}"`, "raw"],
    ["long JSON", `["${"x".repeat(MAX_TEXT_BYTES)}"]`, "pretty"],
    ["JSON of many lines", `[${"1,".repeat(MAX_LINES)}1]`, "pretty"],
  ];
  it.each(chosen)("shows %s in the view that suits it", (_name, body, view) => expect(viewOf(show(body))).toBe(view));

  it("folds containers, and counts their members", () => {
    expect(show('{"a":[1,2]}')).toContain(
      '<details open><summary><span class="key">&quot;a&quot;</span>: [<span class="more"> … 2 items </span></summary>',
    );
  });

  it("leaves long JSON to the script, and shows its text until then", () => {
    const html = show(`[${"1,".repeat(MAX_LINES)}1]`);
    expect(html).toContain('<section class="body json mono" tabindex="0" data-url="/body" hidden');
    expect(html).toMatch(/<div id="as-text"><section aria-label="Body"><pre [^>]+><bdi>\[1,1,/);
  });

  it("marks a searched text, in any case, and escapes all of it", () => {
    const shown = (body: string, pattern: RegExp) =>
      show(body, null, pattern).replace(/^.*?(<bdi>|aria-label="Body")/, "");
    expect(shown("a <B> b<b>", /<b>/iu)).toContain("a <mark>&lt;B&gt;</mark> b<mark>&lt;b&gt;</mark></bdi>");
    expect(shown('{"Note":"a note"}', /note/iu)).toContain(
      '<span class="key">&quot;<mark>Note</mark>&quot;</span>: <span class="string">&quot;a <mark>note</mark>&quot;</span>',
    );
  });

  it("keeps an empty first line, which HTML would drop", () => {
    expect(show("\n\na")).toContain('<pre class="body text" tabindex="0"><bdi>\n\na</bdi></pre>');
  });

  it("cuts between characters, and says so", () => {
    const html = show(`${"x".repeat(MAX_TEXT_BYTES - 1)}é and more`);
    expect(html).toContain("The first 65,536 of 65,546 bytes. The download has all of them.");
    expect(html).toContain("x</bdi>");
    expect(show(new Uint8Array(MAX_HEX_BYTES + 1).fill(255))).toContain("The first 16,384 of 16,385 bytes");
    expect(show("x".repeat(MAX_TEXT_BYTES))).not.toContain("The first");
  });

  it("says why it is not laid out", () => {
    expect(show("hello", "pretty")).toContain("Not JSON.");
    expect(show(new Uint8Array([255]), "pretty")).toContain("Not UTF-8, so not JSON.");
    expect(show("x".repeat(MAX_TEXT_BYTES + 1), "pretty")).toContain("Not JSON.");
    expect(show("")).toBe("<p>The body is empty.</p>");
  });
});

describe("PROVIDER_STEPS", () => {
  const own = new Set(["hmac", "token", "none"]);

  it.each([...Object.keys(schemes), "hmac"])(
    "say where the URL and the secret of %s go, and link to its documentation",
    (name) => {
      const { steps = "", documentation = null } = PROVIDER_STEPS[name] ?? {};
      expect(steps).toMatch(/\b(variable|no secret)\b.*\.$/);
      if (!own.has(name)) expect(documentation).toMatch(/^https:\/\/[a-z0-9.]+\/\S*$/);
    },
  );

  it("are those of schemes that exist", () => {
    expect(Object.keys(PROVIDER_STEPS).filter((name) => name !== "hmac" && schemes[name] === undefined)).toEqual([]);
  });
});

describe("exampleFor", () => {
  const now = Date.parse("2040-01-01T00:00:00Z");
  const given = { now, id: "msg_1", url: "https://example.com/webhook/a" };
  const whsec = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const sourceOf = (schemeName: string, scheme: Scheme, secrets: string[]): Source => ({
    ...{
      name: "a",
      log: "main",
      handshakeSecrets: [],
      handshakes: [],
      methods: ["POST"],
      answers: { answer: null, test: null },
      idPlace: null,
      dedupes: true,
      silentMs: null,
      fault: null,
    },
    ...{ schemeName, scheme, secrets, secretNames: [], url: scheme.signedUrl ? given.url : null },
  });
  const verdictOn = async (source: Source) => {
    const example = await exampleFor(source, given);
    if (example === null) return null;
    const request = { method: "POST", url: given.url, headers: new Headers(example.headers), body: utf8(example.body) };
    return source.scheme.verify(request, source.secrets, now / 1000);
  };

  const signing = Object.entries(schemes).filter(
    ([name, { row }]) => row !== undefined || /^(standard|svix|none)$/.test(name),
  );
  it.each(signing)("is genuine for %s", async (name, scheme) => {
    const secrets = name === "none" ? [] : [whsec];
    expect(await verdictOn(sourceOf(name, scheme, secrets))).toMatchObject({ ok: true });
  });

  const rows: [name: string, row: HmacRow, secret: string][] = [
    ["a numbered header", { header: "x-sig-", format: "numbered", encoding: "base64" }, "s"],
    ["pairs", { header: "x-sig", format: "pairs", pair: "v1", timestampPair: "t", signed: "{timestamp}.{body}" }, "s"],
    ["a list", { header: "x-sig", format: "list", prefix: "v1=", encoding: "base64url", digest: "sha512" }, "s"],
    [
      "an ISO time in the body",
      { header: "x-sig", timestampField: "meta.at", timestampUnit: "iso", idField: "data.id" },
      "s",
    ],
    ["a form", { header: "x-sig", signed: "{method}{url}{form}", digest: "sha1" }, "s"],
    ["a decoded key", { header: "x-sig", key: "whsec", signed: "{id}.{body}", idHeader: "x-id" }, whsec],
  ];
  it.each(rows)("is genuine for a row with %s", async (_name, row, secret) => {
    expect(await verdictOn(sourceOf("hmac", hmacScheme(row), [secret]))).toMatchObject({ ok: true });
  });

  it.each([
    ["a public key", "discord", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"],
    ["a token, which would stand in the page", "token", "secret-token"],
    ["an unusable secret", "standard", "whsec_short"],
  ])("is none for %s", async (_name, schemeName, secret) => {
    const scheme = schemes[schemeName];
    if (scheme === undefined) throw new Error(`no scheme ${schemeName}`);
    expect(await exampleFor(sourceOf(schemeName, scheme, [secret]), given)).toBeNull();
    expect(await exampleFor({ ...sourceOf(schemeName, scheme, [secret]), fault: "is wrong" }, given)).toBeNull();
  });
});
