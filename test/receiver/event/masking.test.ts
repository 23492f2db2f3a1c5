import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isSecretName } from "../../../shared/secret-name.ts";
import { maskedQuery, queryMasker, queryOf } from "../../../workers/receiver/event/masking.ts";
import { schemes } from "../../../workers/receiver/verify/schemes/index.ts";
import { HMAC_ROWS } from "../../../workers/receiver/verify/schemes/providers.ts";

const SECRET_NAMES = [
  ...["authorization", "proxy-authorization", "x-forwarded-authorization", "cookie", "cf-access-jwt-assertion"],
  ...["x-telegram-bot-api-secret-token", "x-goog-channel-token", "x-gitlab-token", "x-api-key", "X-API-KEY"],
  ...["apikey", "x-functions-key", "ocp-apim-subscription-key", "x-hook-secret", "x-auth", "x-oauth-scopes"],
  ...["access_token", "hub.verify_token", "validationToken", "client_secret", "password", "pwd", "key", "x-key"],
  ...["session-id", "x-csrf-token", "x-amz-security-token", "x-signature-token", "authorisation", "x_access_key"],
];
const PLAIN_NAMES = [
  ...["content-type", "user-agent", "x-author", "x-authority", "x-monkey", "x-keyboard", "host", "x-request-id"],
  ...["x-goog-channel-id", "x-goog-message-number", "x-event-key", "idempotency-key", "sec-websocket-key"],
  ...["i-twilio-idempotency-token", "x-auth-signature", "x-token-signature-256", "x-public-key-id", "token_type"],
  ...["webhook-signature", "svix-signature", "stripe-signature", "x-hub-signature-256", "x-hmac-sha256"],
];

describe("isSecretName", () => {
  it.each(SECRET_NAMES)("knows %s", (name) => expect(isSecretName(name)).toBe(true));
  it.each(PLAIN_NAMES)("leaves %s as it is", (name) => expect(isSecretName(name)).toBe(false));

  it("knows a secret by the part that says so, whatever stands before it", () => {
    const part = fc.constantFrom("token", "secret", "key", "password", "api-key", "authorization");
    const before = fc.stringMatching(/^[a-z]{1,8}(-[a-z]{1,8}){0,3}$/).filter((text) => !text.includes("event"));
    fc.assert(
      fc.property(before, part, (text, name) => isSecretName(`x-${text.replaceAll(/key|public|cache/g, "")}-${name}`)),
      { examples: [["shop", "token"]] },
    );
  });

  it.each(Object.entries(schemes))("shows signatures, ids, times and types of %s, and no secret", (name, scheme) => {
    const { idHeader, timestampHeader, typeHeader } = HMAC_ROWS[name] ?? {};
    const plain = [...(scheme.signatureHeaders ?? []), idHeader, timestampHeader, typeHeader, scheme.typeHeader];
    for (const header of plain)
      if (header !== undefined) expect([header, isSecretName(header)]).toEqual([header, false]);
    for (const header of scheme.secretHeaders ?? []) expect([header, isSecretName(header)]).toEqual([header, true]);
  });

  it("judges a long name in little time", () => {
    const began = performance.now();
    for (const text of ["signature", "dedup-", "auth", "key-"]) isSecretName(text.repeat(10_000));
    expect(performance.now() - began).toBeLessThan(100);
  });
});

describe("maskedQuery", () => {
  const cases: [query: string, masked: string][] = [
    ["", ""],
    ["?", "?"],
    ["?token=abc", "?token=(masked)"],
    ["token=abc", "token=(masked)"],
    ["?a=1&access_token=a=b==&b=2", "?a=1&access_token=(masked)&b=2"],
    ["?%74oken=abc&api+key=d&API_KEY=e", "?%74oken=(masked)&api+key=d&API_KEY=(masked)"],
    ["?token&token=&=token&&x=%zz", "?token&token=(masked)&=token&&x=%zz"],
    ["?name=O'Brien&when=now?token=1", "?name=O'Brien&when=now?token=1"],
  ];
  it.each(cases)("writes %j as %j", (query, masked) => expect(maskedQuery(query)).toBe(masked));

  it("keeps every byte but the values of secrets", () => {
    const value = fc.stringMatching(/^[A-Za-z0-9%+.~'()-]{0,12}$/);
    const pair = fc.tuple(fc.constantFrom("id", "token", "a", "x_secret", "type"), value);
    fc.assert(
      fc.property(fc.array(pair), (pairs) => {
        const text = (of: [string, string][]) => of.map(([name, given]) => `${name}=${given}`).join("&");
        const expected = pairs.map(([name, given]): [string, string] => [
          name,
          isSecretName(name) ? "(masked)" : given,
        ]);
        expect(maskedQuery(`?${text(pairs)}`)).toBe(`?${text(expected)}`);
      }),
    );
  });
});

describe("queryMasker", () => {
  it("is null for a query without a secret", () => expect(queryMasker("?a=1&token=")).toBeNull());

  it("masks a short secret where it stands alone, and a long one anywhere", () => {
    expect(queryMasker("?key=1")?.("1 of 100, key=1")).toBe("(masked) of 100, key=(masked)");
    expect(queryMasker("?key=abcdefgh")?.("u%3Dabcdefgh7")).toBe("u%3D(masked)7");
  });

  it("masks everything when there are more secrets than any request has", () => {
    const query = Array.from({ length: 40 }, (_, i) => `token=${i}`).join("&");
    expect(queryMasker(query)?.("anything")).toBe("(masked)");
  });
});

describe("queryOf", () => {
  it.each([
    ["https://a.example/b?c='d'", "?c='d'"],
    ["https://a.example/b?", "?"],
    ["https://a.example/b", ""],
    ["https://a.example/b?c?d", "?c?d"],
  ])("of %s is %j", (url, query) => expect(queryOf(url)).toBe(query));
});
