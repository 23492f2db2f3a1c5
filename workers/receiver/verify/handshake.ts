import { answeredParts, hasOtherToken, rowAnswer, signsAnswer } from "./schemes/handshake-row.ts";
import { COMMON_HANDSHAKES } from "./schemes/handshakes.ts";
import type { HandshakeReason } from "./schemes/rules.ts";
import type { HandshakeAnswer, HandshakeRow, SignedRequest } from "./schemes/scheme.ts";
import type { Source } from "./source.ts";

/** Handshakes of a source: its provider asks whether this URL is ours and alive, which is no event. */

/** Schemes that any provider may use. */
const COMMON_SCHEMES: readonly string[] = ["hmac", "public_key", "token", "none"];

/** Returns the handshakes of a source's provider that this source can answer. */
export function handshakesOf({ handshakes, handshakeSecrets }: Source): HandshakeRow[] {
  return handshakes.filter(({ verifyToken }) => verifyToken === undefined || handshakeSecrets.length > 0);
}

/** Returns the methods that a source takes. A HEAD that delivers nothing asks only if the URL is there. */
export function methodsOf(source: Source): string[] {
  const asked = handshakesOf(source).map(({ method = "POST" }) => method);
  const methods = new Set(["HEAD", ...asked, ...source.methods]);
  return [...methods].sort();
}

/**
 * Returns the answer to a handshake; null when the request is none. `proven`: the request was verified. One that was not
 * is answered only if the provider does not sign it; one that was is an event where there is nothing to echo.
 */
export async function answerHandshake(
  source: Source,
  request: SignedRequest,
  { proven }: { proven: boolean },
): Promise<HandshakeAnswer | null> {
  const { handshakeSecrets: own, secrets, handshakes, schemeName } = source;
  const common = handshakes.length === 0 && COMMON_SCHEMES.includes(schemeName) ? COMMON_HANDSHAKES : [];
  for (const row of [...handshakesOf(source), ...common]) {
    const { method = "POST", signed = true } = row;
    if (method !== request.method || (signed ? !proven : proven && answeredParts(row).length === 0)) continue;
    const answer = await rowAnswer(row, request, { secrets, own });
    if (answer === null || !signed || !signsAnswer(row) || secrets.length === 1) {
      if (answer !== null) return answer;
      continue;
    }
    // A provider that signed with one of several secrets accepts no answer made with another.
    return rowAnswer(row, request, { secrets: await signersOf(source, request), own });
  }
  return null;
}

/** Returns why an unsigned handshake was not answered. */
export async function handshakeFault(
  { handshakes, handshakeSecrets: own }: Source,
  request: SignedRequest,
): Promise<HandshakeReason> {
  const asked = handshakes.filter(({ verifyToken }) => verifyToken !== undefined);
  if (asked.length > 0 && own.length === 0) return "question_secret_unset";
  const mismatches = await Promise.all(asked.map((row) => hasOtherToken(row, request, own)));
  return mismatches.includes(true) ? "question_token_mismatch" : "question_malformed";
}

/** Returns those of a source's secrets that signed the request. */
async function signersOf({ scheme, secrets }: Source, request: SignedRequest): Promise<string[]> {
  const at = scheme.timestampOf?.(request) ?? 0;
  const verdicts = await Promise.all(secrets.map((secret) => scheme.verify(request, [secret], at)));
  return secrets.filter((_secret, index) => verdicts[index]?.ok);
}
