import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../../shared/bytes.ts";
import type { Page } from "../../../workers/receiver/event/page.ts";
import type { Env } from "../../../workers/receiver/log/logs.ts";
import type { TokenRow } from "../../../workers/receiver/verify/schemes/row.ts";
import type { SignedRequest } from "../../../workers/receiver/verify/schemes/scheme.ts";
import { tokenScheme } from "../../../workers/receiver/verify/schemes/token.ts";
import { readSources } from "../../../workers/receiver/verify/source.ts";
import { callWith } from "../support/harness.ts";
import { headerValues } from "../support/near-misses.ts";

/** Shared tokens at the places that a source's table, or nothing, names. */

const SECRET = "s3cr3t-token";
const URL_OF_CALL = "https://hooks.example.com/in";

type Parts = { headers?: Record<string, string>; query?: string; body?: string };

function requestWith({ headers = {}, query = "", body = "{}" }: Parts): SignedRequest {
  return { method: "POST", url: URL_OF_CALL + query, headers: new Headers(headers), body: utf8(body) };
}

async function verdictOf(row: TokenRow, parts: Parts, secrets = [SECRET]): Promise<string> {
  const verdict = await tokenScheme(row).verify(requestWith(parts), secrets, 0);
  return verdict.ok ? "accepted" : verdict.reason;
}

const basic = (text: string) => `Basic ${utf8(text).toBase64()}`;
const FORM = { "content-type": "application/x-www-form-urlencoded" };
const MULTIPART = { "content-type": "multipart/form-data; boundary=b" };
const part = (name: string, text: string) => `--b\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${text}\r\n`;
const multipart = (...parts: string[]) => `${parts.join("")}--b--\r\n`;

/** Places of a token, and requests that have it there. */
const places: [name: string, row: TokenRow, parts: Parts][] = [
  ["a header of any name", { header: "x-hook" }, { headers: { "x-hook": SECRET } }],
  ["authorization alone", { header: "authorization" }, { headers: { authorization: SECRET } }],
  [
    "authorization with Bearer",
    { header: "authorization", authScheme: "Bearer" },
    { headers: { authorization: `bearer ${SECRET}` } },
  ],
  [
    "authorization with Token",
    { header: "authorization", authScheme: "Token" },
    { headers: { authorization: `Token ${SECRET}` } },
  ],
  [
    "a password",
    { header: "authorization", authScheme: "Basic" },
    { headers: { authorization: basic(`user:${SECRET}`) } },
  ],
  ["a query parameter", { query: "k" }, { query: `?a=1&k=${SECRET}` }],
  ["an encoded query parameter", { query: "my key" }, { query: "?my%20key=s3cr3t%2Dtoken" }],
  ["a field of JSON", { field: "auth.token" }, { body: `{"auth":{"token":"${SECRET}"}}` }],
  ["a field in a list", { field: "value.0.clientState" }, { body: `{"value":[{"clientState":"${SECRET}"}]}` }],
  ["a field of a form", { field: "token" }, { headers: FORM, body: `a=1&token=${SECRET}` }],
  [
    "a field of JSON in a form",
    { field: "json.token" },
    { headers: FORM, body: `json=${encodeURIComponent(`{"token":"${SECRET}"}`)}` },
  ],
  [
    "a part of a form",
    { field: "token" },
    { headers: MULTIPART, body: multipart(part("a", "1"), part("token", SECRET)) },
  ],
  ["any header that is named so", {}, { headers: { "x-shop-token": SECRET } }],
  ["authorization in any scheme", {}, { headers: { authorization: `Key ${SECRET}` } }],
  ["any query parameter that is named so", {}, { query: `?api_key=${SECRET}` }],
];

describe("tokenScheme", () => {
  it.each(places)("finds the token in %s, and proves nothing with another", async (_name, row, parts) => {
    expect(await verdictOf(row, parts)).toBe("accepted");
    expect(await verdictOf(row, parts, ["another", SECRET])).toBe("accepted");
    expect(await verdictOf(row, parts, ["s3cr3t-tokem"])).toBe("token_mismatch");
    expect(await verdictOf(row, {})).toBe("token_missing");
  });

  it("takes user and password as one secret", async () => {
    const row: TokenRow = { header: "authorization", authScheme: "Basic" };
    const given = (text: string) => verdictOf(row, { headers: { authorization: basic(text) } }, ["user:pass:word"]);
    expect(await given("user:pass:word")).toBe("accepted");
    for (const other of ["user:pass", "other:pass:word", "user:", ":pass:word"])
      expect(await given(other)).toBe("token_mismatch");
    expect(await given("no colon")).toBe("token_missing");
  });

  const misplaced: [name: string, row: TokenRow, parts: Parts][] = [
    ["another header", { header: "x-hook" }, { headers: { "x-other": SECRET } }],
    [
      "another scheme",
      { header: "authorization", authScheme: "Bearer" },
      { headers: { authorization: `Token ${SECRET}` } },
    ],
    ["no scheme", { header: "authorization", authScheme: "Bearer" }, { headers: { authorization: SECRET } }],
    ["another field", { field: "token" }, { body: `{"auth":{"token":"${SECRET}"}}` }],
    ["a field that is there twice", { field: "token" }, { headers: FORM, body: `token=${SECRET}&token=${SECRET}` }],
    ["a dotted name in JSON", { field: "auth.token" }, { body: `{"auth.token":"${SECRET}"}` }],
    [
      "a form's field that could be two",
      { field: "json.token" },
      { headers: FORM, body: `json.token=${SECRET}&json=${encodeURIComponent(`{"token":"other"}`)}` },
    ],
    ["a list", { field: "token" }, { body: `{"token":["${SECRET}"]}` }],
    ["a header whose name says nothing", {}, { headers: { "x-hook": SECRET } }],
    ["a parameter whose name says nothing", {}, { query: `?a=${SECRET}` }],
  ];
  it.each(misplaced)("does not look in %s", async (_name, row, parts) => {
    expect(await verdictOf(row, parts)).toBe("token_missing");
  });

  it.each(places)("never throws, and takes nothing without the token: %s", async (_name, row) => {
    const scheme = tokenScheme(row);
    const types = fc.constantFrom(
      "application/json",
      FORM["content-type"],
      MULTIPART["content-type"],
      "multipart/form-data",
    );
    const bodies = fc.oneof(fc.uint8Array(), fc.json().map(utf8), fc.constant(utf8(multipart(part("token", "")))));
    const property = fc.asyncProperty(headerValues, fc.string(), bodies, types, async (value, query, body, type) => {
      const headers = new Headers({
        "x-hook": value,
        authorization: value,
        "x-shop-token": value,
        "content-type": type,
      });
      const { ok } = await scheme.verify(
        { method: "POST", url: `${URL_OF_CALL}?${query}`, headers, body: new Uint8Array(body) },
        [SECRET],
        0,
      );
      expect(ok).toBe(false);
    });
    await fc.assert(property, { numRuns: 60 });
  });
});

describe("a source with a token", () => {
  const faults: [name: string, token: unknown, fault: string][] = [
    ["no table", "x-hook", "token is not a table"],
    ["no place", {}, "token.header is missing, and so are query and field"],
    ["two places", { header: "x-a", query: "b" }, "token.header and another place of the token are both given"],
    ["a scheme of no header", { query: "k", authScheme: "Bearer" }, "token.authScheme needs a header"],
    [
      "a scheme that is none",
      { header: "authorization", authScheme: "Bearer " },
      "token.authScheme is not the name of",
    ],
    ["a header in upper case", { header: "X-Hook" }, "token.header is not a header's name in lower case"],
    ["an unknown key", { header: "x-hook", prefix: "a" }, "token.prefix is unknown"],
    [
      "an id that is the token",
      { header: "x-hook", idHeader: "x-hook" },
      "token.idHeader names a header that holds a secret",
    ],
    ["an id that is the field", { field: "t", idField: "t" }, "token.idField names the field with the token"],
    ["two ids", { field: "t", idField: "i", idHeader: "x" }, "token.idField and idHeader are both given"],
  ];
  it.each(faults)("names the mistake: %s", (_name, token, fault) => {
    const sources = readSources({ x: { scheme: "token", secrets: ["T"], token } }, { T: SECRET }, []);
    expect(sources?.get("x")).toMatchObject({ fault: expect.stringContaining(fault), secrets: [] });
  });

  it("says where a row belongs", () => {
    const sources = readSources({ x: { scheme: "github", secrets: ["T"], token: { header: "a" } } }, { T: SECRET }, []);
    expect(sources?.get("x")?.fault).toBe('token needs scheme = "token"');
  });

  /** Everything that shows a request, of sources whose tokens stand where no name gives them away. */
  it.each([
    ["a header", { header: "x-hook" }, { headers: { "x-hook": SECRET } }],
    ["a query parameter", { query: "k" }, { query: `?k=${SECRET}`, headers: { "x-original-uri": `/in?k=${SECRET}` } }],
  ])("keeps the token in %s from every reader", async (name, token, { query = "", headers = {} }: Parts) => {
    const source = name.replaceAll(" ", "_");
    const changes = { T: SECRET, SOURCES: { [source]: { scheme: "token", secrets: ["T"], token, log: source } } };
    const call = (path: string, init?: RequestInit) => callWith(changes as unknown as Partial<Env>, path, init);
    const sent = await call(`/webhook/${source}${query}`, {
      method: "POST",
      headers: { ...headers, "x-shop-token": "z" },
      body: "{}",
    });
    expect(sent.status).toBe(200);
    const { events } = await (await call(`/events?log=${source}`)).json<Page>();
    expect(events).toMatchObject([{ verification: "authenticated" }]);
    const seq = events[0]?.seq;
    for (const path of [
      `/events/${seq}?log=${source}`,
      `/events/${seq}/headers?log=${source}`,
      `/export?log=${source}`,
      `/?log=${source}`,
    ]) {
      const answer = await call(path, { headers: { accept: "*/*" } });
      expect(await answer.text()).not.toContain(SECRET);
    }
    const whole = await (await call(`/events/${seq}?log=${source}`)).json<{
      query: string | null;
      headers: string[][];
    }>();
    expect(JSON.stringify([whole.query, whole.headers])).toContain("(masked)");
  });
});
