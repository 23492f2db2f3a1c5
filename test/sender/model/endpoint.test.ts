import { describe, expect, it } from "vitest";
import { defaultConfig, type EndpointConfig } from "../../../workers/sender/model/endpoint.ts";

/** The configuration of `ep_default` when the variables change with a deployment. */

const URL_A = "https://a.example/hook";
const URL_B = "https://b.example/hook";
const keys = (config: EndpointConfig | null) => config?.secrets.map(({ key }) => key);

function known(part: Partial<EndpointConfig> = {}): EndpointConfig {
  const config = defaultConfig(URL_A, ["whsec_a"], { known: undefined, now: 7 });
  if (config === null) throw new Error("a URL makes an endpoint");
  return { ...config, ...part };
}

describe("defaultConfig", () => {
  it("makes an ordinary endpoint of WEBHOOK_URL and the secrets of WEBHOOK_SECRET, all of which sign", () => {
    const config = defaultConfig(URL_A, ["whsec_a", "whsec_b"], { known: undefined, now: 7 });
    expect(config).toMatchObject({ url: URL_A, enabled: true, types: null, signing: ["v1"], createdAt: 7 });
    expect(config?.secrets).toEqual([
      { key: "whsec_a", expiresAt: null },
      { key: "whsec_b", expiresAt: null },
    ]);
  });

  it("makes none without a URL", () => {
    expect(defaultConfig(null, ["whsec_a"], { known: undefined, now: 7 })).toBeNull();
  });

  it("changes nothing while nothing changed", () => {
    expect(defaultConfig(URL_A, ["whsec_a"], { known: known(), now: 9 })).toEqual(known());
  });

  it("keeps what was set by hand when the secret changes", () => {
    const mine = { types: ["order.*"], headers: { "x-key": "k" }, ordered: true, rateLimit: { perSecond: 5 } };
    const config = defaultConfig(URL_A, ["whsec_new", "whsec_a"], { known: known(mine), now: 9 });
    expect(config).toMatchObject({ ...mine, url: URL_A, createdAt: 7 });
    expect(keys(config)).toEqual(["whsec_new", "whsec_a"]);
  });

  it("keeps a secret that was added for another version, which no variable defines", () => {
    const added = { key: "whsk_added", expiresAt: null, added: true as const };
    const before = known({ signing: ["v1", "v1a"], secrets: [{ key: "whsec_a", expiresAt: null }, added] });
    const config = defaultConfig(URL_A, ["whsec_new"], { known: before, now: 9 });
    expect(config?.secrets).toEqual([{ key: "whsec_new", expiresAt: null }, added]);
  });

  const disabled = { enabled: false, disabledReason: "disabled by the API" };
  const unset = { enabled: false, disabledReason: "WEBHOOK_URL is not set" };
  it.each<[name: string, url: string | null, before: Partial<EndpointConfig>, after: Partial<EndpointConfig>]>([
    ["another URL", URL_B, {}, { url: URL_B, enabled: true }],
    ["no URL any more", null, {}, { url: URL_A, ...unset }],
    ["still none", null, unset, unset],
    ["the URL again", URL_A, unset, { url: URL_A, enabled: true, disabledReason: null }],
    ["the same URL, disabled by a person", URL_A, disabled, disabled],
    ["another URL, disabled by a person", URL_B, disabled, { url: URL_B, enabled: true, disabledReason: null }],
  ])("follows %s", (_name, url, before, after) => {
    expect(defaultConfig(url, ["whsec_a"], { known: known(before), now: 9 })).toMatchObject(after);
  });
});
