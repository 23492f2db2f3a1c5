import { BoundedMap } from "../bounded-map.ts";
import { fromUtf8 } from "../bytes.ts";
import { ipLiteral, isLoopback } from "./address.ts";
import { type DnsAnswer, type DnsVerdict, judgeAnswers, parseAnswer } from "./dns-answer.ts";
import { letGo } from "./let-go.ts";

/**
 * Looks a hostname up over HTTPS before anything is sent to it, so that no name leads into a network that its URL may not
 * name. The connection resolves the name once more, and the name may have changed by then.
 */

export type Resolve = (hostname: string) => Promise<DnsVerdict>;

type ResolverOptions = {
  /** Resolver, as `https://cloudflare-dns.com/dns-query` or `https://dns.google/resolve`; empty for none. */
  dohUrl: string;
  fetch: typeof fetch;
  /** Unix milliseconds. */
  now: () => number;
  /** Time for one question, until its answer is read. */
  deadlineMs?: number;
};

/** Questions about a name, one for each kind of address. */
const QUESTIONS = ["A", "AAAA"] as const;

const QUESTION_MS = 5000;
/** As much as DNS itself can carry in one message: RFC 1035 section 4.2.2. */
const MAX_ANSWER_BYTES = 64 * 1024;
/** An answer is kept for its TTL within these: less would ask before every attempt, more would miss a move. */
const MIN_TTL_SECONDS = 30;
const MAX_TTL_SECONDS = 300;
/** A resolver that failed is not asked again at once: RFC 9520 section 3.2. Well below the caller's delay. */
const FAILURE_SECONDS = 5;
/** Hosts whose answers are kept, the most recently asked for. */
const MAX_HOSTS = 1000;

type Kept = { verdict: DnsVerdict; until: number };

/**
 * Returns a resolver, which never rejects: `dns_unavailable` stands for no answer. IP literals and names of this machine
 * are not looked up, as `checkUrl` has judged them. Calls share the answers that are kept, never a look-up under way: a
 * request of the platform cannot wait for another's.
 *
 * @throws TypeError when `dohUrl` is neither empty nor a URL.
 */
export function createResolver({ dohUrl, now, ...transport }: ResolverOptions): Resolve {
  const kept = new BoundedMap<string, Kept>(MAX_HOSTS);
  const resolver = dohUrl === "" ? null : new URL(dohUrl);

  async function lookUp(name: string, from: URL): Promise<DnsVerdict> {
    const answers = await Promise.all(QUESTIONS.map((type) => ask(questionUrl(from, name, type), transport)));
    const verdict = judgeAnswers(answers);
    kept.set(name, { verdict, until: now() + keepSeconds(verdict, answers) * 1000 });
    return verdict;
  }

  return async (hostname) => {
    if (resolver === null || isLoopback(hostname) || ipLiteral(hostname) !== null) return { ok: true };
    const name = hostname.toLowerCase().replace(/\.$/, "");
    const known = kept.get(name);
    const left = known === undefined ? 0 : known.until - now();
    // More than any answer is kept for: the clock was set back.
    if (known !== undefined && left > 0 && left <= MAX_TTL_SECONDS * 1000) {
      kept.set(name, known);
      return known.verdict;
    }
    return lookUp(name, resolver);
  };
}

/** Asks one question; returns null when there is no answer, for whatever reason. */
async function ask(url: URL, { fetch, deadlineMs = QUESTION_MS }: Pick<ResolverOptions, "fetch" | "deadlineMs">) {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), deadlineMs);
  try {
    // A redirect would be one request more than was counted, and no resolver has a reason for one.
    const init = { headers: { accept: "application/dns-json" }, redirect: "manual", signal: deadline.signal } as const;
    const response = await fetch(url, init);
    if (response.status === 200) return parseAnswer(JSON.parse(await readAnswer(response, deadline.signal)));
    letGo(response.body);
    return null;
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}

/** Reads an answer until its end. @throws Error when the answer is too long, late, or no text */
async function readAnswer({ body }: Response, signal: AbortSignal): Promise<string> {
  const reader = (body as ReadableStream<Uint8Array> | null)?.getReader();
  const bytes = new Uint8Array(MAX_ANSWER_BYTES);
  let size = 0;
  // The signal of a fetch ends the read as well, but not on every platform.
  signal.addEventListener("abort", () => letGo(reader));
  while (reader !== undefined) {
    const { done, value } = await reader.read();
    if (signal.aborted) throw new Error("the resolver's answer is late");
    if (done) break;
    if (size + value.byteLength > MAX_ANSWER_BYTES) {
      letGo(reader);
      throw new Error("the resolver's answer is too long");
    }
    bytes.set(value, size);
    size += value.byteLength;
  }
  return fromUtf8(bytes.subarray(0, size)) ?? "";
}

function questionUrl(resolver: URL, name: string, type: string): URL {
  const url = new URL(resolver);
  url.searchParams.set("name", name);
  url.searchParams.set("type", type);
  return url;
}

function keepSeconds(verdict: DnsVerdict, answers: readonly (DnsAnswer | null)[]): number {
  if (!verdict.ok && verdict.code === "dns_unavailable") return FAILURE_SECONDS;
  const ttls = answers.flatMap((answer) => answer?.ttl ?? []);
  return ttls.length === 0 ? MIN_TTL_SECONDS : Math.min(Math.max(Math.min(...ttls), MIN_TTL_SECONDS), MAX_TTL_SECONDS);
}
