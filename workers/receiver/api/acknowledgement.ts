import type { ConfiguredAnswer, TestAnswer } from "../verify/answer-config.ts";
import type { Source } from "../verify/source.ts";

/** The answer to an event that is in the log. */

/** Calls of each source that tests its sender, in this isolate: another isolate counts its own. */
const callsOf = new Map<string, number>();

/** Counts a call of a source, and returns the test's answer if this call gets it. */
export function testAnswerFor({ name, answers: { test } }: Source): TestAnswer | null {
  if (test === null) return null;
  const calls = (callsOf.get(name) ?? 0) + 1;
  callsOf.set(name, calls);
  return calls % test.every === 0 ? test : null;
}

/** Returns the answer; `first` is the seq of the event that this one repeats, null for none. */
export async function acknowledgement(
  { scheme, answers }: Source,
  { first, test }: { first: number | null; test: TestAnswer | null },
): Promise<Response> {
  const text = first === null ? "Received" : `Received (again; first logged as ${first})`;
  const given = test ?? answers.answer ?? (scheme.answer && { status: 200, ...scheme.answer });
  const response = given === undefined ? new Response(text) : responseOf(given);
  if (first !== null) response.headers.set("webhook-duplicate", "true");
  // The event is in the log already: a sender that gives up meanwhile sends a duplicate.
  if (test !== null && test.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, test.delayMs));
  return response;
}

function responseOf({ status, contentType, body }: ConfiguredAnswer): Response {
  const hasBody = ![204, 205, 304].includes(status);
  return new Response(hasBody ? body : null, { status, headers: { "content-type": contentType } });
}
