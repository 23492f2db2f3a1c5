import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import { isLocalRequest, requireToken } from "../../../shared/auth/token.ts";
import { answerError } from "../../../shared/http/answers.ts";
import { sameText } from "../../../shared/same-text.ts";
import { sentCookie } from "../../support/session.ts";

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

const NOW = 1_800_000_000_000;
const ORIGIN_HERE = "http://localhost:8080";

/** Each test has an address of its own: failures are counted in the module. */
let clients = 0;
const newClient = () => `2001:db8::${++clients}`;

describe("requireToken", () => {
  function ask(localDev: boolean, headers: Record<string, string>, { method = "GET", client = newClient() } = {}) {
    const app = new Hono();
    app.use(requireToken({ worker: "sender", configOf: () => ({ apiToken: "s3cret", localDev }), now: () => NOW }));
    app.all("/events", (c) => c.text("in"));
    app.onError(answerError);
    return app.request(URL_HERE, { method, headers: { "cf-connecting-ip": client, ...headers } });
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

  it("refuses an address after ten wrong tokens, but never the right token", async () => {
    const client = newClient();
    const guess = async (token: string, from = client) =>
      (await ask(false, { authorization: `Bearer ${token}` }, { client: from })).status;
    const statuses = [];
    for (let i = 0; i < 12; i++) statuses.push(await guess(`guess ${i}`));
    expect(statuses).toEqual([...Array(10).fill(401), 429, 429]);
    expect(await guess("s3cret")).toBe(200);
    expect(await guess("guess", newClient())).toBe(401);
    const refused = await ask(false, { authorization: "Bearer guess" }, { client });
    expect(refused.headers.get("retry-after")).toBe("60");
    expect(await refused.json()).toMatchObject({ code: "too_many_failures" });
  });

  const own = { origin: ORIGIN_HERE };
  const sessions: [name: string, local: boolean, method: string, headers: Record<string, string>, status: number][] = [
    ["reads", false, "GET", {}, 200],
    ["reads from a link elsewhere", false, "GET", foreign, 200],
    ["acts from our own page", false, "POST", own, 200],
    ["acts from our own page, said by its site alone", false, "POST", { "sec-fetch-site": "same-origin" }, 200],
    ["acts from another page", false, "POST", foreign, 403],
    ["acts from a sandbox", false, "POST", { origin: "null" }, 403],
    ["acts from nowhere", false, "POST", {}, 403],
    ["deletes from another port", false, "DELETE", { origin: "http://localhost:3000" }, 403],
    ["acts from another page, local", true, "POST", foreign, 403],
    ["comes with a wrong token", false, "GET", { authorization: "Bearer nope" }, 401],
  ];
  it.each(sessions)("a session that %s", async (_name, local, method, headers, status) => {
    const cookie = await sentCookie({ worker: "sender", apiToken: "s3cret", localDev: local }, NOW);
    expect((await ask(local, { ...headers, cookie }, { method })).status).toBe(status);
  });

  it.each([
    ["of the receiver", "receiver", "s3cret", NOW],
    ["of an older token", "sender", "older", NOW],
    ["that has ended", "sender", "s3cret", NOW - 13 * 3_600_000],
  ])("a session %s", async (_name, worker, apiToken, at) => {
    const sent = await sentCookie({ worker, apiToken, localDev: false }, at);
    const cookie = sent.replace(/^[^=]*/, "__Host-webhook-sender");
    expect((await ask(false, { cookie })).status).toBe(401);
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
