import { ConfigError } from "../../../shared/config.ts";
import { Problem } from "../../../shared/http/problem.ts";
import type { Config, Env } from "../config.ts";
import type { Inbox } from "../inbox/inbox.ts";
import type { Handshake, HandshakeAnswer, QuestionReason, SignedRequest, Verdict } from "./schemes/scheme.ts";
import { DEFAULT_LOG, type Source } from "./source.ts";
import { faultOf, faultText } from "./source-fault.ts";

/** Who sends to us, and the logs they write to. */

export { DEFAULT_LOG, DEFAULT_SOURCE, type Source } from "./source.ts";

const TENANT = "default";

/** The source of that name, or null. */
export function sourceOf(config: Config, name: string): Source | null {
  return config.sources.get(name) ?? null;
}

/**
 * The verdict of the source's scheme; `now` in unix seconds.
 *
 * @throws ConfigError naming the source and the key, when its configuration or one of its secrets is unusable.
 */
export async function verifyFrom(source: Source, request: SignedRequest, now: number): Promise<Verdict> {
  const fault = await faultOf(source);
  if (fault !== null) throw new ConfigError(faultText(source.name, fault));
  return source.scheme.verify(signedRequest(source, request), source.secrets, now);
}

/**
 * The answer to a provider's question whether we are there; null when the request is none. A question that its
 * provider signs must have been verified before.
 */
export async function handshakeOf(source: Source, request: SignedRequest): Promise<HandshakeAnswer | null> {
  const { handshake } = source.scheme;
  if (handshake === undefined || handshake.method !== request.method) return null;
  const secrets = handshake.secret === "own" ? source.handshakeSecrets : source.secrets;
  const answer = await handshake.answer(request, secrets);
  if (answer === null || handshake.secret !== "source" || secrets.length === 1) return answer;
  // Whoever asked with one of several secrets does not believe an answer made with another.
  return handshake.answer(request, await signersOf(source, request));
}

/** Why such a question was not answered. */
export async function questionRefusal(source: Source, request: SignedRequest): Promise<QuestionReason> {
  const { handshake } = source.scheme;
  if (handshake?.secret === "own" && source.handshakeSecrets.length === 0) return "question_secret_unset";
  return (await handshake?.refusal?.(request, source.handshakeSecrets)) ?? "question_malformed";
}

async function signersOf({ scheme, secrets }: Source, request: SignedRequest): Promise<string[]> {
  const at = scheme.timestampOf?.(request) ?? 0;
  const verdicts = await Promise.all(secrets.map((secret) => scheme.verify(request, [secret], at)));
  return secrets.filter((_secret, index) => verdicts[index]?.ok);
}

/** The question that a source's provider may ask and that can be answered, or null. */
export function questionOf({ scheme: { handshake }, handshakeSecrets }: Source): Handshake | null {
  return handshake === undefined || (handshake.secret === "own" && handshakeSecrets.length === 0) ? null : handshake;
}

/** The methods that a source takes. */
export function methodsOf(source: Source): string[] {
  return questionOf(source)?.method === "GET" ? ["GET", "POST"] : ["POST"];
}

/** @throws ConfigError naming every source that is configured wrongly: such a one accepts nothing. */
export async function checkSources({ sources }: Config): Promise<void> {
  const faults = await Promise.all(
    [...sources.values()].map(async (source) => {
      const fault = await faultOf(source);
      return fault === null ? [] : [faultText(source.name, fault)];
    }),
  );
  if (faults.flat().length > 0) throw new ConfigError(faults.flat().join("; "));
}

/** The request with the URL that the provider called and signed: not the one that a proxy or the edge shows us. */
export function signedRequest({ url, scheme }: Source, request: SignedRequest): SignedRequest {
  if (url === null) return request;
  const called = new URL(request.url).search;
  if (called === "" || scheme.signedUrl === "configured") return { ...request, url };
  // What the provider adds to the query is part of what it signs.
  return { ...request, url: url.replace(/\?.*$/, "") + called };
}

/** The logs that sources write to, the default one first. */
export function logsOf({ sources }: Config): readonly string[] {
  return [...new Set([DEFAULT_LOG, ...[...sources.values()].map(({ log }) => log)])];
}

/** The log that a reader names, the default one without a name. @throws Problem `not_found` */
export function logOf(config: Config, name: string | null): string {
  const log = name ?? DEFAULT_LOG;
  // Only configured logs: any other name would make an empty Inbox that nobody asked for.
  if (!logsOf(config).includes(log)) throw new Problem("not_found", `There is no log ${JSON.stringify(log)}.`);
  return log;
}

/** The log that a reader means who names a log, or only a source, whose own it is then. @throws Problem `not_found` */
export function logMeant(config: Config, { log, source }: { log: string | null; source: string | null }): string {
  return logOf(config, log ?? (source === null ? null : (sourceOf(config, source)?.log ?? null)));
}

/** The name of the Inbox that keeps a log, also the prefix of the log's keys in KV. */
export function inboxNameOf(log: string): string {
  return `${TENANT}/${log}`;
}

export function inboxOf(env: Env, log: string): DurableObjectStub<Inbox> {
  return env.INBOX.getByName(inboxNameOf(log));
}
