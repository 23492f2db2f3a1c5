import { describe, expect, it } from "vitest";
import { Poster } from "../../../workers/sender/courier/poster.ts";
import type { Destination } from "../../../workers/sender/protocol.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NOW = Date.UTC(2026, 0, 1);
const never = new AbortController().signal;
const parcel = { seq: 1, id: "msg_a", body: "{}" };

function destination(part: Partial<Destination> = {}): Destination {
  const secrets = [{ key: SECRET, expiresAt: null }];
  return {
    ...{ url: "https://hooks.example.com/in", headers: {}, signing: ["v1"], secrets },
    ...{ timeoutMs: 20_000, payload: "standard", signatureHeaders: null },
    ...part,
  };
}

/** A resolver that answers `ips` for A and nothing for AAAA, or fails; and an endpoint that always answers 200. */
function poster(dns: { status: number; ips: string[] } | "down") {
  const posts: Request[] = [];
  const asked: string[] = [];
  const fetcher = async (input: RequestInfo | URL, init?: RequestInit) => {
    const request = new Request(input as RequestInfo, init);
    if (!request.url.startsWith("https://dns.example/")) {
      posts.push(request);
      return new Response("ok");
    }
    asked.push(request.url);
    if (dns === "down") return new Response("", { status: 500 });
    const isA = new URL(request.url).searchParams.get("type") === "A";
    const answers = isA ? dns.ips.map((data) => ({ name: "hooks.example.com", type: 1, TTL: 60, data })) : [];
    return Response.json(
      { Status: dns.status, TC: false, Answer: answers },
      { headers: { "content-type": "application/dns-json" } },
    );
  };
  const config = { localDev: false, dohUrl: "https://dns.example/dns-query" };
  const subject = new Poster(config, { fetch: fetcher as typeof fetch, now: () => NOW });
  const post = async (part: Partial<Destination> = {}) => (await subject.to(destination(part)))(parcel, never);
  return { posts, asked, subject, post };
}

describe("Poster", () => {
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
    const { posts, asked, post } = poster(dns === "down" ? dns : { ...dns, ips: [...dns.ips] });
    expect((await post()).code).toBe(code);
    expect(asked).toHaveLength(2);
    expect(posts).toHaveLength(posted);
  });

  it("looks a name up once while its answer lives", async () => {
    const { asked, posts, post } = poster({ status: 0, ips: ["93.184.216.34"] });
    await post();
    await post();
    expect([asked.length, posts.length]).toEqual([2, 2]);
  });

  it("looks a name up once for all that goes there in one call", async () => {
    const { asked, posts, subject } = poster({ status: 0, ips: ["93.184.216.34"] });
    const post = await subject.to(destination());
    await Promise.all([1, 2, 3].map((seq) => post({ ...parcel, seq }, never)));
    expect([asked.length, posts.length]).toEqual([2, 3]);
  });

  it.each(["http://hooks.example.com/", "https://127.0.0.1/", "https://[::ffff:10.0.0.1]/", "https://localhost/"])(
    "never calls %s, whatever a configuration says",
    async (url) => {
      const { posts, post } = poster({ status: 0, ips: ["93.184.216.34"] });
      expect((await post({ url })).code).toBe("address_forbidden");
      expect(posts).toEqual([]);
    },
  );

  it("signs with the live secrets of the versions asked for, and never lets a header of the endpoint's replace ours", async () => {
    const { posts, post } = poster({ status: 0, ips: ["93.184.216.34"] });
    const pair = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
    const secrets = [
      { key: SECRET, expiresAt: null },
      { key: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", expiresAt: NOW + 1 },
      { key: "whsec_6PaE1VNiBtnL1W0AZi/1CFzPUoGEJvOP", expiresAt: NOW },
      { key: pair, expiresAt: null },
    ];
    const headers = { "x-key": "k", "webhook-id": "forged", "content-type": "text/plain" };
    await post({ secrets, headers });
    await post({ secrets, headers, signing: ["v1", "v1a"] });
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
