import { describe, expect, it } from "vitest";
import { toBase64 } from "../../../shared/bytes.ts";
import { generateSecret, parseSecret, parseSecrets, splitSecrets } from "../../../shared/signing/secret.ts";

const KEY = new Uint8Array(24).fill(7);
const TEXT = toBase64(KEY);
const v1 = { version: "v1", key: KEY };

describe("parseSecret", () => {
  const refused: [text: string, problem: string][] = [
    ["", "empty"],
    ["whsec_", "empty"],
    ["whsec_!", "malformed"],
    [`whsec_${TEXT} `, "malformed"],
    [`WHSEC_${TEXT}`, "malformed"],
    [`whsec_${toBase64(new Uint8Array(25)).replace(/=+$/, "")}`, "malformed"],
    [`whsec_${toBase64(new Uint8Array(23))}`, "too_short"],
    ["whsec_MfKQ", "too_short"],
    ["v1,whsec_", "empty"],
    [`v1,${TEXT}`, "malformed"],
    [`v2,whsec_${TEXT}`, "malformed"],
  ];
  it.each(refused)("refuses %j as %s", (text, problem) => expect(parseSecret(text)).toEqual({ ok: false, problem }));

  it.each([`whsec_${TEXT}`, TEXT, `v1,whsec_${TEXT}`])("takes %j", (text) =>
    expect(parseSecret(text)).toEqual({ ok: true, key: KEY }),
  );
});

describe("parseSecrets", () => {
  it("takes several, separated by any number of spaces", () => {
    expect(parseSecrets("NAME", ` whsec_${TEXT}  ${TEXT} `)).toEqual([v1, v1]);
  });
  it.each([
    ["", "NAME is empty"],
    [`whsec_${TEXT} whsec_short`, "NAME is not"],
  ])("names the variable and never the value of %j", (value, message) => {
    expect(() => parseSecrets("NAME", value)).toThrow(message);
    expect(() => parseSecrets("NAME", value)).not.toThrow(/short"|AAAA/);
  });
});

describe("splitSecrets", () => {
  it.each(["", "   "])("refuses %j", (value) => expect(() => splitSecrets("NAME", value)).toThrow("NAME is empty"));
});

describe("generateSecret", () => {
  it("gives a secret of 32 random bytes that parses", () => {
    const parsed = parseSecret(generateSecret((bytes) => bytes.fill(9)));
    expect(parsed).toEqual({ ok: true, key: new Uint8Array(32).fill(9) });
  });
});
