import type { QuestionReason } from "./schemes/reasons.ts";
import type { Handshake, HandshakeAnswer, SignedRequest } from "./schemes/scheme.ts";
import type { Source } from "./source.ts";

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
