import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../shared/config.ts";
import { configOf } from "../../../workers/receiver/config.ts";
import type { EventRecord } from "../../../workers/receiver/event/record.ts";
import type { Env } from "../../../workers/receiver/log/logs.ts";
import { readSources } from "../../../workers/receiver/verify/source.ts";
import { checkSources } from "../../../workers/receiver/verify/source-fault.ts";
import { fingerprintOf } from "../../../workers/receiver/verify/verify.ts";
import { callWith, env, inboxOf, signed } from "../support/harness.ts";

const SECRETS = { GITHUB: "github's own", TOKEN: "a shared token", VERIFY: "a verify token", EMPTY: "" };
const HMAC = { header: "x-sig", signed: "{timestamp}:{body}", timestampHeader: "x-time", idHeader: "x-id" };
const SOURCES = {
  gh: { scheme: "github", secrets: ["GITHUB"] },
  rotating: { scheme: "github", secrets: ["TOKEN", "GITHUB"] },
  plain: { scheme: "token", secrets: ["TOKEN"], log: "internal" },
  open: { scheme: "none" },
  own: { scheme: "hmac", secrets: ["GITHUB"], hmac: HMAC },
  square: { scheme: "square", secrets: ["GITHUB"], url: "https://example.com/webhook/square" },
  hubspot: { scheme: "hubspot", secrets: ["GITHUB"], url: "https://example.com/in?kept=1" },
  twilio: { scheme: "twilio", secrets: ["GITHUB"], url: "https://example.com/webhook/twilio" },
  gitlab: { scheme: "gitlab_signed", secrets: ["WEBHOOK_SECRET"] },
  slack: { scheme: "slack", secrets: ["GITHUB"] },
  zoom: { scheme: "zoom", secrets: ["GITHUB"] },
  dropbox: { scheme: "dropbox", secrets: ["GITHUB"] },
  meta: { scheme: "meta", secrets: ["GITHUB"], handshakeSecret: "VERIFY" },
  broken: { scheme: "github", secrets: ["MISSING"] },
};

const changes = { ...SECRETS, SOURCES } as unknown as Partial<Env>;

function call(path: string, init: RequestInit = {}): Promise<Response> {
  return callWith(changes, path, init);
}

function hmac(text: string, encoding: "hex" | "base64" = "hex"): string {
  return createHmac("sha256", SECRETS.GITHUB).update(text).digest(encoding);
}

function post(source: string, body: string, headers: Record<string, string>): Promise<Response> {
  return call(`/webhook/${source}`, { method: "POST", body, headers });
}

const now = () => String(Math.floor(Date.now() / 1000));

async function newest(log: string): Promise<EventRecord> {
  const inbox = inboxOf({ ...env, ...changes } as Env, log);
  const found = await inbox.find((await inbox.status()).head);
  if (found?.in !== "tail") throw new Error("the newest event is in no tail");
  const { at, headers, body, ...row } = found.row;
  const text = new TextDecoder().decode(body);
  return { ...row, receivedAt: new Date(at).toISOString(), headers: JSON.parse(headers), body: text };
}

describe("readSources", () => {
  const faults: [name: string, sources: object, fault: string][] = [
    ["default again", { default: { scheme: "none" } }, "is defined by WEBHOOK_SECRET"],
    ["a name no URL holds", { "A b": { scheme: "none" } }, "is no name of a source"],
    ["no table", { x: "github" }, "is not a table"],
    ["an unknown key", { x: { scheme: "none", secret: "A" } }, "secret is unknown"],
    ["no scheme", { x: { secrets: ["GITHUB"] } }, "scheme is missing"],
    ["an unknown scheme", { x: { scheme: "gitbub", secrets: ["GITHUB"] } }, 'scheme "gitbub" is unknown'],
    ["an inherited scheme", { x: { scheme: "constructor", secrets: ["GITHUB"] } }, 'scheme "constructor" is unknown'],
    ["no secrets", { x: { scheme: "github" } }, "secrets is missing"],
    ["one name, not a list", { x: { scheme: "github", secrets: "GITHUB" } }, "secrets is not a list of names"],
    [
      "a secret that is not set",
      { x: { scheme: "github", secrets: ["NOPE"] } },
      "secrets names NOPE, which is not set, or not in `required` of wrangler.receiver.toml",
    ],
    [
      "an empty secret",
      { x: { scheme: "github", secrets: ["EMPTY"] } },
      "secrets names EMPTY, which is not set, or not in `required` of wrangler.receiver.toml",
    ],
    [
      "the token of the API",
      { x: { scheme: "github", secrets: ["API_TOKEN"] } },
      "API_TOKEN, which is this Worker's own",
    ],
    ["a variable", { x: { scheme: "token", secrets: ["LOCAL_DEV"] } }, "LOCAL_DEV, which is this Worker's own"],
    ["an inherited secret", { x: { scheme: "github", secrets: ["toString"] } }, "secrets holds a name that is not set"],
    [
      "the secret itself for its name",
      { x: { scheme: "standard", secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw+/="] } },
      "secrets must hold names of secrets",
    ],
    [
      "the secret itself, which could be a name",
      { x: { scheme: "standard", secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] } },
      "secrets holds a name that is not set",
    ],
    ["secrets of none", { x: { scheme: "none", secrets: ["GITHUB"] } }, "secrets means nothing"],
    ["a log no key holds", { x: { scheme: "none", log: "a/b" } }, "log is no name of a log"],
    ["no URL where it is signed", { x: { scheme: "square", secrets: ["GITHUB"] } }, "url is missing"],
    ["no URL at all", { x: { scheme: "square", secrets: ["GITHUB"], url: "/webhook" } }, "url is not an http"],
    ["a row for another scheme", { x: { scheme: "github", secrets: ["GITHUB"], hmac: HMAC } }, "hmac needs scheme"],
    ["no row", { x: { scheme: "hmac", secrets: ["GITHUB"] } }, "hmac is not a table"],
    [
      "a wrong row",
      { x: { scheme: "hmac", secrets: ["GITHUB"], hmac: { ...HMAC, digest: "md4" } } },
      "hmac.digest is not one of md5, sha1, sha256, sha512",
    ],
    [
      "a row that lacks something",
      { x: { scheme: "hmac", secrets: ["GITHUB"], hmac: { header: "x-sig", signed: "{id}{body}" } } },
      "hmac.idHeader is missing",
    ],
    [
      "a handshake secret for no handshake",
      { x: { scheme: "github", secrets: ["GITHUB"], handshakeSecret: "VERIFY" } },
      "handshakeSecret means nothing",
    ],
    [
      "two places of an id",
      { x: { scheme: "none", idHeader: "x-id", idField: "id" } },
      "idField and idHeader are both",
    ],
    [
      "an id in no header",
      { x: { scheme: "none", idHeader: "X-Id" } },
      "idHeader is not a header's name in lower case",
    ],
    ["an id in no field", { x: { scheme: "none", idField: "" } }, "idField is not a text"],
    [
      "an id that is a secret",
      { x: { scheme: "none", idHeader: "cookie" } },
      "idHeader names cookie, which holds a sec",
    ],
    [
      "an id that is the scheme's secret",
      { x: { scheme: "gitlab", secrets: ["TOKEN"], idHeader: "x-gitlab-token" } },
      "idHeader names x-gitlab-token, which holds a secret",
    ],
    ...[0, -1, 1.5, "60", 43_201, true].map((silentMinutes): [string, Record<string, unknown>, string] => [
      `silence of ${silentMinutes} minutes`,
      { x: { scheme: "none", silentMinutes } },
      "silentMinutes is not a whole number from 1 to 43200",
    ]),
    ["half a deduplication", { x: { scheme: "none", dedupe: false } }, 'dedupe is not "on" or "off"'],
  ];
  it.each(faults)("names the mistake: %s", (_name, sources, fault) => {
    const read = readSources(sources, SECRETS, ["a"]);
    const [name = ""] = Object.keys(sources);
    const source = name === "default" ? read?.get("default") : read?.get(name);
    expect(source?.fault).toContain(fault);
    expect(source?.fault).not.toContain("MfKQ9r8G");
    expect(source?.secrets).toEqual([]);
  });

  it.each([
    ["a list", []],
    ["a text", "github"],
    ["broken JSON", "{"],
  ])("takes no %s for a table", (_name, value) => {
    expect(readSources(value, SECRETS, [])).toBeNull();
    expect(() => configOf({ ...env, SOURCES: value })).toThrow("SOURCES is not a table");
  });

  it("takes the same as JSON, as an environment variable gives it", () => {
    const read = readSources(JSON.stringify(SOURCES), SECRETS, ["a"]);
    expect([...(read ?? []).keys()]).toEqual(["default", ...Object.keys(SOURCES)]);
    expect(read?.get("gh")).toMatchObject({ schemeName: "github", secrets: [SECRETS.GITHUB], fault: null });
  });
});

describe("a secret that is set and cannot be used", () => {
  const unusable = {
    SHORT: "whsec_c2hvcnQ=",
    WORDS: "two words!",
    BLANK: " ",
    HALF: "abcd",
    GOOD: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  };
  const cases: [name: string, source: object, fault: string][] = [
    [
      "too short",
      { scheme: "standard", secrets: ["SHORT"] },
      "secrets names SHORT, which cannot be used: a secret is too short",
    ],
    [
      "the second",
      { scheme: "svix", secrets: ["GOOD", "WORDS"] },
      "secrets names WORDS, which cannot be used: a secret is malformed",
    ],
    [
      "a blank token",
      { scheme: "token", secrets: ["BLANK"] },
      "secrets names BLANK, which cannot be used: a secret is empty",
    ],
    [
      "a blank key",
      { scheme: "github", secrets: ["BLANK"] },
      "secrets names BLANK, which cannot be used: a secret is empty",
    ],
    ["half a key", { scheme: "discord", secrets: ["HALF"] }, "secrets names HALF, which cannot be used: a public key"],
    ["no key", { scheme: "sendgrid", secrets: ["HALF"] }, "secrets names HALF, which cannot be used: a public key"],
    [
      "not in the row's encoding",
      { scheme: "hmac", secrets: ["WORDS"], hmac: { header: "x-sig", key: "base64" } },
      "secrets names WORDS, which cannot be used: a secret is empty or not padded base64",
    ],
  ];
  it.each(cases)("is named with its source, closes it, and is never quoted: %s", async (title, source, fault) => {
    // A source of its own for each case: of one source, only a few rejections a second are kept.
    const name = `own_${cases.findIndex(([each]) => each === title)}`;
    const given = { ...changes, ...unusable, SOURCES: { [name]: source, gh: SOURCES.gh } } as unknown as Env;
    const config = configOf({ ...env, ...given });
    const error = await checkSources(config.sources).catch((thrown: Error) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toContain(`SOURCES.${name}: ${fault}`);
    expect(String(error)).not.toContain("gh");
    for (const secret of Object.values(unusable).slice(0, 2)) expect(String(error)).not.toContain(secret);
    const answer = await callWith(given, `/webhook/${name}`, { method: "POST", body: "{}" });
    expect([answer.status, await answer.json()]).toMatchObject([500, { code: "configuration_error" }]);
    const { sources } = await (await callWith(given, "/sources")).json<{ sources: object[] }>();
    expect(sources[1]).toMatchObject({ name, scheme: null, fault: expect.stringContaining(fault) });
    const listed = await (await callWith(given, `/rejections?source=${name}`)).json<{ rejections: object[] }>();
    expect(listed.rejections[0]).toMatchObject({
      reason: "configuration_error",
      diagnosis: { code: "configuration_error", text: expect.stringContaining(fault) },
    });
  });

  it("is named by its variable for the default source", async () => {
    const config = configOf({ ...env, WEBHOOK_SECRET: `${unusable.GOOD} short` });
    await expect(checkSources(config.sources)).rejects.toThrow(
      "source default: WEBHOOK_SECRET holds one that cannot be used: a secret",
    );
  });
});

describe("fingerprintOf", () => {
  const of = (changes: object, secret = "a secret of good length") => {
    const config = { a: { scheme: "github", secrets: ["S"], ...changes } };
    const source = readSources(config, { S: secret, T: "another" }, [])?.get("a");
    if (source === undefined) throw new Error("there is no source");
    return fingerprintOf(source);
  };

  it("is short, the same for the same configuration, and another for another", async () => {
    const fingerprint = await of({});
    expect(fingerprint).toMatch(/^[0-9a-f]{4}$/);
    expect(await of({ log: "elsewhere" })).toBe(fingerprint);
    const others = [
      of({}, "b"),
      of({ scheme: "stripe" }),
      of({ secrets: ["S", "T"] }),
      of({ url: "https://a.example" }),
    ];
    expect(new Set([fingerprint, ...(await Promise.all(others))]).size).toBe(5);
    expect(await of({ scheme: "none", secrets: [] })).toBeNull();
  });
});

describe("POST /webhook/:source", () => {
  it("verifies as the source's scheme does, and takes the type from its header", async () => {
    const headers = { "x-hub-signature-256": `sha256=${hmac("[1]")}`, "x-github-event": "push" };
    const response = await post("gh", "[1]", { ...headers, "x-github-delivery": "d-1" });
    expect([response.status, await response.text()]).toEqual([200, "Received"]);
    expect(await newest("main")).toMatchObject({ source: "gh", type: "push", id: "d-1", verification: "verified" });
    expect((await post("gh", "[2]", headers)).status).toBe(401);
  });

  it("accepts under any of its secrets", async () => {
    expect((await post("rotating", "{}", { "x-hub-signature-256": `sha256=${hmac("{}")}` })).status).toBe(200);
  });

  it("answers no text where the provider would show or send it to people", async () => {
    const answers = async (response: Response) => [
      response.status,
      response.headers.get("content-type"),
      response.headers.get("webhook-duplicate"),
      await response.text(),
    ];
    const time = now();
    const command = "command=%2Fdeploy";
    const slack = {
      "x-slack-request-timestamp": time,
      "x-slack-signature": `v0=${hmac(`v0:${time}:${command}`)}`,
    };
    expect(await answers(await post("slack", command, slack))).toEqual([200, "text/plain", null, ""]);
    expect(await answers(await post("slack", command, slack))).toEqual([200, "text/plain", "true", ""]);
    const signature = createHmac("sha1", SECRETS.GITHUB).update(`${SOURCES.twilio.url}Bodyhello`).digest("base64");
    const message = await post("twilio", "Body=hello", { "x-twilio-signature": signature });
    expect(await answers(message)).toEqual([200, "text/xml", null, "<Response/>"]);
  });

  it("masks the other token that GitLab may send beside its signature", async () => {
    const headers = {
      ...(await signed("g1", "{}")),
      "x-gitlab-event": "Push Hook",
      "x-gitlab-token": "another secret",
    };
    expect((await post("gitlab", "{}", headers)).status).toBe(200);
    const record = await newest("main");
    expect(record).toMatchObject({ source: "gitlab", type: "Push Hook", id: "g1" });
    expect(record.headers).toContainEqual(["x-gitlab-token", "(masked)"]);
  });

  it("masks the header that is the secret, and writes to the source's own log", async () => {
    expect((await post("plain", "{}", { "x-api-key": SECRETS.TOKEN })).status).toBe(200);
    const record = await newest("internal");
    expect(record).toMatchObject({ seq: 1, source: "plain", verification: "authenticated" });
    expect(record.headers).toContainEqual(["x-api-key", "(masked)"]);
    expect(JSON.stringify(record)).not.toContain(SECRETS.TOKEN);
    expect((await post("plain", "{}", { authorization: "Bearer wrong" })).status).toBe(401);
  });

  it("accepts anything for a source that asks for nothing, and says so", async () => {
    expect((await post("open", "anything", {})).status).toBe(200);
    expect(await newest("main")).toMatchObject({ source: "open", verification: "unverified" });
  });

  it("verifies by a row of the configuration", async () => {
    const headers = { "x-time": now(), "x-id": "e1" };
    const signature = hmac(`${headers["x-time"]}:body`);
    expect((await post("own", "body", { ...headers, "x-sig": signature })).status).toBe(200);
    expect((await post("own", "other", { ...headers, "x-sig": signature })).status).toBe(401);
  });

  it("verifies with the public URL, which the provider signed", async () => {
    const url = SOURCES.square.url;
    const signature = (called: string) => ({ "x-square-hmacsha256-signature": hmac(`${called}{}`, "base64") });
    expect((await post("square", "{}", signature(url))).status).toBe(200);
    expect((await post("square", "{}", signature("http://localhost:8080/webhook/square"))).status).toBe(401);
    // Square signs the URL as it was registered, without a query that could move between URL and body.
    expect((await post("square?a=1", "{}", signature(url))).status).toBe(200);
    expect((await post("square?a=1", "{}", signature(`${url}?a=1`))).status).toBe(401);
  });

  it("verifies with the query of the call, where the provider adds to it", async () => {
    const signature = (called: string, time: string) => ({
      "x-hubspot-request-timestamp": time,
      "x-hubspot-signature-v3": hmac(`POST${called}{}${time}`, "base64"),
    });
    const { url } = SOURCES.hubspot;
    const time = `${now()}000`;
    expect((await post("hubspot?a=1", "{}", signature("https://example.com/in?a=1", time))).status).toBe(200);
    expect((await post("hubspot", "{}", signature(url, time))).status).toBe(200);
    expect((await post("hubspot?a=1", "{}", signature(url, time))).status).toBe(401);
  });

  it.each(["nobody", "constructor", "__proto__", "%22%3E", "a/b"])("knows no source %s", async (name) => {
    const response = await post(name, "{}", {});
    expect(response.status).toBe(404);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
  });

  it("rejects other methods, and names those that it takes", async () => {
    for (const method of ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
      const response = await call("/webhook/gh", { method });
      expect([response.status, response.headers.get("allow")]).toEqual([405, "HEAD, POST"]);
    }
    expect((await call("/webhook/dropbox", { method: "PUT" })).headers.get("allow")).toBe("GET, HEAD, POST");
  });

  it("closes a source that is configured wrongly, and that one alone", async () => {
    const headers = { "x-hub-signature-256": `sha256=${hmac("{}")}` };
    const rejected = await post("broken", "{}", headers);
    expect([rejected.status, await rejected.json()]).toMatchObject([500, { code: "configuration_error" }]);
    expect((await post("gh", "{}", headers)).status).toBe(200);
    const own = await callWith(changes, "/webhook", { method: "POST", body: "{}", headers: await signed("s1", "{}") });
    expect(own.status).toBe(200);
    expect((await call("/health")).status).toBe(500);
    const { broken: _broken, ...whole } = SOURCES;
    expect((await callWith({ ...changes, SOURCES: whole }, "/health")).status).toBe(200);
    // TOKEN is set, but cannot be a key of this scheme.
    const useless = { ...whole, short: { scheme: "standard", secrets: ["TOKEN"] } };
    expect((await callWith({ ...changes, SOURCES: useless }, "/health")).status).toBe(500);
  });
});

describe("handshakes", () => {
  const slack = (body: string, time = now()) => ({
    "x-slack-request-timestamp": time,
    "x-slack-signature": `v0=${hmac(`v0:${time}:${body}`)}`,
  });
  const handshake = JSON.stringify({ type: "url_verification", challenge: "<b>3eZ</b>" });

  it("answers a signed handshake as text, and logs no event", async () => {
    const before = (await inboxOf(env, "main").status()).head;
    const response = await post("slack", handshake, slack(handshake));
    expect([response.status, await response.text()]).toEqual([200, "<b>3eZ</b>"]);
    expect(response.headers.get("content-type")).toMatch(/^text\/plain/);
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect((await inboxOf(env, "main").status()).head).toBe(before);
  });

  it("answers none that is not signed, and none on another source", async () => {
    expect((await post("slack", handshake, { ...slack(handshake), "x-slack-signature": "v0=00" })).status).toBe(401);
    const github = { "x-hub-signature-256": `sha256=${hmac(handshake)}` };
    expect(await (await post("gh", handshake, github)).text()).toBe("Received");
  });

  it("gives Zoom the token beside its HMAC", async () => {
    const body = JSON.stringify({ event: "endpoint.url_validation", payload: { plainToken: "qgg8" } });
    const time = now();
    const headers = { "x-zm-request-timestamp": time, "x-zm-signature": `v0=${hmac(`v0:${time}:${body}`)}` };
    const response = await post("zoom", body, headers);
    expect(await response.json()).toEqual({ plainToken: "qgg8", encryptedToken: hmac("qgg8") });
  });

  const getHandshakes: [path: string, status: number, text: string | null][] = [
    ["dropbox?challenge=abc", 200, "abc"],
    ["dropbox", 400, null],
    [`dropbox?challenge=${"x".repeat(2000)}`, 400, null],
    ["meta?hub.mode=subscribe&hub.challenge=12&hub.verify_token=a%20verify%20token", 200, "12"],
    ["meta?hub.mode=subscribe&hub.challenge=12&hub.verify_token=wrong", 400, null],
    ["meta?hub.mode=subscribe&hub.challenge=12", 400, null],
    ["gh?challenge=abc", 405, null],
  ];
  it.each(getHandshakes)("GET /webhook/%s answers %i", async (path, status, text) => {
    const response = await call(`/webhook/${path}`);
    expect(response.status).toBe(status);
    if (text !== null) expect(await response.text()).toBe(text);
  });
});
