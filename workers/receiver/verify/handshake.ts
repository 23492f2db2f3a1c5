import type { HandshakeReason } from "./schemes/rules.ts";
import type { Handshake, HandshakeAnswer, SignedRequest } from "./schemes/scheme.ts";
import type { Source } from "./source.ts";

/** Handshakes of a source: its provider asks whether this URL is ours and alive, which is no event. */

/** Returns the handshake of a source's provider if this source can answer it, else null. */
export function handshakeOf({ scheme: { handshake }, handshakeSecrets }: Source): Handshake | null {
  return handshake === undefined || (handshake.secret === "own" && handshakeSecrets.length === 0) ? null : handshake;
}

/** Returns the methods that a source takes. A HEAD asks only if the URL is there. */
export function methodsOf(source: Source): string[] {
  return handshakeOf(source)?.method === "GET" ? ["GET", "HEAD", "POST"] : ["HEAD", "POST"];
}

/**
 * Returns the answer to a handshake; null when the request is none. A handshake that the provider signs must have been
 * verified before.
 */
export async function answerHandshake(source: Source, request: SignedRequest): Promise<HandshakeAnswer | null> {
  const handshake = handshakeOf(source);
  if (handshake === null || handshake.method !== request.method) return null;
  const secrets = handshake.secret === "own" ? source.handshakeSecrets : source.secrets;
  const answer = await handshake.answer(request, secrets);
  if (answer === null || handshake.secret !== "source" || secrets.length === 1) return answer;
  // A provider that signed with one of several secrets accepts no answer made with another.
  return handshake.answer(request, await signersOf(source, request));
}

/** Returns why an unsigned handshake was not answered. */
export async function handshakeFault(source: Source, request: SignedRequest): Promise<HandshakeReason> {
  const { handshake } = source.scheme;
  if (handshake?.secret === "own" && source.handshakeSecrets.length === 0) return "question_secret_unset";
  return (await handshake?.fault?.(request, source.handshakeSecrets)) ?? "question_malformed";
}

/** Returns those of a source's secrets that signed the request. */
async function signersOf({ scheme, secrets }: Source, request: SignedRequest): Promise<string[]> {
  const at = scheme.timestampOf?.(request) ?? 0;
  const verdicts = await Promise.all(secrets.map((secret) => scheme.verify(request, [secret], at)));
  return secrets.filter((_secret, index) => verdicts[index]?.ok);
}
