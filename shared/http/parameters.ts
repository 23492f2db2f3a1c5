import type { MiddlewareHandler } from "hono";
import { checkNames } from "./names.ts";
import { Problem, type ProblemCode } from "./problem.ts";

/** Query parameters as both Workers read them: an unknown one is refused, and numbers have one form. */

type Text = string | null | undefined;

/** Items on a page when a request does not say how many. */
const DEFAULT_LIMIT = 50;

/** Decimal and exact as a JavaScript number. */
const NUMBER = /^(0|[1-9]\d{0,14})$/;

/** @throws Problem `invalid_parameter` for a parameter that is unknown or given twice: it is not ignored. */
export function checkParameters(parameters: URLSearchParams, known: readonly string[]): void {
  checkNames(parameters.keys(), known, "invalid_parameter");
}

/** Makes a route refuse every query parameter but these, before its handler reads anything. */
export function takes(...known: string[]): MiddlewareHandler {
  return (c, next) => {
    checkParameters(new URL(c.req.url).searchParams, known);
    return next();
  };
}

/** Bounds of a number, both included. `code`: the problem of any other; `invalid_parameter` when there is none. */
type Range = { min: number; max: number; code?: ProblemCode };

/** Reads a whole number within bounds; null when there is none. @throws Problem of the range's code */
export function wholeNumber(name: string, text: Text, { min, max, code = "invalid_parameter" }: Range): number | null {
  if (text === null || text === undefined) return null;
  const value = NUMBER.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  const detail = `\`${name}\` is a whole number from ${min} to ${max}, not ${JSON.stringify(text)}.`;
  throw new Problem(code, detail);
}

/**
 * Reads a position in a log, 0 for the one before the first event; null when there is none.
 *
 * @throws Problem `invalid_cursor`
 */
export function cursorOf(name: string, text: Text): number | null {
  if (text === null || text === undefined) return null;
  if (NUMBER.test(text)) return Number(text);
  const detail = `\`${name}\` is a cursor, the \`seq\` of an event or the \`next\` of a page, not ${JSON.stringify(text)}.`;
  throw new Problem("invalid_cursor", detail);
}

/** Reads how many items a page may have, at most `max`. @throws Problem `invalid_parameter` */
export function limitOf(text: Text, max: number): number {
  return wholeNumber("limit", text, { min: 1, max }) ?? DEFAULT_LIMIT;
}
