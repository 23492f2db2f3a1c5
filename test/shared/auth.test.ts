import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import { isLocalRequest, requireToken, sameText } from "../../shared/auth.ts";
import { answerError } from "../../shared/http.ts";

const URL_HERE = "http://localhost:8080/events";

describe("isLocalRequest", () => {
  const cases: [name: string, url: string, headers: Record<string, string>, local: boolean][] = [
    ["a program here", URL_HERE, {}, true],
    ["by IPv4", "http://127.0.0.1:8080/", {}, true],
    ["by IPv6", "http://[::1]:8080/", {}, true],
    ["our own page", URL_HERE, { "sec-fetch-site": "same-origin", origin: "http://localhost:8080" }, true],
    ["the address bar", URL_HERE, { "sec-fetch-site": "none" }, true],
    ["a page of another origin", URL_HERE, { origin: "https://evil.example" }, false],
    ["a page of another port here", URL_HERE, { origin: "http://localhost:3000" }, false],
    ["a page without an origin", URL_HERE, { origin: "null" }, false],
    ["a cross-site navigation", URL_HERE, { "sec-fetch-site": "cross-site" }, false],
    ["a sibling site", URL_HERE, { "sec-fetch-site": "same-site" }, false],
    ["a forwarded request", URL_HERE, { forwarded: "for=192.0.2.1" }, false],
    ["a proxied request", URL_HERE, { "x-forwarded-for": "192.0.2.1" }, false],
    ["a tunnelled request", URL_HERE, { "x-forwarded-proto": "https" }, false],
    ["a foreign host", "http://evil.example:8080/", {}, false],
    ["a host that only begins like ours", "http://localhost.evil.example:8080/", {}, false],
  ];
  it.each(cases)("%s", (_name, url, headers, local) => {
    expect(isLocalRequest(new Request(url, { headers }))).toBe(local);
  });
});

describe("requireToken", () => {
  function ask(localDev: boolean, headers: Record<string, string>, url = URL_HERE) {
    const app = new Hono();
    app.use(requireToken({ worker: "receiver", configOf: () => ({ apiToken: "s3cret", localDev }), now: () => 0 }));
    app.get("/events", (c) => c.text("in"));
    app.onError(answerError);
    return app.request(url, { headers });
  }

  const foreign = { origin: "https://evil.example" };
  const cases: [name: string, localDev: boolean, headers: Record<string, string>, answer: string | number][] = [
    ["the token", false, { authorization: "Bearer s3cret" }, 200],
    ["the token from another origin", true, { authorization: "Bearer s3cret", ...foreign }, 200],
    ["no token", false, {}, "token_required"],
    ["another token", false, { authorization: "Bearer s3cret2" }, "token_wrong"],
    ["an empty token", false, { authorization: "Bearer " }, "token_wrong"],
    ["another scheme", false, { authorization: "Basic s3cret" }, "token_wrong"],
    ["a lower-case scheme's lookalike", false, { authorization: "bearers3cret" }, "token_wrong"],
    ["no token, local", true, {}, 200],
    ["a wrong token, local", true, { authorization: "Bearer nope" }, "token_wrong"],
    ["no token, another origin", true, foreign, "token_required"],
  ];
  it.each(cases)("%s", async (_name, localDev, headers, answer) => {
    const response = await ask(localDev, headers);
    if (typeof answer === "number") return expect(response.status).toBe(answer);
    expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, 'Bearer realm="webhooks"']);
    expect(await response.json()).toMatchObject({ code: answer });
  });
});

describe("sameText", () => {
  it.each([
    ["", "", true],
    ["a", "a", true],
    ["a", "b", false],
    ["a", "aa", false],
    ["é", "e", false],
  ] as const)("%j and %j: %s", async (a, b, same) => expect(await sameText(a, b)).toBe(same));
});
