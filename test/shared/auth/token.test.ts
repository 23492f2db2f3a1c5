import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import { localProof, PROOF_HEADER } from "../../../shared/auth/local-proof.ts";
import { requireToken } from "../../../shared/auth/token.ts";
import { answerError } from "../../../shared/http/answers.ts";
import { sameText } from "../../../shared/same-text.ts";
import { sentCookie } from "../../support/session.ts";

const NOW = 1_800_000_000_000;
const ORIGIN_HERE = "http://localhost:8080";

/** Each test has an address of its own: failures are counted in the module. */
let clients = 0;
const newClient = () => `2001:db8:0:${(++clients).toString(16)}::1`;

describe("requireToken", () => {
  type Asked = { method?: string; client?: string; path?: string };

  function ask(localDev: boolean, headers: Record<string, string>, asked: Asked = {}) {
    const { method = "GET", client = newClient(), path = "/events" } = asked;
    const configOf = () => ({ apiToken: "s3cret", localDev });
    const app = new Hono();
    app.use(requireToken({ worker: "sender", configOf, now: () => NOW, acts: new Set(["/trigger"]) }));
    app.all("*", (c) => c.text("in"));
    app.onError(answerError);
    return app.request(`${ORIGIN_HERE}${path}`, { method, headers: { "cf-connecting-ip": client, ...headers } });
  }

  const foreign = { origin: "https://evil.example" };
  const here = async (apiToken = "s3cret") => ({
    "cf-connecting-ip": "127.0.0.1",
    [PROOF_HEADER]: await localProof(apiToken),
  });
  const cases: [name: string, localDev: boolean, headers: Record<string, string>, answer: string | number][] = [
    ["the token", false, { authorization: "Bearer s3cret" }, 200],
    ["the token from another origin", true, { authorization: "Bearer s3cret", ...foreign }, 200],
    ["no token", false, {}, "token_required"],
    ["another token", false, { authorization: "Bearer s3cret2" }, "token_wrong"],
    ["an empty token", false, { authorization: "Bearer " }, "token_wrong"],
    ["another scheme", false, { authorization: "Basic s3cret" }, "token_wrong"],
    ["a lower-case scheme's lookalike", false, { authorization: "bearers3cret" }, "token_wrong"],
    ["no token, local but vouched for by nobody", true, { "cf-connecting-ip": "127.0.0.1" }, "token_required"],
    ["no token, a made up proof", true, { "cf-connecting-ip": "127.0.0.1", [PROOF_HEADER]: "1" }, "token_required"],
    ["no token, an empty proof", true, { "cf-connecting-ip": "127.0.0.1", [PROOF_HEADER]: "" }, "token_required"],
    ["a wrong token, local", true, { authorization: "Bearer nope" }, "token_wrong"],
    ["no token, another origin", true, foreign, "token_required"],
  ];
  it.each(cases)("%s", async (_name, localDev, headers, answer) => {
    const response = await ask(localDev, headers);
    if (typeof answer === "number") return expect(response.status).toBe(answer);
    expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, 'Bearer realm="webhooks"']);
    expect(await response.json()).toMatchObject({ code: answer });
  });

  it("lets a program on this machine in without a token, if the front vouches for the request", async () => {
    expect((await ask(true, await here())).status).toBe(200);
    expect((await ask(false, await here())).status).toBe(401);
    expect((await ask(true, await here("another"))).status).toBe(401);
    expect((await ask(true, { ...(await here()), ...foreign })).status).toBe(401);
    expect((await ask(true, { ...(await here()), "cf-connecting-ip": "203.0.113.9" })).status).toBe(401);
  });

  it("evaluates no token of an address after ten wrong ones, not even the right one", async () => {
    const client = newClient();
    const guess = async (token: string, from = client) =>
      (await ask(false, { authorization: `Bearer ${token}` }, { client: from })).status;
    const statuses = [];
    for (let i = 0; i < 12; i++) statuses.push(await guess(`guess ${i}`));
    expect(statuses).toEqual([...Array(10).fill(401), 429, 429]);
    expect(await guess("s3cret")).toBe(429);
    expect(await guess("s3cret", newClient())).toBe(200);
    expect(await guess("guess", newClient())).toBe(401);
    const refused = await ask(false, { authorization: "Bearer guess" }, { client });
    expect(refused.headers.get("retry-after")).toBe("60");
    expect(await refused.json()).toMatchObject({ code: "too_many_failures" });
  });

  it("tells nothing of tokens that come at the same time, beyond the limit", async () => {
    const client = newClient();
    const tokens = [...Array.from({ length: 50 }, (_, n) => `guess ${n}`), "s3cret"];
    const answers = await Promise.all(
      tokens.map((token) => ask(false, { authorization: `Bearer ${token}` }, { client })),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(10);
    expect(statuses.at(-1)).toBe(429);
  });

  it("takes all addresses of an IPv6 /64 for one, and lets a session and this machine in", async () => {
    const net = `2001:db8:25:${(++clients).toString(16)}`;
    const wrong = { authorization: "Bearer guess" };
    const statuses = [];
    for (let i = 0; i < 12; i++) statuses.push((await ask(false, wrong, { client: `${net}::${i}:1` })).status);
    expect(statuses).toEqual([...Array(10).fill(401), 429, 429]);
    expect((await ask(false, wrong, { client: `2001:db8:26:${clients.toString(16)}::1` })).status).toBe(401);
    const cookie = await sentCookie({ worker: "sender", apiToken: "s3cret", localDev: false }, NOW);
    expect((await ask(false, { cookie }, { client: `${net}::1` })).status).toBe(200);
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

  it.each<[name: string, method: string, path: string, headers: Record<string, string>, status: number]>([
    ["our own page", "GET", "/trigger", { "sec-fetch-site": "same-origin" }, 200],
    ["our own page, by its origin", "GET", "/trigger", own, 200],
    ["a form of our own", "POST", "/trigger", own, 200],
    ["a page of another port here", "GET", "/trigger", { "sec-fetch-site": "same-site" }, 403],
    ["a picture there", "HEAD", "/trigger", { "sec-fetch-site": "same-site" }, 403],
    ["another origin", "GET", "/trigger?type=a", foreign, 403],
    ["an address that the browser reads ahead", "GET", "/trigger", { "sec-fetch-site": "none" }, 403],
    ["nowhere", "GET", "/trigger", {}, 403],
    ["nowhere, its path spelled otherwise", "GET", "/%74rigger", {}, 403],
    ["nowhere, to a path that only shows", "GET", "/triggers", {}, 200],
  ])("a session from %s: %s %s", async (_name, method, path, headers, status) => {
    const cookie = await sentCookie({ worker: "sender", apiToken: "s3cret", localDev: false }, NOW);
    expect((await ask(false, { ...headers, cookie }, { method, path })).status).toBe(status);
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
  ] as const)("%j and %j: %s", (a, b, same) => expect(sameText(a, b)).toBe(same));
});
