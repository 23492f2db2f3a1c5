import { Webhook as Standard } from "standardwebhooks";
import { Webhook as Svix } from "svix";
import { describe, expect, it } from "vitest";
import { toBase64, utf8 } from "../../../shared/bytes.ts";
import { parseSecrets } from "../../../shared/signing/secret.ts";
import { HEADER, MAX_SIGNATURES, sign, verify } from "../../../shared/signing/signature.ts";
import vectors from "../../vectors/signing.json";

const SECRET = `whsec_${toBase64(new Uint8Array(32).fill(5))}`;
const OTHER = `whsec_${toBase64(new Uint8Array(32).fill(6))}`;
const message = { id: "msg_1", timestamp: 1_700_000_000, body: utf8('{"a":1}') };
const keys = parseSecrets("test", SECRET);

describe("sign", () => {
  const known = vectors.filter((vector) => vector.version === "v1");
  it.each(known)("gives the known answer for $id", async ({ secret, id, timestamp, body, signature }) => {
    expect(await sign({ id, timestamp, body: utf8(body) }, parseSecrets("test", secret))).toBe(signature);
  });

  it("gives one entry for each key, in their order", async () => {
    const [first, second] = [await sign(message, keys), await sign(message, parseSecrets("test", OTHER))];
    expect(await sign(message, parseSecrets("test", `${SECRET} ${OTHER}`))).toBe(`${first} ${second}`);
  });

  it.each([
    ["standardwebhooks", (secret: string) => new Standard(secret)],
    ["svix", (secret: string) => new Svix(secret)],
  ])("satisfies %s", async (_name, judge) => {
    const now = { ...message, timestamp: Math.floor(Date.now() / 1000) };
    const headers = {
      [HEADER.id]: now.id,
      [HEADER.timestamp]: String(now.timestamp),
      [HEADER.signature]: await sign(now, keys),
    };
    expect(() => judge(SECRET).verify('{"a":1}', headers)).not.toThrow();
    expect(() => judge(OTHER).verify('{"a":1}', headers)).toThrow();
  });
});

describe("verify", () => {
  const filler = `v1,${toBase64(new Uint8Array(32))}`;
  const cases: [name: string, header: (genuine: string) => string, accepted: boolean][] = [
    ["its own signature", (genuine) => genuine, true],
    ["the last of several", (genuine) => `v2,x v1, ${filler} ${genuine}`, true],
    ["the last entry that is looked at", (genuine) => `${`${filler} `.repeat(MAX_SIGNATURES - 1)}${genuine}`, true],
    ["the first entry beyond", (genuine) => `${`${filler} `.repeat(MAX_SIGNATURES)}${genuine}`, false],
    ["another version's name", (genuine) => genuine.replace("v1,", "v1a,"), false],
    ["an upper-case version", (genuine) => genuine.replace("v1,", "V1,"), false],
    ["no version", (genuine) => genuine.slice(3), false],
    ["a stray bit in the last character", (genuine) => genuine.replace(/.=$/, "B="), false],
    ["an empty list", () => "", false],
  ];
  it.each(cases)("%s", async (_name, header, accepted) => {
    expect(await verify(message, header(await sign(message, keys)), keys)).toBe(accepted);
  });

  it("accepts any key, and none that did not sign", async () => {
    const header = await sign(message, keys);
    expect(await verify(message, header, parseSecrets("test", `${OTHER} ${SECRET}`))).toBe(true);
    expect(await verify(message, header, parseSecrets("test", OTHER))).toBe(false);
    expect(await verify(message, header, [])).toBe(false);
  });

  it.each([{ id: "msg_2" }, { timestamp: 1_700_000_001 }, { body: utf8('{"a": 1}') }])("covers %j", async (change) => {
    expect(await verify({ ...message, ...change }, await sign(message, keys), keys)).toBe(false);
  });
});
