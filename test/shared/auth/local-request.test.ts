import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { localProof, PROOF_HEADER } from "../../../shared/auth/local-proof.ts";
import { isLocalRequest, isVouchedFor } from "../../../shared/auth/local-request.ts";

const URL_HERE = "http://localhost:8080/events";

describe("isLocalRequest", () => {
  const cases: [name: string, url: string, headers: Record<string, string>, local: boolean][] = [
    ["a program here", URL_HERE, {}, true],
    ["by IPv4", "http://127.0.0.1:8080/", {}, true],
    ["by IPv6", "http://[::1]:8080/", {}, true],
    ["a program here, as wrangler tells", URL_HERE, { "cf-connecting-ip": "127.0.0.1" }, true],
    ["a program here, by IPv6", URL_HERE, { "cf-connecting-ip": "::1" }, true],
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
    ["a gateway", URL_HERE, { via: "1.1 squid" }, false],
    ["a proxy of this machine", URL_HERE, { "x-real-ip": "127.0.0.1" }, false],
    ["Cloudflare's tunnel", URL_HERE, { "cf-ray": "8a1b2c3d4e5f6789-FRA" }, false],
    ["Cloudflare's visitor", URL_HERE, { "cf-visitor": '{"scheme":"https"}' }, false],
    ["a client elsewhere", URL_HERE, { "cf-connecting-ip": "203.0.113.9" }, false],
    ["a client elsewhere, behind this machine", URL_HERE, { "cf-connecting-ip": "127.0.0.1, 203.0.113.9" }, false],
    ["a rewritten address", URL_HERE, { "x-original-url": "/events" }, false],
    ["Tailscale", URL_HERE, { "tailscale-user-login": "a@example.com" }, false],
    ["a foreign host", "http://evil.example:8080/", {}, false],
    ["a host that only begins like ours", "http://localhost.evil.example:8080/", {}, false],
  ];
  it.each(cases)("%s", (_name, url, headers, local) => {
    expect(isLocalRequest(new Request(url, { headers }))).toBe(local);
  });

  const link = { "sec-fetch-site": "same-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };
  it.each<[name: string, headers: Record<string, string>, acts: boolean, local: boolean]>([
    ["to a page", {}, false, true],
    ["to what acts when it is read", {}, true, false],
    ["of another site", { "sec-fetch-site": "cross-site" }, false, false],
    ["into a frame", { "sec-fetch-dest": "iframe" }, false, false],
    ["read by a script", { "sec-fetch-mode": "cors", "sec-fetch-dest": "empty" }, false, false],
    ["with an origin", { origin: "http://localhost:5000" }, false, false],
  ])("judges a link of another port here: %s", (_name, changes, acts, local) => {
    expect(isLocalRequest(new Request(URL_HERE, { headers: { ...link, ...changes } }), acts)).toBe(local);
  });

  it("takes no form of another port here", () => {
    const posted = new Request(URL_HERE, { method: "POST", headers: link });
    expect(isLocalRequest(posted)).toBe(false);
  });

  it("takes no request for local that any proxy's header came with, whatever it says", () => {
    const suffix = fc.stringMatching(/^[a-z][a-z-]{0,15}[a-z]$/);
    const name = fc.oneof(
      fc.constantFrom("via", "forwarded", "x-real-ip", "x-client-ip", "true-client-ip", "x-cluster-client-ip"),
      suffix.map((end) => `x-forwarded-${end}`),
      suffix.filter((end) => end !== "connecting-ip").map((end) => `cf-${end}`),
    );
    const value = fc.constantFrom("", "1", "127.0.0.1", "localhost", "::1", "1.1 localhost");
    fc.assert(
      fc.property(name, value, (header, said) => {
        expect(isLocalRequest(new Request(URL_HERE, { headers: { [header]: said } }))).toBe(false);
      }),
    );
  });
});

describe("isVouchedFor", () => {
  const ask = (proof: string | null, apiToken = "s3cret") =>
    isVouchedFor(new Request(URL_HERE, proof === null ? {} : { headers: { [PROOF_HEADER]: proof } }), apiToken);

  it("wants the proof that belongs to the token", async () => {
    expect(await ask(await localProof("s3cret"))).toBe(true);
    expect(await ask(await localProof("s3cret"), "s3cret2")).toBe(false);
    for (const proof of [null, "", "true", "s3cret", (await localProof("s3cret")).toLowerCase()]) {
      expect(await ask(proof)).toBe(false);
    }
  });

  it("does not show the token in it", async () => {
    expect(await localProof("s3cret")).toMatch(/^[A-Za-z0-9+/]{43}=$/);
  });
});
