import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createResolver } from "../../../shared/outgoing/dns.ts";
import { judgeAnswers, parseAnswer } from "../../../shared/outgoing/dns-answer.ts";

const DOH = "https://doh.example/dns-query";
const HOST = "hooks.example.com";

const a = (data: string, TTL = 60) => ({ name: HOST, type: 1, TTL, data });
const aaaa = (data: string, TTL = 60) => ({ name: HOST, type: 28, TTL, data });
const cname = (data: string, TTL = 60) => ({ name: HOST, type: 5, TTL, data });
const soa = (TTL: number) => ({ name: "example.com", type: 6, TTL, data: "ns.example.com. h.example.com. 1 2 3 4 5" });
const answer = (...records: object[]) => ({ Status: 0, TC: false, Answer: records });
const nothing = { Status: 0, TC: false };
const nxdomain = { Status: 3, TC: false, Authority: [soa(120)] };

type Reply = object | Response | Error;
/** What the resolver answers to A and to AAAA. */
type Replies = { A: Reply; AAAA: Reply };
const PUBLIC: Replies = { A: answer(a("93.184.215.14")), AAAA: answer(aaaa("2606:2800:220:1::1")) };

/** A resolver of ours on a local fetch that answers from `replies`, with a clock that tests move. */
function setUp(replies: Replies, dohUrl = DOH) {
  const state = { replies, now: 1_000_000, asked: [] as string[], inits: [] as RequestInit[] };
  const fake = async (input: RequestInfo | URL, init: RequestInit = {}) => {
    const url = new URL(String(input));
    const type = url.searchParams.get("type") as keyof Replies;
    state.asked.push(`${type} ${url.searchParams.get("name")}`);
    state.inits.push(init);
    const reply = state.replies[type];
    if (reply instanceof Error) throw reply;
    return reply instanceof Response ? reply.clone() : Response.json(reply);
  };
  const resolve = createResolver({ dohUrl, fetch: fake as typeof fetch, now: () => state.now });
  return { resolve, state };
}

const ok = { ok: true };
const failed = (code: string) => ({ ok: false, code });
const forbidden = (address: string, reason: string) => ({ ...failed("address_forbidden"), address, reason });

describe("createResolver", () => {
  const cases: [name: string, replies: Partial<Replies>, expected: object][] = [
    ["public addresses", {}, ok],
    ["A alone", { AAAA: nothing }, ok],
    ["AAAA alone", { A: nothing }, ok],
    ["AAAA said not to exist beside A", { AAAA: nxdomain }, ok],
    ["an alias on the way", { A: answer(cname("localhost."), a("93.184.215.14")) }, ok],
    ["a signature record beside", { A: answer(a("1.1.1.1"), { name: HOST, type: 46, TTL: 1, data: "a 13 2" }) }, ok],
    ["no such name", { A: nxdomain, AAAA: nxdomain }, failed("dns_not_found")],
    ["no addresses", { A: nothing, AAAA: nothing }, failed("dns_not_found")],
    ["no addresses, as null", { A: { Status: 0, Answer: null }, AAAA: nothing }, failed("dns_not_found")],
    ["an alias to nowhere", { A: answer(cname("gone.example.")), AAAA: nothing }, failed("dns_not_found")],
    ["a private address", { A: answer(a("10.0.0.1")) }, forbidden("10.0.0.1", "private")],
    ["a loopback address", { AAAA: answer(aaaa("::1")) }, forbidden("::1", "loopback")],
    ["a mapped address", { AAAA: answer(aaaa("::ffff:a9fe:a9fe")) }, forbidden("::ffff:a9fe:a9fe", "link_local")],
    [
      "a private address among public",
      { A: answer(a("1.1.1.1"), a("192.168.0.1")) },
      forbidden("192.168.0.1", "private"),
    ],
    [
      "a private address and a failure",
      { A: answer(a("10.0.0.1")), AAAA: { Status: 2 } },
      forbidden("10.0.0.1", "private"),
    ],
    [
      "an address of the other kind",
      { A: answer({ ...a(""), type: 28, data: "fe80::1" }) },
      forbidden("fe80::1", "link_local"),
    ],
    ["SERVFAIL", { A: { Status: 2 }, AAAA: { Status: 2 } }, failed("dns_unavailable")],
    ["SERVFAIL for AAAA alone", { AAAA: { Status: 2 } }, failed("dns_unavailable")],
    ["SERVFAIL beside no such name", { A: nxdomain, AAAA: { Status: 2 } }, failed("dns_unavailable")],
    ["REFUSED", { A: { Status: 5 } }, failed("dns_unavailable")],
    ["an answer cut short", { A: { ...answer(a("1.1.1.1")), TC: true } }, failed("dns_unavailable")],
    ["status 500", { A: new Response(null, { status: 500 }) }, failed("dns_unavailable")],
    [
      "status 429 with an answer",
      { A: Response.json(answer(a("1.1.1.1")), { status: 429 }) },
      failed("dns_unavailable"),
    ],
    ["status 204", { A: new Response(null, { status: 204 }) }, failed("dns_unavailable")],
    ["a redirect", { A: Response.redirect("https://elsewhere.example/", 302) }, failed("dns_unavailable")],
    ["a page", { A: new Response("<html>sign in</html>") }, failed("dns_unavailable")],
    ["JSON cut off", { A: new Response('{"Status":0,"Answer":[') }, failed("dns_unavailable")],
    ["an empty body", { A: new Response("") }, failed("dns_unavailable")],
    ["null", { A: new Response("null") }, failed("dns_unavailable")],
    ["another shape", { A: { status: 0, answers: [] } }, failed("dns_unavailable")],
    ["a status in quotes", { A: { ...answer(a("1.1.1.1")), Status: "0" } }, failed("dns_unavailable")],
    ["an Answer that is no list", { A: { Status: 0, Answer: {} } }, failed("dns_unavailable")],
    ["a record that is none", { A: { Status: 0, Answer: [null] } }, failed("dns_unavailable")],
    ["a record without data", { A: { Status: 0, Answer: [{ type: 1, TTL: 1 }] } }, failed("dns_unavailable")],
    ["a type in quotes", { A: { Status: 0, Answer: [{ ...a("10.0.0.1"), type: "1" }] } }, failed("dns_unavailable")],
    ["an address that is none", { A: answer(a("010.0.0.1")) }, failed("dns_unavailable")],
    ["a refused connection", { A: new TypeError("network connection lost") }, failed("dns_unavailable")],
  ];
  it.each(cases)("judges %s", async (_name, replies, expected) => {
    const { resolve } = setUp({ ...PUBLIC, ...replies });
    expect(await resolve(HOST)).toEqual(expected);
  });

  it("asks for both kinds of address, as JSON, without following redirects", async () => {
    const { resolve, state } = setUp(PUBLIC, `${DOH}?cd=false`);
    await resolve("Hooks.Example.COM.");
    expect(state.asked).toEqual([`A ${HOST}`, `AAAA ${HOST}`]);
    expect(state.inits[0]).toMatchObject({ redirect: "manual", headers: { accept: "application/dns-json" } });
  });

  it.each(["8.8.8.8", "[2606:4700:4700::1111]", "localhost", "api.localhost", "127.0.0.1", "[::1]"])(
    "does not look up %s",
    async (hostname) => {
      const { resolve, state } = setUp({ A: nxdomain, AAAA: nxdomain });
      expect(await resolve(hostname)).toEqual({ ok: true });
      expect(state.asked).toEqual([]);
    },
  );

  it("is off without a URL", async () => {
    const { resolve, state } = setUp({ A: nxdomain, AAAA: nxdomain }, "");
    expect(await resolve(HOST)).toEqual({ ok: true });
    expect(state.asked).toEqual([]);
  });

  it("refuses a URL that is none", () => {
    expect(() => setUp(PUBLIC, "cloudflare-dns.com")).toThrow(TypeError);
  });

  it("gives up on a resolver that does not answer in time", async () => {
    const fake = (_url: unknown, init?: RequestInit) =>
      new Promise<Response>((_resolve, reject) => {
        init?.signal?.addEventListener("abort", () => reject(new Error("aborted")));
      });
    const resolve = createResolver({ dohUrl: DOH, fetch: fake as typeof fetch, now: () => 0, deadlineMs: 5 });
    expect(await resolve(HOST)).toEqual(failed("dns_unavailable"));
  });

  const LIMIT = 64 * 1024;

  /** Asks a resolver whose answers are made of `next`, and counts what was taken of the two. */
  async function askStream(next: () => Uint8Array | Promise<Uint8Array>, deadlineMs?: number) {
    const taken = { bytes: 0, cancelled: 0 };
    const fake = async () => {
      const pull = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
        const chunk = await next();
        taken.bytes += chunk.byteLength;
        controller.enqueue(chunk);
      };
      const cancel = () => {
        taken.cancelled++;
      };
      return new Response(new ReadableStream({ pull, cancel }, { highWaterMark: 0 }));
    };
    const limits = deadlineMs === undefined ? {} : { deadlineMs };
    const resolve = createResolver({ dohUrl: DOH, fetch: fake as typeof fetch, now: () => 0, ...limits });
    return { verdict: await resolve(HOST), taken };
  }

  it("reads at most 64 KiB of an endless answer, whatever its pieces, and lets it go", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(1000, 4096, 65_536), async (size) => {
        const { verdict, taken } = await askStream(() => new Uint8Array(size).fill(0x20));
        expect(verdict).toEqual(failed("dns_unavailable"));
        expect(taken.bytes).toBeLessThanOrEqual(2 * (LIMIT + size));
        expect(taken.cancelled).toBe(2);
      }),
      { numRuns: 10 },
    );
  });

  it.each([
    [LIMIT, ok],
    [LIMIT + 1, failed("dns_unavailable")],
  ])("judges an answer of %i bytes", async (size, expected) => {
    const text = JSON.stringify(answer(a("93.184.215.14"))).padEnd(size);
    expect(await setUp({ A: new Response(text), AAAA: nothing }).resolve(HOST)).toEqual(expected);
  });

  it.each([
    ["stops", () => new Promise<never>(() => {})],
    ["drips", () => new Uint8Array([0x20])],
  ])("gives up on an answer that %s", async (_name, next) => {
    const { verdict, taken } = await askStream(async () => {
      await new Promise((wake) => setTimeout(wake, 2));
      return next();
    }, 20);
    expect(verdict).toEqual(failed("dns_unavailable"));
    expect(taken.bytes).toBeLessThan(100);
    expect(taken.cancelled).toBe(2);
  });

  const kept: [name: string, replies: Partial<Replies>, seconds: number][] = [
    ["its TTL", { A: answer(a("1.1.1.1", 100)), AAAA: answer(aaaa("2606:4700::1", 200)) }, 100],
    ["the TTL there is", { A: answer(a("1.1.1.1", 100)), AAAA: nothing }, 100],
    ["the shortest TTL, an alias's included", { A: answer(cname("b.example.", 50), a("1.1.1.1", 100)) }, 50],
    ["30 s at least", { A: answer(a("1.1.1.1", 0)) }, 30],
    ["300 s at most", { A: answer(a("1.1.1.1", 86_400)), AAAA: answer(aaaa("2606:4700::1", 86_400)) }, 300],
    ["the SOA's TTL where there is no such name", { A: nxdomain, AAAA: nxdomain }, 120],
    ["30 s where there is nothing", { A: nothing, AAAA: nothing }, 30],
    ["its TTL when it is forbidden", { A: answer(a("10.0.0.1", 200)), AAAA: nothing }, 200],
    ["5 s after a failure", { A: { Status: 2 } }, 5],
  ];
  it.each(kept)("keeps an answer for %s", async (_name, replies, seconds) => {
    const { resolve, state } = setUp({ ...PUBLIC, ...replies });
    const first = await resolve(HOST);
    state.now += seconds * 1000 - 1;
    expect(await resolve(HOST)).toEqual(first);
    expect(state.asked).toHaveLength(2);
    state.now += 1;
    expect(await resolve(HOST)).toEqual(first);
    expect(state.asked).toHaveLength(4);
  });

  it("sees a name that is moved to a private address, and moved back", async () => {
    const { resolve, state } = setUp({ A: answer(a("1.1.1.1", 0)), AAAA: nothing });
    expect(await resolve(HOST)).toEqual(ok);
    state.replies = { A: answer(a("169.254.169.254", 0)), AAAA: nothing };
    state.now += 30_000;
    expect(await resolve(HOST)).toEqual(forbidden("169.254.169.254", "link_local"));
    state.replies = PUBLIC;
    state.now += 30_000;
    expect(await resolve(HOST)).toEqual(ok);
  });

  it("lets no call wait for the look-up of another", async () => {
    const { resolve, state } = setUp(PUBLIC);
    const results = await Promise.all([resolve(HOST), resolve(`${HOST}.`), resolve("other.example.com")]);
    expect(results.every((result) => result.ok)).toBe(true);
    expect(state.asked).toHaveLength(6);
    expect(await resolve(HOST)).toEqual(ok);
    expect(state.asked).toHaveLength(6);
  });

  it("asks again after a failure", async () => {
    const { resolve, state } = setUp({ A: new Error("lost"), AAAA: new Error("lost") });
    const results = await Promise.all([resolve(HOST), resolve(HOST)]);
    expect(results.map((result) => result.ok)).toEqual([false, false]);
    state.replies = PUBLIC;
    state.now += 5000;
    expect(await resolve(HOST)).toEqual(ok);
  });

  it("keeps 1,000 names, those asked for last", async () => {
    const { resolve, state } = setUp({ A: answer(a("1.1.1.1", 300)), AAAA: nothing });
    const requests = async (name: string) => {
      const before = state.asked.length;
      await resolve(name);
      return state.asked.length - before;
    };
    for (let index = 0; index < 1000; index++) await requests(`h${index}.example.com`);
    expect(await requests("h0.example.com")).toBe(0);
    expect(await requests("h1000.example.com")).toBe(2);
    expect(await requests("h0.example.com")).toBe(0);
    expect(await requests("h1.example.com")).toBe(2);
    expect(await requests("h999.example.com")).toBe(0);
  });
});

describe("parseAnswer and judgeAnswers", () => {
  it("throw at no JSON, and let no unreadable answer pass", () => {
    const statuses = fc.record({
      Status: fc.constantFrom(0, 2, 3, "0"),
      Answer: fc.jsonValue(),
      Authority: fc.jsonValue(),
    });
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), statuses), (json) => {
        const parsed = parseAnswer(json);
        if (parsed === null) expect(judgeAnswers([parsed, { addresses: ["1.1.1.1"], ttl: 1 }]).ok).toBe(false);
        else if (parsed.addresses.length === 0) expect(judgeAnswers([parsed]).ok).toBe(false);
      }),
    );
  });

  it("refuse a forbidden address wherever it stands", () => {
    const address = fc.constantFrom("1.1.1.1", "8.8.8.8", "2606:4700::1", "93.184.215.14");
    const bad = fc.constantFrom("127.0.0.1", "10.1.2.3", "::1", "fd00::1", "::ffff:192.168.0.1", "0.0.0.0");
    fc.assert(
      fc.property(fc.array(address), bad, fc.array(address), fc.boolean(), (before, one, after, lost) => {
        const records = [...before, one, ...after].map((data) => (data.includes(":") ? aaaa(data) : a(data)));
        const verdict = judgeAnswers([parseAnswer(answer(...records)), lost ? null : parseAnswer(nothing)]);
        expect(verdict).toMatchObject({ ok: false, code: "address_forbidden", address: one });
      }),
    );
  });
});
