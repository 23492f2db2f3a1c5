import { describe, expect, it } from "vitest";
import { Poster } from "../../../workers/sender/endpoint/poster.ts";
import type { EndpointConfig } from "../../../workers/sender/model/endpoint.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NOW = Date.UTC(2026, 0, 1);
const open = { seq: 1, id: "msg_a", type: "a.b", body: "{}", attempts: [], mark: null, skip: 0, isNew: true };

function endpoint(part: Partial<EndpointConfig> = {}): EndpointConfig {
  return {
    ...{ url: "https://hooks.example.com/in", enabled: true, disabledReason: null, types: null, description: "" },
    ...{ headers: {}, ordered: false, rateLimit: null, signing: ["v1"], createdAt: 0 },
    secrets: [{ key: SECRET, expiresAt: null }],
    ...part,
  };
}

/** A resolver that answers `ips` for A and nothing for AAAA, or fails; and an endpoint that always answers 200. */
function poster(dns: { status: number; ips: string[] } | "down") {
  const posts: Request[] = [];
  const fetcher = async (input: RequestInfo | URL, init?: RequestInit) => {
    const request = new Request(input as RequestInfo, init);
    if (!request.url.startsWith("https://dns.example/")) {
      posts.push(request);
      return new Response("ok");
    }
    if (dns === "down") return new Response("", { status: 500 });
    const isA = new URL(request.url).searchParams.get("type") === "A";
    const answers = isA ? dns.ips.map((data) => ({ name: "hooks.example.com", type: 1, TTL: 60, data })) : [];
    return Response.json(
      { Status: dns.status, TC: false, Answer: answers },
      { headers: { "content-type": "application/dns-json" } },
    );
  };
  const config = { localDev: false, dohUrl: "https://dns.example/dns-query" };
  return { posts, poster: new Poster(config, { fetch: fetcher as typeof fetch, now: () => NOW }) };
}

describe("Poster.post", () => {
  it.each([
    ["a public address", { status: 0, ips: ["93.184.216.34"] }, null, 1],
    ["a private address", { status: 0, ips: ["10.0.0.1"] }, "address_forbidden", 0],
    [
      "one private address among public ones",
      { status: 0, ips: ["93.184.216.34", "127.0.0.1"] },
      "address_forbidden",
      0,
    ],
    ["no such name", { status: 3, ips: [] }, "dns_not_found", 0],
    ["no address at all", { status: 0, ips: [] }, "dns_not_found", 0],
    ["a resolver's failure", { status: 2, ips: [] }, "dns_unavailable", 0],
    ["no answer from the resolver", "down", "dns_unavailable", 0],
  ] as const)("after %s", async (_name, dns, code, posted) => {
    const { posts, poster: subject } = poster(dns === "down" ? dns : { ...dns, ips: [...dns.ips] });
    const { ending, requests } = await subject.post(open, endpoint(), NOW);
    expect(ending.code).toBe(code);
    expect(requests).toBe(2);
    expect(posts).toHaveLength(posted);
  });

  it("looks a name up once while its answer lives", async () => {
    const { poster: subject } = poster({ status: 0, ips: ["93.184.216.34"] });
    await subject.post(open, endpoint(), NOW);
    expect((await subject.post(open, endpoint(), NOW)).requests).toBe(0);
  });

  it.each(["http://hooks.example.com/", "https://127.0.0.1/", "https://[::ffff:10.0.0.1]/", "https://localhost/"])(
    "never calls %s, whatever a configuration says",
    async (url) => {
      const { posts, poster: subject } = poster({ status: 0, ips: ["93.184.216.34"] });
      expect((await subject.post(open, endpoint({ url }), NOW)).ending.code).toBe("address_forbidden");
      expect(posts).toEqual([]);
    },
  );

  it("signs with the live secrets of the versions asked for, and never lets a header of the endpoint's replace ours", async () => {
    const { posts, poster: subject } = poster({ status: 0, ips: ["93.184.216.34"] });
    const pair = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
    const secrets = [
      { key: SECRET, expiresAt: null },
      { key: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", expiresAt: NOW + 1 },
      { key: "whsec_6PaE1VNiBtnL1W0AZi/1CFzPUoGEJvOP", expiresAt: NOW },
      { key: pair, expiresAt: null },
    ];
    const headers = { "x-key": "k", "webhook-id": "forged", "content-type": "text/plain" };
    await subject.post(open, endpoint({ secrets, headers }), NOW);
    await subject.post(open, endpoint({ secrets, headers, signing: ["v1", "v1a"] }), NOW);
    const versions = posts.map((post) =>
      post.headers
        .get("webhook-signature")
        ?.split(" ")
        .map((entry) => entry.split(",")[0]),
    );
    expect(versions).toEqual([
      ["v1", "v1"],
      ["v1", "v1", "v1a"],
    ]);
    const [first] = posts;
    expect([first?.headers.get("x-key"), first?.headers.get("webhook-id"), first?.headers.get("content-type")]).toEqual(
      [...["k", "msg_a", "application/json"]],
    );
  });
});
