import { isSecretName, MASK } from "../secret-name.ts";

/** The headers of an answer as they are kept beside an attempt: bounded, and without secrets. Pure. */

export type AnswerHeaders = Readonly<Record<string, string>>;

/** Bounds of what is kept: an endpoint chooses what it answers, and each failed attempt has a place in a row. */
const MAX_KEPT = 20;
const MAX_NAME = 64;
const MAX_VALUE = 200;

/** Returns the first headers in the order of their names, long names and values cut, values of secrets masked. */
export function answerHeaders(headers: Headers): AnswerHeaders {
  const kept: [string, string][] = [];
  for (const [name, value] of headers) {
    if (kept.length === MAX_KEPT) break;
    kept.push([keptPart(name, MAX_NAME), isSecretName(name) ? MASK : keptPart(value, MAX_VALUE)]);
  }
  return Object.fromEntries(kept);
}

function keptPart(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}
