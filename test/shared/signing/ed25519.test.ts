import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat, toBase64, utf8 } from "../../../shared/bytes.ts";
import { isWeak, publicKeyOf } from "../../../shared/signing/ed25519.ts";
import {
  completeSecret,
  formatPublicKey,
  generateKeyPair,
  isPair,
  parseSecret,
  parseSecrets,
  parseSigningKey,
  parseVerifyingKey,
  type SigningKey,
  type VerifyingKey,
} from "../../../shared/signing/secret.ts";
import { MAX_SIGNATURES, sign, verify } from "../../../shared/signing/signature.ts";
import vectors from "../../vectors/signing.json";

const vector = vectors.find(({ version }) => version === "v1a");
if (vector?.public === undefined) throw new Error("there is no v1a vector");
const { secret, public: publicText, signature } = vector;
const message = { id: vector.id, timestamp: vector.timestamp, body: utf8(vector.body) };
const hmacText = `whsec_${toBase64(new Uint8Array(32).fill(5))}`;

function signing(text: string): SigningKey {
  const parsed = parseSigningKey(text);
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.key;
}

function verifying(text: string): VerifyingKey {
  const parsed = parseVerifyingKey(text);
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.key;
}

const own = signing(secret);
const hmac = signing(hmacText);
const raw = (length: number, prefix: string) => prefix + toBase64(new Uint8Array(length).fill(9));
/** The vector's private key beside a public key that is not its own. */
const mismatched = `whsk_${toBase64(concat((own as { seed: Uint8Array }).seed, new Uint8Array(32).fill(9)))}`;

describe("parseSigningKey", () => {
  it("takes both kinds, each for its own version", () => {
    expect(own).toMatchObject({ version: "v1a", key: verifying(publicText).key });
    expect(hmac).toEqual({ version: "v1", key: new Uint8Array(32).fill(5) });
    expect(signing(raw(24, ""))).toMatchObject({ version: "v1" });
  });

  it("takes a private key as its seed alone, and signs the same", async () => {
    const { seed } = own as { seed: Uint8Array };
    const alone = signing(`whsk_${toBase64(seed)}`);
    expect(alone).toEqual({ version: "v1a", key: null, seed });
    expect(await sign(message, [alone])).toBe(signature);
    expect(await isPair(alone)).toBe(true);
    expect(formatPublicKey(alone)).toBeNull();
    expect(await verify(message, signature, [alone])).toBe(false);
    expect(parseSecrets("NAME", `whsk_${toBase64(seed)} ${hmacText}`)).toEqual([alone, hmac]);
  });

  it.each([
    ["", "empty"],
    ["whsk_", "empty"],
    ["whsec_", "empty"],
    ["whsk_!", "malformed"],
    [raw(31, "whsk_"), "malformed"],
    [raw(33, "whsk_"), "malformed"],
    [raw(63, "whsk_"), "malformed"],
    [raw(65, "whsk_"), "malformed"],
    [`${secret} `, "malformed"],
    [secret.replace(/=+$/, ""), "malformed"],
    [secret.replace("whsk_", "WHSK_"), "malformed"],
    [secret.replace("whsk_", "whsk_whsk_"), "malformed"],
    [publicText, "public"],
    [raw(23, "whsec_"), "too_short"],
  ])("refuses %j as %s", (text, problem) => {
    expect(parseSigningKey(text)).toEqual({ ok: false, problem });
  });
});

describe("completeSecret", () => {
  it("adds the public key to a seed alone, for any seed", async () => {
    const { seed } = own as { seed: Uint8Array };
    expect(await completeSecret(`whsk_${toBase64(seed)}`)).toBe(secret);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 32, maxLength: 32 }), async (any) => {
        const whole = await completeSecret(`whsk_${toBase64(Uint8Array.from(any))}`);
        const key = signing(whole);
        expect(await isPair(key)).toBe(true);
        expect(await verify(message, await sign(message, [key]), [verifying(formatPublicKey(key) ?? "")])).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  it.each([secret, hmacText, mismatched, "whsk_!", ""])("leaves %j as it is", async (text) => {
    expect(await completeSecret(text)).toBe(text);
  });
});

describe("parseVerifyingKey", () => {
  it("takes both kinds, each for its own version", () => {
    expect(verifying(publicText).version).toBe("v1a");
    expect(verifying(hmacText)).toEqual(hmac);
  });

  it.each([
    ["", "empty"],
    ["whpk_", "empty"],
    ["whpk_!", "malformed"],
    [raw(31, "whpk_"), "malformed"],
    [raw(33, "whpk_"), "malformed"],
    [raw(64, "whpk_"), "malformed"],
    [`${publicText}\n`, "malformed"],
    [publicText.replace("whpk_", "Whpk_"), "malformed"],
    [secret, "private"],
    [`whpk_${toBase64(new Uint8Array(32))}`, "weak"],
    [raw(23, "whsec_"), "too_short"],
  ])("refuses %j as %s", (text, problem) => {
    expect(parseVerifyingKey(text)).toEqual({ ok: false, problem });
  });
});

describe("parseSecret and parseSecrets", () => {
  it("keep to symmetric secrets, and to keys that sign", () => {
    expect(parseSecret(secret)).toEqual({ ok: false, problem: "malformed" });
    expect(parseSecrets("NAME", `${secret} ${hmacText}`)).toEqual([own, hmac]);
    expect(() => parseSecrets("NAME", publicText)).toThrow("NAME is a public key");
  });
});

describe("isPair", () => {
  it.each([
    [secret, true],
    [hmacText, true],
    [mismatched, false],
  ])("of %s is %s", async (text, expected) => {
    expect(await isPair(signing(text))).toBe(expected);
  });

  it("keeps a mismatched key from signing", async () => {
    await expect(sign(message, [signing(mismatched)])).rejects.toThrow("not its own");
  });
});

describe("generateKeyPair and formatPublicKey", () => {
  it("give back the vector's keys from its seed", async () => {
    const { seed } = own as { seed: Uint8Array };
    expect(await generateKeyPair((bytes) => bytes.set(seed))).toBe(secret);
    expect(formatPublicKey(own)).toBe(publicText);
    expect(formatPublicKey(hmac)).toBeNull();
  });

  it("make keys that verify what they sign, and nothing else", async () => {
    const seed = fc.uint8Array({ minLength: 32, maxLength: 32 });
    const property = fc.asyncProperty(seed, seed, fc.uint8Array({ maxLength: 200 }), async (mine, others, body) => {
      fc.pre(toBase64(mine) !== toBase64(others));
      const [key, other] = await Promise.all([mine, others].map((each) => generateKeyPair((bytes) => bytes.set(each))));
      const [signer, stranger] = [signing(key ?? ""), signing(other ?? "")];
      expect(await isPair(signer)).toBe(true);
      const header = await sign({ ...message, body }, [signer]);
      expect(await verify({ ...message, body }, header, [verifying(formatPublicKey(signer) ?? "")])).toBe(true);
      expect(await verify({ ...message, body }, header, [verifying(formatPublicKey(stranger) ?? "")])).toBe(false);
    });
    await fc.assert(property, { numRuns: 30 });
  });
});

describe("isWeak", () => {
  // Every point that has an order of at most 8, in every spelling the platform might read it from.
  const top = (hex: string) => hex.slice(0, 62) + (Number.parseInt(hex.slice(62), 16) | 0x80).toString(16);
  const points = [
    "00".repeat(32),
    `01${"00".repeat(31)}`,
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ...["ec", "ed", "ee"].map((first) => `${first}${"ff".repeat(30)}7f`),
  ].flatMap((hex) => [hex, top(hex)]);
  it.each(points)("of %s is true", (hex) => expect(isWeak(Uint8Array.fromHex(hex))).toBe(true));

  it("of a key pair's is false", async () => {
    expect(isWeak(verifying(publicText).key)).toBe(false);
    expect(isWeak(await publicKeyOf(new Uint8Array(32)))).toBe(false);
  });
});

describe("sign", () => {
  it("gives the known answer", async () => expect(await sign(message, [own])).toBe(signature));

  it("gives one entry for each key of either kind, in their order", async () => {
    const entries = await Promise.all([own, hmac].map((key) => sign(message, [key])));
    expect(await sign(message, [own, hmac])).toBe(entries.join(" "));
    expect(await sign(message, [hmac, own])).toBe(entries.toReversed().join(" "));
  });
});

describe("verify", () => {
  const key = verifying(publicText);
  const filler = `v1a,${toBase64(new Uint8Array(64))}`;
  const cases: [name: string, header: string, accepted: boolean][] = [
    ["the known answer", signature, true],
    ["the last of several", `v1,x v1a, v2,abc ${filler} ${signature}`, true],
    ["the last entry that is looked at", `${`${filler} `.repeat(MAX_SIGNATURES - 1)}${signature}`, true],
    ["the first entry beyond", `${`${filler} `.repeat(MAX_SIGNATURES)}${signature}`, false],
    ["another version's name", signature.replace("v1a,", "v1,"), false],
    ["an upper-case version", signature.replace("v1a,", "V1A,"), false],
    ["an inherited name as version", signature.replace("v1a,", "constructor,"), false],
    ["no version", signature.slice(4), false],
    ["a signature that is too short", `v1a,${toBase64(new Uint8Array(63))}`, false],
    ["a signature that is too long", `v1a,${toBase64(new Uint8Array(65))}`, false],
    ["no signature", "v1a,", false],
    ["an empty list", "", false],
  ];
  it.each(cases)("%s: %s", async (_name, header, accepted) => {
    expect(await verify(message, header, [key])).toBe(accepted);
  });

  it("never lets one version stand for the other, whatever the key's bytes", async () => {
    // Who knows the public key must not pass it off as an HMAC key.
    const publicAsHmac: SigningKey = { version: "v1", key: key.key };
    const forged = await sign(message, [publicAsHmac]);
    expect(await verify(message, forged, [key])).toBe(false);
    expect(await verify(message, forged.replace("v1,", "v1a,"), [key])).toBe(false);
    expect(await verify(message, signature, [publicAsHmac])).toBe(false);
  });

  it("takes keys of either kind at once", async () => {
    const keys = [key, verifying(hmacText)];
    for (const signer of [own, hmac]) expect(await verify(message, await sign(message, [signer]), keys)).toBe(true);
    expect(await verify(message, await sign(message, [hmac]), [key])).toBe(false);
    expect(await verify(message, signature, [hmac])).toBe(false);
  });

  it.each([{ id: "msg_2" }, { timestamp: 1 }, { body: utf8("{}") }])("covers %j", async (change) => {
    expect(await verify({ ...message, ...change }, signature, [key])).toBe(false);
  });

  it("does not throw at any header", async () => {
    const entry = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.base64String().map((text) => `v1a,${text}`),
    );
    const header = fc.array(entry).map((entries) => entries.join(" "));
    const property = fc.asyncProperty(header, async (text) => {
      expect(await verify(message, text, [key, hmac])).toBe(false);
    });
    await fc.assert(property);
  });
});
