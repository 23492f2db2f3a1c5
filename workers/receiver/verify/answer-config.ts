import { isTable, type SourceTable, TableFault } from "./table.ts";

/** Reads what a source answers its events with, for providers that insist on more than a 200 and for tests of senders. */

/** Answer to an event. A status without a body has an empty `body`. */
export type ConfiguredAnswer = { status: number; contentType: string; body: string };

/** Answer of a source that tests its sender: every so many calls, and so much later. */
export type TestAnswer = ConfiguredAnswer & { delayMs: number; every: number };

/** Answers of a source. `answer` null: the scheme's, or the usual text. `test` null unless the source tests its sender. */
export type SourceAnswers = { answer: ConfiguredAnswer | null; test: TestAnswer | null };

export const NO_ANSWERS: SourceAnswers = { answer: null, test: null };

const KEYS = ["status", "contentType", "body", "delayMs", "every"];
const CONTENT_TYPES = ["text/plain", "application/json", "text/xml", "application/xml"];
const MAX_ANSWER_LENGTH = 4096;
/** Senders give up sooner. */
const MAX_DELAY_MS = 30_000;
const MAX_EVERY = 1000;
/** Statuses whose answer has no body, RFC 9110 section 6.4.1. */
const BODILESS = [204, 205, 304];

/** @throws TableFault */
export function answersIn({ answer, test = false }: SourceTable): SourceAnswers {
  if (typeof test !== "boolean") throw new TableFault("test is not true or false");
  if (answer === undefined) return test ? { answer: null, test: { ...USUAL, delayMs: 0, every: 1 } } : NO_ANSWERS;
  if (!isTable(answer)) throw new TableFault("answer is not a table");
  const unknown = Object.keys(answer).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) throw new TableFault(`answer.${unknown} is unknown; known are ${KEYS.join(", ")}`);
  const forTests = ["delayMs", "every"].find((key) => answer[key] !== undefined);
  if (!test && forTests !== undefined) throw new TableFault(`answer.${forTests} needs test = true`);
  const statuses = test ? { min: 200, max: 599 } : { min: 200, max: 299 };
  const status = numberIn(answer, "status", { ...statuses, fallback: 200 });
  const { body = "", contentType = "text/plain" } = answer;
  if (typeof body !== "string" || body.length > MAX_ANSWER_LENGTH)
    throw new TableFault(`answer.body is not a text of at most ${MAX_ANSWER_LENGTH} characters`);
  if (typeof contentType !== "string" || !CONTENT_TYPES.includes(contentType))
    throw new TableFault(`answer.contentType is not one of ${CONTENT_TYPES.join(", ")}`);
  if (BODILESS.includes(status) && body !== "")
    throw new TableFault(`answer.body is given, and status ${status} has none`);
  const given = { status, contentType, body };
  if (!test) return { answer: given, test: null };
  const delayMs = numberIn(answer, "delayMs", { min: 0, max: MAX_DELAY_MS, fallback: 0 });
  const every = numberIn(answer, "every", { min: 1, max: MAX_EVERY, fallback: 1 });
  return { answer: null, test: { ...given, delayMs, every } };
}

const USUAL: ConfiguredAnswer = { status: 200, contentType: "text/plain", body: "Received" };

function numberIn(
  table: SourceTable,
  key: string,
  { min, max, fallback }: { min: number; max: number; fallback: number },
): number {
  const value = table[key] ?? fallback;
  if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
  const needs = key === "status" && max < 300 ? "; any other needs test = true" : "";
  throw new TableFault(`answer.${key} is not a whole number from ${min} to ${max}${needs}`);
}
